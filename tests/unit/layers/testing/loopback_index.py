"""A package index on the loopback: pages of PEP 691 with the upload times of PEP 700, or plain pages of PEP 503."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import json
import threading
import zipfile
from collections.abc import Iterator


def wheel(name: str, version: str, requires: tuple[str, ...]) -> bytes:
    """A wheel of one module."""
    kept, folder = io.BytesIO(), f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        archive.writestr(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        archive.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{folder}/RECORD", "")
    return kept.getvalue()


class Index:
    """What the index has, and what was asked of it."""

    def __init__(self, *, dated: bool = True) -> None:
        self.dated = dated
        self.files: dict[str, dict[str, tuple[bytes, str]]] = {}
        self.asked: list[str] = []

    def add(self, name: str, version: str, uploaded: str = "2020-01-01", requires: tuple[str, ...] = ()) -> None:
        """Upload a wheel."""
        file = f"{name}-{version}-py3-none-any.whl"
        self.files.setdefault(name, {})[file] = (wheel(name, version, requires), uploaded)

    def page(self, path: str) -> tuple[bytes, str] | None:
        """Content and type; None when there is nothing at the path."""
        self.asked.append(path)
        kind, _, rest = path.strip("/").partition("/")
        name, _, file = rest.partition("/")
        if kind == "files" and file in self.files.get(name, {}):
            return self.files[name][file][0], "application/zip"
        if kind != "simple" or name not in self.files:
            return None
        if not self.dated:
            links = [f'<a href="/files/{name}/{file}">{file}</a>' for file in self.files[name]]
            return "".join(["<!DOCTYPE html><html><body>", *links, "</body></html>"]).encode(), "text/html"
        entries = [
            {
                "filename": file,
                "url": f"/files/{name}/{file}",
                "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
                "size": len(content),
                "upload-time": f"{uploaded}T00:00:00Z",
            }
            for file, (content, uploaded) in self.files[name].items()
        ]
        page = {"meta": {"api-version": "1.1"}, "name": name, "versions": [], "files": entries}
        return json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json"


@contextlib.contextmanager
def serve(index: Index) -> Iterator[str]:
    """Serve an index; gives its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        """Answers from the index."""

        def do_GET(self) -> None:
            """A page, a file, or 404."""
            found = index.page(self.path)
            if found is None:
                self.send_error(404)
                return
            content, kind = found
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/simple"
        finally:
            server.shutdown()
            thread.join()
