"""Whole products are folded into single programs that the divergence engine can execute side by side."""

from __future__ import annotations

import pytest
from plain_folders import Folders

from sixfold.domain.divergence import Candidate, show
from sixfold.domain.ports import Environment
from sixfold.domain.requirements import Entry, Example, Expect, Requirement, Specification, Step
from sixfold.layers.testing.divergence import boundaries, diverge, execute, program
from sixfold.layers.testing.sandbox.bubblewrap import Bubblewrap
from sixfold.layers.testing.sandbox.sandlock import Sandlock


def specification(*steps: Step) -> Specification:
    examples = tuple(Example(id=f"R1.E{n}", title="", steps=(step,)) for n, step in enumerate(steps, 1))
    return Specification(
        title="x",
        requirements=(Requirement(id="R1", text="", examples=examples),),
        entries=(
            Entry(name="shop", kind="library", module="shop.cart"),
            Entry(name="cli", kind="cli", start=("python", "main.py")),
        ),
    )


SHOP = {
    "shop/__init__.py": "",
    "shop/prices.py": "def price(n):\n    if n < 0:\n        raise ValueError(n)\n    return 2 * n\n",
    "shop/cart.py": "from .prices import price\n\n\ndef total(items: list[int]):\n    return sum(map(price, items))\n",
    "main.py": "import sys\nfrom shop.cart import total\n\nprint(total(map(int, sys.argv[1:])))\n",
}


def test_functions_and_commands_of_the_examples_are_the_boundaries() -> None:
    found = boundaries(
        specification(
            Step(call="shop.cart.total([1, 2])"), Step(call="shop.cart.total([])"), Step(argv=("1",)), Step(path="/")
        )
    )
    assert [(one.target.kind, one.target.entry, one.module) for one in found] == [
        ("function", "total", "shop.cart"),
        ("cli", "main.py", "main.py"),
    ]
    assert [steps[0].call for steps in found[0].examples] == ["total([1, 2])", "total([])"]


def serving(*start: str) -> Specification:
    steps = (Step(method="POST", path="/notes", body={"text": "a"}, expect=Expect(status=201)), Step(path="/notes"))
    return Specification(
        title="x",
        requirements=(Requirement(id="R1", text="", examples=(Example(id="R1.E1", title="", steps=steps),)),),
        entries=(Entry(name="api", kind="service", start=start),),
    )


def test_a_service_is_a_boundary_when_its_command_line_can_be_read() -> None:
    (found,) = boundaries(serving("python", "app.py", "--port", "{port}", "--data", "{data}"))
    assert (found.target.kind, found.module, found.words[:2]) == ("service", "app.py", ("--port", "8000"))
    assert [step.path for step in found.examples[0]] == ["/notes", "/notes"]
    (found,) = boundaries(serving("python", "-m", "uvicorn", "shop.api:app", "--port", "{port}"))
    assert (found.target.kind, found.target.entry, found.module) == ("http", "app", "shop.api")
    assert boundaries(serving("node", "server.mjs", "{port}")) == ()
    assert boundaries(serving("python", "web.py", "{port}", "{port:store}")) == ()


def test_a_call_of_something_else_is_no_boundary() -> None:
    assert boundaries(specification(Step(call="len(shop.cart.total([1]))"), Step(call="import os"))) == ()


def test_a_product_without_the_boundary_gives_no_program() -> None:
    boundary = boundaries(specification(Step(call="shop.cart.total([1])")))[0]
    assert program({"other.py": "x = 1\n"}, boundary) is None
    assert program({"shop/cart.py": "def total(:\n"}, boundary) is None


@pytest.mark.slow
async def test_products_of_several_modules_are_told_apart_by_what_they_do(
    sandbox: Bubblewrap | Sandlock, folders: Folders, environment: Environment
) -> None:
    given = specification(Step(call="shop.cart.total([1, 2])"), Step(argv=("1", "2")))
    function, command = boundaries(given)
    other = {**SHOP, "shop/prices.py": SHOP["shop/prices.py"].replace("2 * n", "2 * n if n < 9 else n")}
    programs = [program(files, function) for files in (SHOP, other)]
    some = [Candidate(name=name, source=text or "") for name, text in zip("ab", programs, strict=True)]
    async with sandbox.open(folders.add({}), environment=environment) as workspace:
        found = await diverge(workspace, some, function.target, examples=function.examples)
        assert [reading.candidates for reading in found.readings] == [("a",), ("b",)]
        (row,) = await execute(workspace, some[:1], function.target, [(Step(call="total([-1])"),)])
        # Raised by a module inside the product, on purpose: that is an answer, not an accident.
        assert (row[0][0].value, row[0][0].accident) == ("ValueError", False)
        lines = [Candidate(name="a", source=program(SHOP, command) or "")]
        (row,) = await execute(workspace, lines, command.target, command.examples)
        assert show(row[0]) == "prints '6'"


NOTES = """\
import argparse
import json
import threading
import uuid
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from store import Store


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/":
            self.answer(200, (Path(__file__).parent / "hello.txt").read_text())
        else:
            self.answer(200, self.server.store.all()) if self.path == "/notes" else self.answer(404, {})

    def do_POST(self):
        note = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        note = {"text": note.get("text")} if isinstance(note, dict) else {}
        note |= {"id": str(uuid.uuid4()), "at": datetime.now(timezone.utc).isoformat()}
        self.server.store.add(note)
        self.answer(201, note)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", given.port), Handler)
    server.store = Store(given.data / "notes.json")
    START
"""
STORE = """\
import json


class Store:
    def __init__(self, path):
        self.path = path

    def all(self):
        return json.loads(self.path.read_text()) if self.path.exists() else []

    def add(self, note):
        self.path.write_text(json.dumps([*self.all(), note]))
"""
ASGI = """\
import json

notes = None


async def app(scope, receive, send):
    global notes
    if scope["type"] == "lifespan":
        await receive()
        notes = []
        await send({"type": "lifespan.startup.complete"})
        await receive()
    if scope["method"] == "POST":
        notes.append(json.loads((await receive())["body"]))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(notes).encode()})
"""


def service(start: str = "server.serve_forever()", store: str = STORE) -> dict[str, str]:
    return {"app.py": NOTES.replace("START", start), "store.py": store, "hello.txt": "hello\n"}


@pytest.mark.slow
async def test_services_are_told_apart_by_series_of_requests(
    sandbox: Bubblewrap | Sandlock, folders: Folders, environment: Environment
) -> None:
    (boundary,) = boundaries(serving("python", "app.py", "--port", "{port}", "--data", "{data}"))
    threaded = service("threading.Thread(target=server.serve_forever).start()\n    threading.Event().wait()")
    last_only = service(store=STORE.replace("*self.all(), ", ""))
    programs = [program(files, boundary) or "" for files in (service(), threaded, last_only)]
    some = [Candidate(name=name, source=text) for name, text in zip("abc", programs, strict=True)]
    async with sandbox.open(folders.add({}), environment=environment) as workspace:
        (row,) = await execute(workspace, some[:1], boundary.target, [(*boundary.examples[0], Step(path="/"))])
        assert [outcome.kind for outcome in row[0]] == ["answered"] * 3
        assert row[0][-1].value == [200, "hello\n"]
        found = await diverge(workspace, some, boundary.target, examples=boundary.examples)
    # Ids and times differ at every start, which is no difference; a lost note shows only after two of them.
    assert [reading.candidates for reading in found.readings] == [("a", "b"), ("c",)]
    assert [step.method for step in found.splits[0].steps] == ["POST", "POST", "GET"]


@pytest.mark.slow
async def test_an_application_is_started_as_its_own_server_would(
    sandbox: Bubblewrap | Sandlock, folders: Folders, environment: Environment
) -> None:
    (boundary,) = boundaries(serving("python", "-m", "uvicorn", "api:app", "--port", "{port}"))
    some = [Candidate(name="a", source=program({"api.py": ASGI}, boundary) or "")]
    async with sandbox.open(folders.add({}), environment=environment) as workspace:
        (row,) = await execute(workspace, some, boundary.target, boundary.examples)
    assert show(row[0]) == "200 [{'text': 'a'}]"


@pytest.mark.slow
async def test_a_program_that_never_serves_gives_no_answer(
    sandbox: Bubblewrap | Sandlock, folders: Folders, environment: Environment
) -> None:
    (boundary,) = boundaries(serving("python", "app.py", "{port}"))
    some = [Candidate(name="a", source=program({"app.py": "print('ready')\n"}, boundary) or "")]
    async with sandbox.open(folders.add({}), environment=environment) as workspace:
        (row,) = await execute(workspace, some, boundary.target, boundary.examples)
    assert [(outcome.kind, outcome.value) for outcome in row[0]] == [("stopped", "never served")]
