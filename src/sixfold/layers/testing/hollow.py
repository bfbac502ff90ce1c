"""Tests from outside that prove nothing: they pass on a product that agrees to everything and on one that refuses all.

Both stand-ins are a few lines and know nothing of the product. A test that cannot tell them apart asserts nothing, or
nothing about what was asked for; it may pass, but it is evidence for no requirement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from sixfold.domain.data import canonical, digest
from sixfold.domain.evidence import Finding, Limits, TestReport
from sixfold.domain.ports import Workspace
from sixfold.layers.testing.harness.listing import is_test_file
from sixfold.layers.testing.runner import Product, list_tests, run_tests

FOLDER = ".sixfold/standing-in"
SECONDS_A_TEST = 4.0
MOST_KNOWN = 64
TOLD = "passes whatever the product does, so it is no evidence"

_COMMAND = """\
import sys
sys.exit({exit})
"""
_SERVICE = """\
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def answer(self):
        self.send_response({status})
        self.send_header("Content-Length", "0")
        self.end_headers()
    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer
    def log_message(self, *args):
        pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
_MODULE = """\
def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    def anything(*args, **kwargs):
        {does}
    return anything
"""
STAND_INS: Mapping[str, tuple[int, int, str]] = {
    "refusing": (1, 404, "raise Exception('no')"),
    "agreeing": (0, 200, ""),
}
"""By name: exit code, status, and what a function does. The one that most tests fail comes first."""

_known: dict[str, frozenset[str]] = {}
"""What was found for the same tests before: it does not depend on the product, and validation comes in rounds."""


async def hollow_tests(
    workspace: Workspace,
    suite: Literal["examples", "acceptance"],
    files: Mapping[str, bytes],
    entries: Sequence[Mapping[str, Any]],
) -> frozenset[str]:
    """Ids of the tests that pass on both stand-ins; none where the stand-ins give no verdict.

    Args:
        workspace: any; what lies in it plays no part.
        suite: how the tests are run.
        files: the test files by path.
        entries: of the product, as plain JSON; the stand-ins get the same names and kinds.

    Raises:
        SandboxUnavailable: nothing could be run.
    """
    chosen = list_tests({path: content for path, content in files.items() if is_test_file(path)})
    key = digest(canonical([sorted((path, digest(content)) for path, content in files.items()), list(entries)]))
    if not chosen or not entries:
        return frozenset()
    if key not in _known:
        passing = None
        for name in STAND_INS:
            # What one of them fails is known to be able to fail; the other is not asked about it.
            names = chosen if passing is None else [id for id in chosen if any(_is_of(one, id) for one in passing)]
            came = await _passing(workspace, name, suite, files, entries, names) if names else frozenset()
            if came is None:
                return frozenset()
            passing = came if passing is None else passing & came
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[key] = passing or frozenset()
    return _known[key]


def without_evidence(report: TestReport, hollow: frozenset[str]) -> TestReport:
    """The report in which those tests, as long as they pass, stand for no requirement."""
    cases = tuple(
        msgspec.structs.replace(case, requirements=(), message=TOLD)
        if case.outcome == "passed" and case.id in hollow
        else case
        for case in report.cases
    )
    return msgspec.structs.replace(report, cases=cases)


def hollow_findings(reports: Sequence[TestReport]) -> tuple[Finding, ...]:
    """One warning a test of these reports that was found to prove nothing."""
    ids = [case.id for report in reports for case in report.cases if case.outcome == "passed" and case.message == TOLD]
    return tuple(
        Finding(tool="stand-ins", rule="hollow-test", severity="warning", message=f"{id} {TOLD}") for id in ids[:8]
    )


def _is_of(case: str, test: str) -> bool:
    return case.partition("[")[0] == test


async def _passing(
    workspace: Workspace,
    name: str,
    suite: Literal["examples", "acceptance"],
    files: Mapping[str, bytes],
    entries: Sequence[Mapping[str, Any]],
    names: Sequence[str],
) -> frozenset[str] | None:
    """Cases that pass on one stand-in; None without a verdict."""
    folder = f"{FOLDER}/{name}"
    exit, status, does = STAND_INS[name]
    await workspace.put(
        {
            f"{folder}/command.py": _COMMAND.format(exit=exit).encode(),
            f"{folder}/service.py": _SERVICE.format(status=status).encode(),
            **{f"{folder}/{path}": _MODULE.format(does=does or "pass").encode() for path in _modules(entries)},
        }
    )
    starts = {"cli": ["python", "command.py"], "service": ["python", "service.py", "{port}"]}
    standing = tuple({**entry, "start": starts.get(entry["kind"], []), "health": "/"} for entry in entries)
    report = await run_tests(
        workspace,
        suite=suite,
        paths=names,
        limits=Limits(wall_s=60 + SECONDS_A_TEST * len(names)),
        pinned=names,
        product=Product(entries=standing, folder=folder, path=(folder,)),
        files=files,
    )
    return None if report.problem else frozenset(case.id for case in report.cases if case.outcome == "passed")


def _modules(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Files that make every library's module importable."""
    paths = set()
    for entry in entries:
        parts = [part for part in str(entry.get("module", "")).split(".") if part.isidentifier()]
        paths |= {"/".join([*parts[:end], "__init__.py"]) for end in range(1, len(parts) + 1)}
    return sorted(paths)
