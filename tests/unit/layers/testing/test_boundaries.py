"""Boundaries tried on real products: many at once, several services, misused commands, a restart after use."""

from __future__ import annotations

import pytest
from plain_folders import Folders

from sixfold.domain.evidence import Check
from sixfold.domain.ports import Environment, Sandbox
from sixfold.domain.requirements import Entry, Example, Expect, Requirement, Specification, Step
from sixfold.layers.testing.boundaries import Boundary, try_boundaries
from sixfold.layers.testing.runner import Product

pytestmark = pytest.mark.slow

NOTES = """\
import json, os, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PLACE = os.path.join(sys.argv[2], "notes.json")
LOCK = threading.Lock()

def load():
    return json.load(open(PLACE)) if os.path.exists(PLACE) else []

def add(text):
    notes = load()
    GAP
    note = {"id": len(notes) + 1, "text": text}
    with WRITER:
        with open(PLACE + str(threading.get_ident()), "w") as file:
            json.dump([*AGAIN, note], file)
        os.replace(file.name, PLACE)
    return note

class Handler(BaseHTTPRequestHandler):
    def reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.reply(200, load()LIMIT)
    def do_POST(self):
        try:
            text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return self.reply(400, {})
        with GUARD:
            self.reply(201, add(text))
    def log_message(self, *args):
        pass

START
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


NOBODY = "__import__('contextlib').nullcontext()"


def notes(
    *,
    gap: str = "pass",
    guard: str = "LOCK",
    limit: str = "",
    start: str = "",
    writer: str = NOBODY,
    again: str = "notes",
) -> dict[str, str]:
    text = NOTES.replace("GAP", gap).replace("GUARD", guard).replace("LIMIT", limit).replace("START", start)
    return {"notes.py": text.replace("WRITER", writer).replace("AGAIN", again)}


STEPS = (
    Step(method="POST", path="/notes", body={"text": "a"}, expect=Expect(status=201)),
    Step(path="/notes", expect=Expect(status=200)),
)
SERVICE = Entry(name="notes", kind="service", start=("python", "notes.py", "{port}", "{data}"))


def specified(*entries: Entry, steps: tuple[Step, ...], text: str = "it works") -> Specification:
    example = Example(id="R1.E1", title="use", steps=steps)
    return Specification(
        title="t", entries=entries, requirements=(Requirement(id="R1", text=text, examples=(example,)),)
    )


async def tried(
    folders: Folders, sandbox: Sandbox, environment: Environment, files: dict[str, str], specification: Specification
) -> tuple[Boundary, dict[str, Check]]:
    entries = tuple(
        {"name": one.name, "kind": one.kind, "module": one.module, "start": list(one.start), "health": one.health}
        for one in specification.entries
    )
    async with sandbox.open(folders.add(files), environment=environment) as workspace:
        seen = await try_boundaries(workspace, Product(entries=entries, path=(".",)), specification, None)
    return seen, {check.name: check for check in seen.checks}


LOSSES = {
    "guarded": (notes(gap="time.sleep(0.005)"), True, "nothing was lost"),
    "a lost update": (notes(gap="time.sleep(0.02)", guard=NOBODY), False, "additions were confirmed at once and"),
    "a list that ends at five": (notes(gap="time.sleep(0.02)", guard=NOBODY, limit="[:5]"), True, "nothing"),
}


@pytest.mark.parametrize(("files", "ok", "told"), LOSSES.values(), ids=LOSSES)
async def test_additions_confirmed_at_once_are_all_there(
    folders: Folders, sandbox: Sandbox, environment: Environment, files: dict[str, str], ok: bool, told: str
) -> None:
    _, checks = await tried(folders, sandbox, environment, files, specified(SERVICE, steps=STEPS))
    assert (checks["crowd:notes"].ok, told in checks["crowd:notes"].detail) == (ok, True), checks["crowd:notes"]


async def test_same_identifier_for_two_visitors_fails_the_crowd(
    folders: Folders, sandbox: Sandbox, environment: Environment
) -> None:
    files = notes(gap="time.sleep(0.02)", guard=NOBODY, writer="LOCK", again="load()")
    _, checks = await tried(folders, sandbox, environment, files, specified(SERVICE, steps=STEPS))
    assert not checks["crowd:notes"].ok
    assert "got the same id" in checks["crowd:notes"].detail


async def test_service_that_does_not_come_up_again_after_use_fails_whatever_is_asked(
    folders: Folders, sandbox: Sandbox, environment: Environment
) -> None:
    files = notes(start="if os.path.exists(PLACE): sys.exit('already there')")
    _, checks = await tried(folders, sandbox, environment, files, specified(SERVICE, steps=STEPS))
    assert (checks["restart:notes"].ok, checks["restart:notes"].skipped) == (False, False)
    assert "does not come up again" in checks["restart:notes"].detail


ONE_ONLY = """\
try:
    open(os.path.join(sys.argv[2], "lock"), "x")
except OSError:
    sys.exit("locked")
"""


async def test_services_that_cannot_run_beside_each_other_are_found(
    folders: Folders, sandbox: Sandbox, environment: Environment
) -> None:
    other = Entry(name="other", kind="service", start=("python", "notes.py", "{port}", "{data}"))
    specification = specified(SERVICE, other, steps=STEPS)
    _, apart = await tried(folders, sandbox, environment, notes(), specification)
    assert apart["together"].ok, apart["together"]
    _, locked = await tried(folders, sandbox, environment, notes(start=ONE_ONLY), specification)
    assert not locked["together"].ok
    assert "other does not come up beside the others" in locked["together"].detail


TOOL = """\
import os, sys, time

def main(words):
    if words[:1] == ["list"] and len(words) == 1:
        return print(open("items").read() if os.path.exists("items") else "")
    if words[:1] == ["add"] and len(words) == 2 and words[1]:
        with open("items", "a") as file:
            file.write(words[1])
        return print("added")
    WRONG

main(sys.argv[1:])
"""
MISUSED = {
    "refuses": ("sys.exit('usage')", True, False, "were refused"),
    "raises": ("raise KeyError(words)", True, True, "ended in a traceback"),
    "hangs": ("time.sleep(60)", False, False, "did not end"),
    "dies": ("os.abort()", False, False, "ended by signal 6"),
    "spoils its data": (
        "os.path.isfile('items') and os.remove('items'); os.makedirs('items', exist_ok=True)",
        False,
        False,
        "crashed after malformed calls",
    ),
}


@pytest.mark.parametrize(("wrong", "ok", "warned", "told"), MISUSED.values(), ids=MISUSED)
async def test_command_called_wrongly_ends_and_goes_on_working(
    folders: Folders,
    sandbox: Sandbox,
    environment: Environment,
    wrong: str,
    ok: bool,
    warned: bool,
    told: str,
) -> None:
    tool = Entry(name="tool", kind="cli", start=("python", "tool.py"))
    specification = specified(tool, steps=(Step(argv=("add", "x")), Step(argv=("list",))))
    seen, checks = await tried(folders, sandbox, environment, {"tool.py": TOOL.replace("WRONG", wrong)}, specification)
    check = checks["bad-input:tool"]
    assert (check.ok, told in check.detail) == (ok, True), check
    assert any(one.rule == "unhandled-bad-input" for one in seen.findings) == warned


async def test_commands_at_once_block_only_where_somebody_asked_for_it(
    folders: Folders, sandbox: Sandbox, environment: Environment
) -> None:
    alone = "import os, time\nos.mkdir('busy')\ntime.sleep(0.5)\nos.rmdir('busy')\n"
    tool = Entry(name="tool", kind="cli", start=("python", "tool.py"))
    for text, skipped in (("it works", True), ("several users can call it at once", False)):
        specification = specified(tool, steps=(Step(argv=("go",)),), text=text)
        _, checks = await tried(folders, sandbox, environment, {"tool.py": alone}, specification)
        assert (checks["crowd:tool"].ok, checks["crowd:tool"].skipped) == (False, skipped), checks["crowd:tool"]
