"""System validation on the real sandbox: a product of three entries, sound and broken."""

from __future__ import annotations

from typing import Any

import pytest
from plain_folders import Folders

from sixfold.domain.evidence import Check, Limits, TestCase, TestReport
from sixfold.domain.ports import Environment, Sandbox
from sixfold.domain.requirements import Entry, Example, Expect, Requirement, Specification, Step
from sixfold.layers.testing.system import Validation, unverified, validate_product

pytestmark = pytest.mark.slow

STORE = """\
import json, os, threading

LOCK = threading.RLock()

def load(folder):
    path = os.path.join(folder, "items.json")
    if not os.path.exists(path):
        return []
    with LOCK, open(path) as file:
        return json.load(file)

def add(folder, name):
    if not name:
        raise ValueError("a name is needed")
    with LOCK:
        items = load(folder)
        item = {"id": len(items) + 1, "name": name}
        fresh = os.path.join(folder, f"{os.getpid()}.json")
        with open(fresh, "w") as file:
            json.dump([*items, item], file)
        os.replace(fresh, os.path.join(folder, "items.json"))
    return item
"""
API = """\
import json, signal, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import store

class Handler(BaseHTTPRequestHandler):
    def reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.reply(200, store.load(sys.argv[2]))
    def do_POST(self):
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            self.reply(201, store.add(sys.argv[2], given.get("name")))
        except ValueError as error:
            self.reply(400, {"error": str(error)})
    def log_message(self, *args):
        pass

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
CLI = """\
import argparse, store

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    print(store.add(".", parser.parse_args().name)["id"])
"""
TEST = "import store\ndef test_empty(tmp_path):\n    assert store.load(tmp_path) == []\n"
GOOD = {"store.py": STORE, "api.py": API, "cli.py": CLI, "test_store.py": TEST}
SPECIFICATION = Specification(
    title="items",
    entries=(
        Entry(name="api", kind="service", start=("python", "api.py", "{port}", "{data}")),
        Entry(name="lib", kind="library", module="store"),
        Entry(name="tool", kind="cli", start=("python", "cli.py")),
    ),
    requirements=(
        Requirement(
            id="R1",
            text="items are added",
            examples=(
                Example(
                    id="R1.E1",
                    title="adding",
                    steps=(
                        Step(
                            method="POST", path="/items", body={"name": "a"}, expect=Expect(status=201, json={"id": 1})
                        ),
                        Step(path="/items", expect=Expect(status=200, json=[{"name": "a"}])),
                    ),
                ),
                Example(id="R1.E2", title="tool", steps=(Step(argv=("a",), expect=Expect(exit=0, stdout="1")),)),
            ),
        ),
        Requirement(
            id="R2",
            text="a name is needed",
            examples=(
                Example(
                    id="R2.E1", title="empty", steps=(Step(call="add('.', '')", expect=Expect(raises="ValueError")),)
                ),
                Example(id="R2.E2", title="sloppy", steps=(Step(call="add(("),)),
            ),
        ),
        Requirement(id="R3", text="items survive a restart"),
        Requirement(id="R4", text="nobody tests this"),
    ),
)
ACCEPTANCE = {
    "acceptance/test_items.py": b"""\
import pytest

@pytest.mark.req("R3")
def test_items_survive_a_restart(service):
    service.post("/items", json={"name": "a"})
    service.restart()
    assert [item["name"] for item in service.get("/items").json()] == ["a"]
"""
}


async def validated(
    folders: Folders, sandbox: Sandbox, environment: Environment, files: dict[str, str], **options: Any
) -> tuple[Validation, dict[str, Check]]:
    result = await validate_product(
        sandbox, folders.add(files), SPECIFICATION, ACCEPTANCE, environment, **{"planted_faults": 0, **options}
    )
    return result, {check.name: check for check in result.checks}


async def test_sound_product_passes_every_check_and_says_what_is_unverified(
    folders: Folders, sandbox: Sandbox, environment: Environment
) -> None:
    result, checks = await validated(folders, sandbox, environment, GOOD, planted_faults=3)
    assert [check for check in result.checks if not check.ok] == []
    starts = ["start:api", "start:lib", "start:tool"]
    about = ["crowd:tool", "bad-input:tool", "restart:api", "crowd:api", "bad-input:api", "exploits"]
    assert list(checks) == ["install", *starts, "examples", "acceptance", *about, "tests", "mutation"]
    assert "R2.E2 is unusable" in checks["examples"].detail
    assert result.unverified == ("R4",)
    assert result.mutation_score


BROKEN = {
    "a service that forgets": ({"store.py": STORE.replace("[*items, item]", "[]")}, "acceptance"),
    "a wrong status": ({"api.py": API.replace("201", "200")}, "examples"),
    "a deaf service": ({"api.py": API.replace("lambda *_: sys.exit(0)", "signal.SIG_IGN")}, "start:api"),
    "a service that does not start": ({"api.py": "import sys\nsys.exit('no')\n"}, "start:api"),
    "a command that crashes": ({"cli.py": "1 / 0\n"}, "start:tool"),
    "a library that does not import": ({"store.py": "import absent\n"}, "start:lib"),
    "a failing test": ({"test_store.py": "def test_a():\n    assert 0\n"}, "tests"),
}


@pytest.mark.parametrize(("change", "check"), BROKEN.values(), ids=BROKEN)
async def test_broken_product_fails_the_check_that_is_about_it(
    folders: Folders, sandbox: Sandbox, environment: Environment, change: dict[str, str], check: str
) -> None:
    _, checks = await validated(folders, sandbox, environment, {**GOOD, **change})
    assert not checks[check].ok, checks


async def test_the_tests_of_all_tasks_have_more_time_than_those_of_one(
    folders: Folders, sandbox: Sandbox, environment: Environment
) -> None:
    _, checks = await validated(folders, sandbox, environment, GOOD, limits=Limits(wall_s=0.05))
    assert checks["tests"].ok, checks["tests"].detail


async def test_what_is_missing_is_skipped_with_a_reason_and_never_ok(
    folders: Folders, sandbox: Sandbox, environment: Environment
) -> None:
    bare = Specification(title="t", requirements=(Requirement(id="R1", text="x"),))
    result = await validate_product(sandbox, folders.add({"a.py": "x = 1\n"}), bare, {}, environment)
    skipped = [check for check in result.checks if check.name != "install"]
    assert all(check.skipped and not check.ok and check.detail for check in skipped), skipped
    assert result.unverified == ("R1",)


async def test_blind_suite_is_a_finding(folders: Folders, sandbox: Sandbox, environment: Environment) -> None:
    files = {"a.py": "def f(x):\n    g(1)\n    return x > 2\n", "test_a.py": "def test_a():\n    assert True\n"}
    result = await validate_product(
        sandbox, folders.add(files), Specification(title="t"), {}, environment, planted_faults=3
    )
    assert result.mutation_score == 0
    assert [one.rule for one in result.findings if one.severity == "error"] == ["suite-cannot-fail"]


def test_a_requirement_with_a_failing_test_or_a_report_without_verdict_is_unverified() -> None:
    cases = (
        TestCase(id="a", outcome="passed", requirements=("R1", "R2")),
        TestCase(id="b", outcome="failed", requirements=("R2",)),
        TestCase(id="c", outcome="skipped", requirements=("R3",)),
    )
    good = TestCase(id="d", outcome="passed", requirements=("R4",))
    forged = TestReport(suite="unit", cases=(good,), problem="forged")
    assert unverified(SPECIFICATION, [TestReport(suite="acceptance", cases=cases), forged]) == ("R2", "R3", "R4")


PACKAGED = {
    "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    '[project]\nname = "items"\nversion = "1"\n[tool.setuptools]\npackages = ["items"]\npackage-dir = {"" = "src"}\n',
    "src/items/__init__.py": "def answer():\n    return 42\n",
}
LIBRARY = Specification(title="t", entries=(Entry(name="items", kind="library", module="items"),))


async def test_package_is_installed_from_nothing_and_imported_from_there(
    folders: Folders, sandbox: Sandbox, toolchain: Environment
) -> None:
    result = await validate_product(sandbox, folders.add(PACKAGED), LIBRARY, {}, toolchain)
    assert [(check.name, check.ok) for check in result.checks[:2]] == [("install", True), ("start:items", True)]


async def test_package_that_does_not_build_fails_its_installation(
    folders: Folders, sandbox: Sandbox, toolchain: Environment
) -> None:
    broken = {**PACKAGED, "pyproject.toml": "[project]\nname = 3\n"}
    result = await validate_product(sandbox, folders.add(broken), LIBRARY, {}, toolchain)
    assert not result.checks[0].ok


PAGE = """\
import signal, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<!doctype html><title>t</title><p id=p></p><script>SCRIPT</script>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.mark.parametrize(
    ("script", "ok", "told"),
    [
        ("document.getElementById('p').textContent = 'here'", True, "shown by a browser"),
        ("document.getElementById('q').textContent = 'here'", False, "own script fails"),
    ],
    ids=["sound", "broken script"],
)
async def test_page_is_shown_by_a_browser_where_one_is_installed(
    folders: Folders, sandbox: Sandbox, environment: Environment, script: str, ok: bool, told: str
) -> None:
    entry = Entry(name="web", kind="service", start=("python", "web.py", "{port}"))
    specification = Specification(title="t", entries=(entry,))
    tree = folders.add({"web.py": PAGE.replace("SCRIPT", script)})
    seen = await validate_product(sandbox, tree, specification, {}, environment, planted_faults=0)
    [page] = [check for check in seen.checks if check.name == "page:web"]
    if page.detail == "not verified: no browser is installed here":
        pytest.skip("no browser is installed here")
    assert (page.ok, page.skipped) == (ok, False), page.detail
    assert told in page.detail
