"""Services in this process that are asked over HTTP, and their honest stories."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from sixfold.layers.testing.exploits.ground import Ground
from sixfold.layers.testing.exploits.visits.eye import Eye
from sixfold.layers.testing.exploits.visits.fresh import Fresh
from sixfold.layers.testing.exploits.visits.site import Site
from sixfold.layers.testing.exploits.visits.story import Story
from sixfold.layers.testing.harness.product import Service

Reply = tuple[int, Any]
Answering = Callable[[str, str, Mapping[str, Any]], Reply]


@contextlib.contextmanager
def served(answer: Answering) -> Iterator[int]:
    """The port of a service in this process."""

    class Handler(BaseHTTPRequestHandler):
        def serve(self) -> None:
            place = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(raw) if raw else {}
            given = body if self.command != "GET" and isinstance(body, dict) else dict(parse_qsl(place.query))
            status, value = answer(self.command, place.path, given)
            kind, text = value if isinstance(value, tuple) else ("application/json", json.dumps(value))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = serve

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Instances:
    """New instances of a service in this process, in place of started programs."""

    def __init__(self, make: Callable[[], Answering], home: Site, log: Path | None = None) -> None:
        self._make, self._home, self._log = make, home, log

    @contextlib.contextmanager
    def site(self, **_: object) -> Iterator[Site]:
        with served(self._make()) as port:
            service = SimpleNamespace(port=port, health_path="/health", log=self._written)
            yield self._home.at(cast(Service, service), self._home.base)

    def _written(self) -> str:
        return self._log.read_text(encoding="utf-8") if self._log is not None and self._log.exists() else ""


@contextlib.contextmanager
def learnt(
    make: Callable[[], Answering],
    steps: list[dict[str, Any]],
    place: Path,
    endpoints: tuple[dict[str, Any], ...] = (),
    texts: tuple[str, ...] = (),
) -> Iterator[tuple[Story, Fresh]]:
    """The story of a service, and where new instances come from."""
    ground = Ground(str(place / "ground"))
    job = {
        "steps": [{"entry": "app", "body": None, "method": "POST", **step} for step in steps],
        "texts": texts, "fields": [], "pairs": [], "nests": [], "words": "", "imported": [],
    }  # fmt: skip
    try:
        with served(make()) as port:
            service = cast(Service, SimpleNamespace(port=port, health_path="/health"))
            site = Site("app", service, ground, job, float("inf"), str(place))
            story = Story(site, Eye(site, ""), endpoints)
            story.learn()
            yield story, cast(Fresh, Instances(make, site, place / "service.log"))
    finally:
        ground.close()


def weaknesses(found: Iterator[dict[str, Any]]) -> set[str]:
    return {one["cwe"] for one in found if one.get("severity") == "error"}
