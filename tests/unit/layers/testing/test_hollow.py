"""Evidence that is none: tests that cannot tell a product from nothing, and marks on the coder's own tests."""

from __future__ import annotations

import pytest
from plain_folders import Folders

from sixfold.domain.evidence import TestCase, TestReport
from sixfold.domain.ports import Environment, Sandbox
from sixfold.domain.requirements import Entry, Example, Expect, Requirement, Specification, Step
from sixfold.layers.testing.system import unverified, validate_product

TOOL = """\
import sys
if sys.argv[1:] == ["bad"]:
    sys.exit(2)
print("done")
"""
SERVICE = """\
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
FILES = {"tool.py": TOOL, "service.py": SERVICE, "lib.py": "def double(number):\n    return 2 * number\n"}
ENTRIES = (
    Entry(name="tool", kind="cli", start=("python", "tool.py")),
    Entry(name="web", kind="service", start=("python", "service.py", "{port}")),
    Entry(name="lib", kind="library", module="lib"),
)
PROVING = {
    "an exit code": 'def test_a(cli):\n    assert cli("bad").exit == 2\n',
    "a refusal of any kind": 'def test_a(cli):\n    assert cli("bad").exit != 0\n',
    "a status": 'def test_a(service):\n    assert service.get("/other").status == 404\n',
    "a value": 'def test_a(call):\n    assert call("lib.double(2)") == 4\n',
}
HOLLOW = {
    "no assertion about a command": 'def test_a(cli):\n    cli("bad")\n',
    "no assertion about a service": 'def test_a(service):\n    service.get("/")\n',
    "an assertion about nothing": "def test_a():\n    assert True\n",
    "an assertion that always holds": 'def test_a(cli):\n    assert isinstance(cli("bad").exit, int)\n',
    "swallowed failures": (
        'def test_a(call):\n    try:\n        assert call("lib.double(2)") == 4\n    except Exception:\n        pass\n'
    ),
    "not the product at all": "def test_a(tmp_path):\n    assert sorted(tmp_path.iterdir()) == []\n",
}


async def verified(
    folders: Folders, sandbox: Sandbox, environment: Environment, test: str, steps: tuple[Step, ...] = ()
) -> tuple[tuple[str, ...], list[str]]:
    examples = (Example(id="R1.E1", title="use", steps=steps),) if steps else ()
    requirement = Requirement(id="R1", text="it works", examples=examples)
    blind = (
        {"acceptance/test_acceptance.py": f'import pytest\n\n@pytest.mark.req("R1")\n{test}'.encode()} if test else {}
    )
    seen = await validate_product(
        sandbox,
        folders.add(FILES),
        Specification(title="t", entries=ENTRIES, requirements=(requirement,)),
        blind,
        environment,
        planted_faults=0,
    )
    return seen.unverified, [finding.rule for finding in seen.findings if finding.tool == "stand-ins"]


@pytest.mark.slow
@pytest.mark.parametrize("test", PROVING.values(), ids=PROVING)
async def test_test_that_can_tell_the_product_from_nothing_is_evidence(
    folders: Folders, sandbox: Sandbox, environment: Environment, test: str
) -> None:
    assert await verified(folders, sandbox, environment, test) == ((), [])


@pytest.mark.slow
@pytest.mark.parametrize("test", HOLLOW.values(), ids=HOLLOW)
async def test_test_that_passes_whatever_the_product_does_is_no_evidence_and_is_named(
    folders: Folders, sandbox: Sandbox, environment: Environment, test: str
) -> None:
    assert await verified(folders, sandbox, environment, test) == (("R1",), ["hollow-test"])


@pytest.mark.slow
async def test_example_that_expects_nothing_is_no_evidence(
    folders: Folders, sandbox: Sandbox, environment: Environment
) -> None:
    silent = (Step(argv=("go",)),)
    assert await verified(folders, sandbox, environment, "", silent) == (("R1",), ["hollow-test"])
    told = (Step(argv=("go",), expect=Expect(stdout="done")),)
    assert await verified(folders, sandbox, environment, "", told) == ((), [])


@pytest.mark.parametrize("suite", ["unit", "existing"])
def test_mark_on_a_test_of_the_products_own_verifies_nothing(suite: str) -> None:
    specification = Specification(title="t", requirements=(Requirement(id="R1", text="x"),))
    case = TestCase(id="test_store.py::test_R1", outcome="passed", requirements=("R1",))
    own = TestReport(suite="unit" if suite == "unit" else "existing", cases=(case,))
    assert unverified(specification, [own]) == ("R1",)
    assert unverified(specification, [own, TestReport(suite="acceptance", cases=(case,))]) == ()


def test_failing_test_of_the_products_own_takes_a_requirement_back() -> None:
    specification = Specification(title="t", requirements=(Requirement(id="R1", text="x"),))
    passed = TestReport(suite="acceptance", cases=(TestCase(id="a", outcome="passed", requirements=("R1",)),))
    failed = TestReport(suite="unit", cases=(TestCase(id="b", outcome="failed", requirements=("R1",)),))
    assert unverified(specification, [passed, failed]) == ("R1",)
