"""Runs one candidate on one input and tells what it did. Runs inside the sandbox, in a fork of its own.

Standard library only. Its source follows that of `canonical.py` in the prelude of a batch; `observe` is then called
with a candidate's source, the kind of boundary and the steps. What a candidate prints, closes or replaces cannot mix
with the report, which goes to a copy of standard output made before the candidate began.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import linecache
import os
import random
import re
import sys
import types
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from _sixfold_canonical import canonical, text  # type: ignore[import-not-found]  # as the prelude names it

MOST_PRINTED = 20_000


def observe(source: str, kind: str, entry: str, steps: list[dict[str, Any]]) -> None:
    """Run the steps against a fresh start of the candidate and report one outcome a step, to the first failure."""
    report = os.dup(1)
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    random.seed(0)
    sys.path.insert(0, os.getcwd())  # the rest of the product, when the workspace holds one
    run = {"cli": run_command, "http": run_requests}.get(kind, run_calls)
    try:
        outcomes = run(source, entry, steps)
    except BaseException as error:  # whatever the candidate raises while it is loaded is what it did
        outcomes = [raised(error, source)]
    content = json.dumps(outcomes).encode()
    while content:
        content = content[os.write(report, content) :]
    os._exit(0)


def load(source: str, name: str) -> dict[str, Any]:
    """Run a candidate's own text as a module and return its names."""
    module = types.ModuleType(name)
    module.__dict__["__file__"] = "candidate.py"
    sys.modules[name] = module
    exec(compile(source, "candidate.py", "exec", dont_inherit=True), module.__dict__)  # noqa: S102  (the purpose)
    return module.__dict__


def raised(error: BaseException, source: str) -> dict[str, Any]:
    """An exception as an outcome: its type counts, its message is a note. Only an own `raise` makes it a decision."""
    note = ""
    with contextlib.suppress(BaseException):  # a hostile __str__
        note = str(error)[:200].encode("utf-8", "replace").decode()
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    decided = False
    file = last.tb_frame.f_code.co_filename if last is not None else ""
    if last is not None and file.startswith("candidate"):  # `candidate:PATH` is a module of a whole product
        known = source.splitlines() if file == "candidate.py" else linecache.getlines(file)
        lines = known[last.tb_lineno - 1 : last.tb_lineno]
        decided = bool(re.search(r"(?:^|[:;])\s*(?:raise|assert)\b", "".join(lines)))
    return {"kind": "raised", "value": type(error).__name__, "note": note, "accident": not decided}


def run_calls(source: str, entry: str, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Calls of a function, or of a class: what the first step of several gives is `it` in the later ones."""
    names = load(source, "candidate")
    outcomes: list[dict[str, Any]] = []
    for number, step in enumerate(steps):
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                value, changed = call(step["call"], names)
                if number == 0 and len(steps) > 1:
                    names["it"] = value
                form = canonical(value)
        except BaseException as error:
            return [*outcomes, raised(error, source)]
        if value is None and printed.getvalue():
            form = ["printed", text(printed.getvalue()[:MOST_PRINTED])]
        elif value is None and changed is not None:
            form = ["changed", changed]
        outcomes.append({"kind": "returned", "value": form})
    return outcomes


def call(expression: str, names: dict[str, Any]) -> tuple[Any, list[Any] | None]:
    """The value of an expression, awaited if need be, and the arguments of the outermost call if it changed them."""
    import ast  # only here: the other boundaries start faster without it

    tree = ast.parse(expression, mode="eval").body
    if not isinstance(tree, ast.Call) or any(isinstance(item, ast.Starred) for item in tree.args):
        return settled(eval(expression, names)), None  # noqa: S307  (the purpose; inside the sandbox)
    if any(word.arg is None for word in tree.keywords):
        return settled(eval(expression, names)), None  # noqa: S307

    def value_of(node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), "<input>", "eval"), names)  # noqa: S307

    function: Callable[..., Any] = value_of(tree.func)
    given = [value_of(item) for item in tree.args]
    words = {str(word.arg): value_of(word.value) for word in tree.keywords}
    # An iterator is used up by looking at it, so only plain containers are looked at.
    watched = [item for item in (*given, *words.values()) if isinstance(item, list | dict | set)]
    before = [canonical(item) for item in watched]
    value = settled(function(*given, **words))
    after = [canonical(item) for item in watched]
    return value, after if after != before else None


def settled(value: Any) -> Any:
    """The result of a coroutine, everything else as it is."""
    return asyncio.run(value) if isinstance(value, types.CoroutineType) else value


def run_command(source: str, entry: str, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A command line program: the same process image for each step would leak state, so only the first step runs."""
    step = steps[0]
    sys.argv = [entry or "candidate.py", *step["argv"]]
    sys.stdin = io.TextIOWrapper(io.BytesIO(step["stdin"].encode("utf-8", "surrogateescape")), encoding="utf-8")
    raw = io.BytesIO()
    sys.stdout = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
    sys.stderr = io.StringIO()
    code: Any = 0
    try:
        load(source, "__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException as error:
        return [raised(error, source)]
    with contextlib.suppress(ValueError):  # the program closed its output
        sys.stdout.flush()
    lines = raw.getvalue()[:MOST_PRINTED].decode(errors="replace").splitlines() if not raw.closed else []
    return [{"kind": "exited", "value": [int(code), text("\n".join(line.rstrip() for line in lines).rstrip())]}]


def run_requests(source: str, entry: str, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Requests to a WSGI or ASGI application or an `http.server` handler class, without any network."""
    application = load(source, "candidate")[entry or "app"]
    outcomes: list[dict[str, Any]] = []
    for step in steps:
        body = b"" if step["body"] is None else json.dumps(step["body"]).encode()
        try:
            if isinstance(application, type) and hasattr(application, "handle_one_request"):
                status, kind, answer = ask_handler(application, step, body)
            elif is_asgi(application):
                status, kind, answer = asyncio.run(ask_asgi(application, step, body))
            else:
                status, kind, answer = ask_wsgi(application, step, body)
        except BaseException as error:
            return [*outcomes, raised(error, source)]
        outcomes.append({"kind": "answered", "value": [status, content(kind, answer)]})
    return outcomes


def content(kind: str, answer: bytes) -> Any:
    """A body: JSON by its meaning, anything else as text."""
    if "json" in kind or answer[:1] in (b"{", b"["):
        with contextlib.suppress(ValueError, RecursionError):
            return canonical(json.loads(answer))
    return text(answer[:MOST_PRINTED].decode(errors="replace").rstrip())


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


def ask_handler(handler: Any, step: dict[str, Any], body: bytes) -> tuple[int, str, bytes]:
    """One request to a `BaseHTTPRequestHandler` class over a pair of byte streams."""
    head = f"{step['method']} {step['path']} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    if body:
        head += "Content-Type: application/json\r\n"
    wire = Wire(head.encode() + b"\r\n" + body)
    handler(wire, ("127.0.0.1", 1), None)
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

    def settimeout(self, seconds: float | None) -> None:
        """Never late."""
