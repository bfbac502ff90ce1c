"""Other languages are tested by profile: what their runners say is read, and silence is never a pass."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence

import pytest
from plain_folders import Folders

from sixfold.domain.data import Tree
from sixfold.domain.evidence import ExecResult, Limits, TestReport
from sixfold.domain.language import Profile
from sixfold.domain.ports import Environment
from sixfold.layers.testing.languages import BUILT_IN, applying, run_profile, unparsable
from sixfold.layers.testing.sandbox.bubblewrap import Bubblewrap
from sixfold.layers.testing.sandbox.sandlock import Sandlock

VITEST, NODE = BUILT_IN
SUM = "export const total = (items) => items.reduce((sum, item) => sum + item.price, 0);\n"
TEST = """\
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { total } from './total.mjs';

describe('total', () => {
  test('adds', () => assert.equal(total([{ price: 2 }, { price: 3 }]), 5));
  test('of nothing', () => assert.equal(total([]), 1));
  test.skip('later', () => {});
});
"""


EITHER = {
    "web/script.js": "var await = 1;\nwith (Math) {}\n",
    "web/module.js": "import './a.js';\nawait 1;\n",
    "web/markup.js": "export const a = () => <b>1</b>;\n",
    "web/neither.js": "let a;\nlet a = ;\n",
}


class Runner:
    """A workspace in which every command but the last is fine; the last one says what it is told to."""

    folder = "/work"
    loopback = False

    def __init__(self, last: ExecResult, files: Mapping[str, bytes] | None = None) -> None:
        self.last, self.files = last, dict(files or {})
        self.commands: list[tuple[str, ...]] = []

    async def exec(self, argv: Sequence[str], *, limits: Limits = Limits(), **more: object) -> ExecResult:
        self.commands.append(tuple(argv))
        fine = "--version" in argv
        return ExecResult(exit_code=0, stdout="v20", stderr="") if fine else self.last

    async def put(self, files: Mapping[str, bytes]) -> None:
        self.files |= files

    async def get(self, path: str, *, most_bytes: int = 1 << 20) -> bytes | None:
        return self.files.get(path)


async def said(profile: Profile, exit_code: int, stdout: str = "", report: bytes | None = None) -> TestReport:
    files = {".sixfold/report": report} if report is not None else {}
    files["node_modules/vitest/package.json"] = b"{}"
    runner = Runner(ExecResult(exit_code=exit_code, stdout=stdout, stderr=""), files)
    return await run_profile(runner, profile, ("web/a.test.ts",))  # type: ignore[arg-type]  # the three calls it makes


def event(outcome: str, name: str = "adds", file: str = "web/a.test.ts") -> str:
    return json.dumps({"file": file, "names": ["total", name], "outcome": outcome, "message": "1 !== 2"})


END = '{"end":true}'


async def test_events_become_cases_and_what_tests_print_is_passed_over() -> None:
    report = await said(NODE, 1, "\n".join(["hello", event("passed"), "[1]", event("failed", "of nothing"), END]))
    assert [(case.id, case.outcome) for case in report.cases] == [
        ("web/a.test.ts::total > adds", "passed"),
        ("web/a.test.ts::total > of nothing", "failed"),
    ]
    assert (report.problem, report.green) == ("", False)
    assert (await said(NODE, 0, "\n".join([event("passed"), END]))).green


@pytest.mark.parametrize(
    ("exit_code", "lines", "why"),
    [
        (0, [event("passed")], "ended early"),
        (1, [event("passed"), END], "says otherwise"),
        (0, [event("failed"), END], "says otherwise"),
        (0, [event("passed", file="web/other.test.ts"), END], "no test of web/a.test.ts"),
        (0, [END], "no test of"),
        (0, [], "ended early"),
    ],
)
async def test_a_report_that_does_not_add_up_is_no_verdict(exit_code: int, lines: list[str], why: str) -> None:
    report = await said(NODE, exit_code, "\n".join(lines))
    assert why in report.problem
    assert not report.green


async def test_vitest_results_are_read_with_files_that_did_not_load() -> None:
    told = {
        "testResults": [
            {
                "name": "/work/web/a.test.ts",
                "assertionResults": [
                    {"status": "passed", "ancestorTitles": ["total"], "title": "adds", "failureMessages": []},
                    {"status": "failed", "ancestorTitles": [], "title": "b", "failureMessages": ["expected 1"]},
                    {"status": "todo", "ancestorTitles": [], "title": "c", "failureMessages": []},
                ],
            },
            {"name": "/work/web/b.test.ts", "assertionResults": [], "message": "Failed to resolve import"},
        ]
    }
    report = await said(VITEST, 1, report=json.dumps(told).encode())
    assert [(case.id, case.outcome) for case in report.cases] == [
        ("web/a.test.ts::total > adds", "passed"),
        ("web/a.test.ts::b", "failed"),
        ("web/a.test.ts::c", "skipped"),
        ("web/b.test.ts::loading", "failed"),
    ]
    assert "left no report" in (await said(VITEST, 1, report=b"oops")).problem


async def test_a_declared_profile_is_read_by_junit_or_by_its_exit_status() -> None:
    junit = Profile(name="go", files=("*.go",), test=("go", "test"), report="junit")
    bad = b"<testcase classname='p' name='B'><failure message='no'/></testcase>"
    text = b"<testsuite><testcase classname='p' name='A'/>" + bad + b"</testsuite>"
    report = await said(junit, 1, report=text)
    assert [(case.id, case.outcome, case.message) for case in report.cases] == [
        ("p::A", "passed", ""),
        ("p::B", "failed", "no"),
    ]
    hostile = b"<!DOCTYPE x [<!ENTITY a 'b'>]><testsuite/>"
    assert "left no report" in (await said(junit, 0, report=hostile)).problem
    plain = Profile(name="make", files=("Makefile",), test=("make", "test"))
    assert [case.outcome for case in (await said(plain, 2, "boom")).cases] == ["failed"]
    assert (await said(plain, 0)).green


async def test_a_missing_toolchain_is_no_verdict_and_is_named() -> None:
    class Bare(Runner):
        async def exec(self, argv: Sequence[str], *, limits: Limits = Limits(), **more: object) -> ExecResult:
            return ExecResult(exit_code=127, stdout="", stderr="not found")

    nothing = ExecResult(exit_code=0, stdout="", stderr="")
    assert await unparsable(Bare(nothing), NODE, ("a.mjs",)) == ()  # type: ignore[arg-type]
    assert "node is not installed" in (await run_profile(Bare(nothing), NODE, ())).problem  # type: ignore[arg-type]


def test_a_test_file_belongs_to_one_profile_and_packages_decide_which(folders: Folders) -> None:
    tree = folders.add({"web/a.test.mjs": "", "web/a.mjs": "", "node_modules/x/b.test.js": ""})
    found = applying(folders, tree, ())  # type: ignore[arg-type]  # the two calls it makes
    assert [(suite.profile.name, suite.tests) for suite in found] == [("javascript", ("web/a.test.mjs",))]
    tree = folders.add({"web/a.test.mjs": "", "package.json": '{"devDependencies": {"vitest": "3"}}'})
    assert [suite.profile.name for suite in applying(folders, tree, ())] == ["vitest"]  # type: ignore[arg-type]
    declared = Profile(name="go", files=("*.go",), test=("go", "test"))
    tree = folders.add({"main.go": "", "package.json": "not json"})
    assert [suite.profile.name for suite in applying(folders, tree, (declared,))] == ["go"]  # type: ignore[arg-type]
    assert applying(folders, folders.add({"a.py": ""}), (declared,)) == ()  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed: apt-get install nodejs")
async def test_nodes_own_runner_reports_from_inside_the_sandbox(
    sandbox: Bubblewrap | Sandlock, folders: Folders, environment: Environment
) -> None:
    tree: Tree = folders.add(
        {"web/total.mjs": SUM, "web/total.test.mjs": TEST, "web/bad.mjs": "export const = 1;\n", **EITHER}
    )
    async with sandbox.open(tree, environment=environment) as workspace:
        report = await run_profile(workspace, NODE, ("web/total.test.mjs",))
        findings = await unparsable(workspace, NODE, ("web/total.mjs", "web/bad.mjs", *EITHER))
    assert report.problem == ""
    assert [(case.id, case.outcome) for case in report.cases] == [
        ("web/total.test.mjs::total > adds", "passed"),
        ("web/total.test.mjs::total > of nothing", "failed"),
        ("web/total.test.mjs::total > later", "skipped"),
    ]
    assert "web/total.test.mjs:7" in report.cases[1].message
    assert [(finding.path, finding.line) for finding in findings] == [("web/bad.mjs", 1), ("web/neither.js", 2)]
