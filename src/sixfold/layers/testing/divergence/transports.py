"""HTTP without a network: requests put to whatever a candidate serves with. Runs inside the sandbox, like `guest.py`.

Standard library only. A service is started as its specification says, with `http.server`, `wsgiref`, uvicorn or
werkzeug replaced where they would begin to listen: no port is opened and nothing waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import importlib
import io
import json
import re
import socketserver
import time
import types
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from _sixfold_canonical import canonical, text  # type: ignore[import-not-found]  # as the prelude names it

MOST_BODY = 20_000
DAY_S = 86_400
UUID = re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b")
MOMENT = re.compile(r"\b(\d{4}-\d\d-\d\d)[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")

Ask = Callable[[dict[str, Any]], tuple[int, Any]]
"""Puts one step; gives the status and the canonical body."""


def ask(application: Any) -> Ask:
    """How to put requests to a WSGI or ASGI application, a handler class, or a server that has one."""
    handle: Any = getattr(application, "finish_request", None)
    if handle is not None:
        return lambda step: _told(ask_handler(handle, step, body_of(step)))
    if isinstance(application, type) and hasattr(application, "handle_one_request"):
        return lambda step: _told(
            ask_handler(lambda wire, client: application(wire, client, None), step, body_of(step))
        )
    if is_asgi(application):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(started(application))
        return lambda step: _told(loop.run_until_complete(ask_asgi(application, step, body_of(step))))
    return lambda step: _told(ask_wsgi(application, step, body_of(step)))


def in_place_of_servers(source: str, serve: Callable[[Any], None]) -> None:
    """From now on whoever begins to listen hands what it would serve to `serve`, which does not return.

    Args:
        source: of the candidate; only servers it names are loaded.
    """
    for name in ("serve_forever", "handle_request"):
        setattr(socketserver.BaseServer, name, lambda self, *_, **__: serve(self))
    socketserver.TCPServer.__init__ = _unbound  # type: ignore[method-assign]
    http.server.HTTPServer.server_bind = _named  # type: ignore[method-assign]
    if "uvicorn" in source:
        with contextlib.suppress(ImportError):
            server = importlib.import_module("uvicorn").Server
            server.run = lambda self, *_, **__: serve(_named_application(self.config.app))
    if "flask" in source or "werkzeug" in source:
        with contextlib.suppress(ImportError):
            serving: Any = importlib.import_module("werkzeug.serving")
            serving.run_simple = lambda host, port, application, *_, **__: serve(application)


def _unbound(
    self: Any,
    server_address: Any,
    RequestHandlerClass: Any,
    bind_and_activate: bool = True,
) -> None:
    """A server as its constructor leaves it, with a socket that does nothing."""
    socketserver.BaseServer.__init__(self, server_address, RequestHandlerClass)
    self.socket = Wire(b"")
    if bind_and_activate:
        self.server_bind()


def _named(self: Any) -> None:
    self.server_name, self.server_port = "localhost", self.server_address[1]


def _named_application(application: Any) -> Any:
    """An application given as `module:name`."""
    if not isinstance(application, str):
        return application
    module, _, name = application.partition(":")
    return getattr(importlib.import_module(module), name)


def body_of(step: dict[str, Any]) -> bytes:
    """The JSON body of a step; nothing when it has none."""
    return b"" if step["body"] is None else json.dumps(step["body"]).encode()


def _told(answer: tuple[int, str, bytes]) -> tuple[int, Any]:
    status, kind, body = answer
    return status, content(kind, body)


def content(kind: str, answer: bytes) -> Any:
    """A body: JSON by its meaning, anything else as text. What differs at every start is no difference."""
    said = timeless(answer.decode(errors="replace"))
    if "json" in kind or answer[:1] in (b"{", b"["):
        with contextlib.suppress(ValueError, RecursionError):
            return canonical(json.loads(said))
    return text(said[:MOST_BODY].rstrip())


def timeless(said: str) -> str:
    """A text without random ids and without the present time."""
    now = time.time()
    days = {time.strftime("%Y-%m-%d", time.gmtime(now + shift * DAY_S)) for shift in (-1, 0, 1)}
    return MOMENT.sub(lambda found: "<now>" if found[1] in days else found[0], UUID.sub("<uuid>", said))


def ask_wsgi(application: Any, step: dict[str, Any], body: bytes) -> tuple[int, str, bytes]:
    """One request through the WSGI protocol (PEP 3333)."""
    url = urlsplit(step["path"])
    told: list[Any] = []
    environ = {
        "REQUEST_METHOD": step["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(url.path, "iso-8859-1"),
        "QUERY_STRING": url.query,
        "CONTENT_TYPE": "application/json" if body else "",
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        told[:] = [int(status.split()[0]), dict((name.lower(), value) for name, value in headers)]
        return written.append

    written: list[bytes] = []
    written += application(environ, start_response)
    return told[0], told[1].get("content-type", ""), b"".join(written)


def is_asgi(application: Any) -> bool:
    """Whether this is an ASGI 3 application: a coroutine function of scope, receive and send."""
    called = application if isinstance(application, types.FunctionType) else type(application).__call__
    return asyncio.iscoroutinefunction(called)


async def started(application: Any) -> None:
    """Let an ASGI application start up, as a server does before its first request; one that knows no start is ready."""
    ready = asyncio.Event()
    asked = [{"type": "lifespan.startup"}]

    async def receive() -> dict[str, Any]:
        if asked:
            return asked.pop()
        await asyncio.Event().wait()  # it is never asked to stop
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        ready.set()

    async def live() -> None:
        with contextlib.suppress(Exception):
            await application({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
        ready.set()

    _alive.append(asyncio.ensure_future(live()))
    await ready.wait()


_alive: list[asyncio.Future[None]] = []
"""Keeps what runs beside the requests from being collected."""


async def ask_asgi(application: Any, step: dict[str, Any], body: bytes) -> tuple[int, str, bytes]:
    """One request through the ASGI protocol, version 3."""
    url = urlsplit(step["path"])
    kind = [(b"content-type", b"application/json")] if body else []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": step["method"],
        "scheme": "http",
        "path": unquote(url.path),
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"content-length", str(len(body)).encode()), *kind],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    asked = [{"type": "http.request", "body": body, "more_body": False}]
    told: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return asked.pop() if asked else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    await application(scope, receive, send)
    headers = {bytes(name).lower(): bytes(value) for name, value in told[0].get("headers", ())}
    answer = b"".join(message.get("body", b"") for message in told[1:])
    return told[0]["status"], headers.get(b"content-type", b"").decode("latin-1"), answer


def ask_handler(
    handle: Callable[[Wire, tuple[str, int]], Any], step: dict[str, Any], body: bytes
) -> tuple[int, str, bytes]:
    """One request to what handles a connection, over a pair of byte streams."""
    head = f"{step['method']} {step['path']} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    if body:
        head += "Content-Type: application/json\r\n"
    wire = Wire(head.encode() + b"\r\n" + body)
    handle(wire, ("127.0.0.1", 1))
    top, _, answer = wire.sent.partition(b"\r\n\r\n")
    lines = top.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    return int(lines[0].split()[1]), headers.get("content-type", ""), answer


class Wire:
    """A socket whose other end has said everything already."""

    def __init__(self, said: bytes) -> None:
        self.said = io.BytesIO(said)
        self.sent = b""

    def makefile(self, mode: str, size: int = -1) -> io.BytesIO:
        """The stream a handler reads from."""
        return self.said

    def sendall(self, content: bytes) -> None:
        """What a handler answers."""
        self.sent += content

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Whatever else is done to a socket changes nothing here."""
        return lambda *_, **__: None
