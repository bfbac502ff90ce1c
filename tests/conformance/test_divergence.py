"""The divergence engine in the real sandbox: every kind of boundary, hostile candidates, the same result again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sandbox_backends import NAMES, Trees, make, unusable

from sixfold.domain.divergence import Candidate, Divergence, crashed, show
from sixfold.domain.evidence import Limits
from sixfold.domain.ports import Workspace
from sixfold.domain.requirements import Step
from sixfold.layers.testing.divergence import Target, compare, diverge, execute

pytestmark = pytest.mark.slow


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    """A workspace of the strongest backend that holds here."""
    trees = Trees()
    name = next((name for name in NAMES if not unusable().get(name, "absent")), NAMES[0])
    async with make(name, trees, tmp_path).open(trees.add({})) as opened:
        yield opened


def candidates(*sources: str) -> list[Candidate]:
    return [Candidate(name="abcdefgh"[number], source=source) for number, source in enumerate(sources)]


def sides(found: Divergence) -> list[tuple[str, str]]:
    """Who does what with the best input."""
    return [("".join(part.candidates), show(part.outcomes)) for part in found.splits[0].parts]


async def test_the_input_that_splits_best_is_found_and_made_small(workspace: Workspace) -> None:
    some = candidates(
        "def top(xs):\n    return sorted(xs)[-2]\n",
        "def top(xs):\n    return sorted(set(xs))[-2]\n",
        "def top(xs):\n    seen = list(xs)\n    seen.remove(max(seen))\n    return max(seen)\n",
    )
    examples = [(Step(call="top([5, 1, 4, 2])"),)]
    found = await diverge(workspace, some, Target(entry="top"), examples=examples, seed=1)
    assert [reading.candidates for reading in found.readings] == [("a", "c"), ("b",)]
    assert sides(found) == [("ac", "2"), ("b", "0")]
    assert len(found.splits[0].steps[0].call) == len("top([0, 2, 2])")
    assert found == await diverge(workspace, some, Target(entry="top"), examples=examples, seed=1)


async def test_programs_that_say_it_differently_agree(workspace: Workspace) -> None:
    some = candidates(
        "def f(xs: list[float]):\n    return [x * 3 / 10 for x in xs]\n",
        "def f(xs: list[float]):\n    return tuple(x * 0.3 for x in xs)\n",
        "def f(xs: list[float]):\n    for x in xs:\n        yield 0.3 * x\n",
        "async def f(xs: list[float]):\n    print('working')\n    return [x * 0.3 for x in xs]\n",
    )
    found = await diverge(workspace, some, Target(entry="f"))
    assert found.agreed
    assert len(found.readings) == 1


async def test_nothing_a_candidate_does_reaches_another_or_the_report(workspace: Workspace) -> None:
    some = candidates(
        "def f(n: int):\n    return n\n",
        "import os\nos.close(1)\ndef f(n: int):\n    os.write(2, b'[]')\n    return n\n",
        "def f(n: int):\n    while True: pass\n",
        "def f(n: int):\n    return f(n)\n",
        "import os\ndef f(n: int):\n    os._exit(0)\n",
        "def f(n: int):\n    return 'x' * 10**10\n",
        "not python",
        "class E(BaseException):\n    def __str__(self): raise self\ndef f(n: int):\n    raise E\n",
    )
    limits = Limits(wall_s=1.0, memory_bytes=1 << 29, output_bytes=1 << 18)
    (row,) = await execute(workspace, some, Target(entry="f"), [(Step(call="f(7)"),)], limits=limits)
    shown = [show(outcomes) for outcomes in row]
    assert shown[:2] == ["7", "7"]
    assert shown[2] == "never ends"
    assert shown[3] == "raises RecursionError"
    assert shown[4] == "crashes"
    assert all(crashed(outcomes[-1]) for outcomes in row[2:7])
    assert shown[7] == "raises E"
    assert not crashed(row[7][-1])


async def test_a_refusal_is_a_decision_and_a_failing_call_is_not(workspace: Workspace) -> None:
    some = candidates(
        "def f(xs):\n    if not xs: raise ValueError('empty')\n    return max(xs)\n",
        "def f(xs):\n    return max(xs)\n",
    )
    (row,) = await execute(workspace, some, Target(entry="f"), [(Step(call="f([])"),)])
    assert [show(outcomes) for outcomes in row] == ["raises ValueError"] * 2
    assert [crashed(outcomes[-1]) for outcomes in row] == [False, True]


async def test_a_candidate_may_import_the_rest_of_the_product(workspace: Workspace) -> None:
    await workspace.put({"guest.py": b"NAME = 'Ada'\n"})
    some = candidates("from guest import NAME\ndef f():\n    return NAME\n", "def f():\n    return 'Ada'\n")
    (split,) = await compare(workspace, some, Target(entry="f"), [(Step(call="f()"),)])
    assert [show(part.outcomes) for part in split.parts] == ["'Ada'"]


async def test_what_none_hides_is_seen(workspace: Workspace) -> None:
    some = candidates(
        "def f(xs):\n    xs.sort()\n",
        "def f(xs):\n    print(sorted(xs))\n",
        "def f(xs):\n    sorted(xs)\n",
        "def f(xs):\n    return sorted(xs)\n",
    )
    (split,) = await compare(workspace, some, Target(entry="f"), [(Step(call="f([2, 1])"),)])
    assert [show(part.outcomes) for part in split.parts] == [
        "arguments changed to ([1, 2])",
        "prints '[1, 2]\\n'",
        "None",
        "[1, 2]",
    ]


async def test_objects_are_told_apart_by_a_story(workspace: Workspace) -> None:
    account = (
        "class Account:\n    def __init__(self, start: int = 0):\n        self._left = start\n"
        "    def take(self, amount: int):\n        {}\n        self._left -= amount\n"
        "    @property\n    def left(self):\n        return self._left\n"
    )
    some = candidates(account.format("pass"), account.format("if amount > self._left: raise ValueError('too much')"))
    found = await diverge(workspace, some, Target(kind="class", entry="Account"), seed=2)
    assert ("b", "raises ValueError") in sides(found)
    assert found.splits[0].steps[-1].call.startswith("it.take(")
    assert len(found.splits[0].steps) == 2


async def test_commands_are_told_apart_by_arguments_and_input(workspace: Workspace) -> None:
    program = "import sys\nfor line in sorted(sys.stdin.read().splitlines(){}):\n    print(line)\n{}"
    some = candidates(
        program.format("", ""),
        program.format(", key=str.lower", ""),
        program.format("", "sys.exit(len(sys.argv) > 2)\n"),
    )
    example = (Step(argv=("names",), stdin="b\na\nc\n"),)
    found = await diverge(workspace, some, Target(kind="cli", entry="order"), examples=[example], seed=3)
    assert len(found.readings) == 3
    (same,) = await compare(workspace, some, Target(kind="cli", entry="order"), [example])
    assert show(same.parts[0].outcomes) == "prints 'a\\nb\\nc'"
    assert len(same.parts) == 1


WSGI = """
import json
items = []
def app(environ, start):
    answer, status = items, "200 OK"
    if environ["REQUEST_METHOD"] == "POST":
        answer = json.loads(environ["wsgi.input"].read() or b"{{}}")
        status = "201 Created" if {} else "400 Bad Request"
        if status[0] == "2": items.append(answer)
    start(status, [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
"""
ASGI = """
import json
items = []
async def app(scope, receive, send):
    answer, status = items, 200
    if scope["method"] == "POST":
        answer, status = json.loads((await receive())["body"] or b"{}"), 201
        items.append(answer)
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
"""
HANDLER = """
import json
from http.server import BaseHTTPRequestHandler
items = []
class app(BaseHTTPRequestHandler):
    def say(self, status, answer):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer, indent=2).encode())
    def do_GET(self):
        self.say(200, items)
    def do_POST(self):
        items.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}"))
        self.say(201, items[-1])
"""


async def test_http_handlers_of_three_protocols_are_compared_by_what_they_answer(workspace: Workspace) -> None:
    story = (Step(method="POST", path="/items", body={"name": "a"}), Step(path="/items"))
    some = candidates(WSGI.format("True"), ASGI, HANDLER)
    (split,) = await compare(workspace, some, Target(kind="http", entry="app"), [story])
    assert len(split.parts) == 1
    assert show(split.parts[0].outcomes) == "200 [{'name': 'a'}]"
    some = candidates(WSGI.format("True"), WSGI.format("answer.get('name')"))
    found = await diverge(workspace, some, Target(kind="http", entry="app"), examples=[story], seed=4)
    assert {shown[:3] for _, shown in sides(found)} == {"201", "400"}
    assert len(found.splits[0].steps) == 1
