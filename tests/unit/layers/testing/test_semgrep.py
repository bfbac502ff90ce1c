"""Semgrep's report is read without leaving anything out, and a run that failed is never shown as clean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from plain_folders import Folders

from sixfold.domain.data import Digest
from sixfold.domain.errors import ConfigurationError
from sixfold.domain.evidence import ExecResult
from sixfold.domain.ports import Environment
from sixfold.fakes.sandbox import ScriptedSandbox
from sixfold.layers.testing.scanners.semgrep import RULES, Semgrep, findings_of
from sixfold.layers.testing.scanners.semgrep_program import Absent, Installed, find

RESULT = {
    "check_id": "python-built-sql",
    "path": "app.py",
    "start": {"line": 3, "col": 3, "offset": 20},
    "end": {"line": 3, "col": 21, "offset": 38},
    "extra": {
        "message": "an SQL statement is put together\n",
        "metadata": {"cwe": "CWE-89"},
        "severity": "ERROR",
        "fingerprint": "requires login",
        "lines": "requires login",
        "validation_state": "NO_VALIDATOR",
        "engine_kind": "OSS",
    },
}
PARTIAL = {
    "code": 3,
    "level": "warn",
    "type": ["PartialParsing", [{"path": "web/bad.js", "start": {"line": 4, "col": 5, "offset": 0}}]],
    "message": "Syntax error at line web/bad.js:4:\n `=` was unexpected",
    "path": "web/bad.js",
    "spans": [],
}
ROOT = {"code": 2, "level": "error", "type": "SemgrepError", "message": "Invalid scanning root: nope.py"}


def report(*results: Any, errors: Any = (), scanned: Any = ("app.py", "web/bad.js")) -> ExecResult:
    """What version 1.182.0 writes with `--json`, less its timings."""
    said = {
        "version": "1.182.0",
        "results": results,
        "errors": errors,
        "paths": {"scanned": scanned},
        "engine_requested": "OSS",
        "skipped_rules": [],
    }
    return ExecResult(exit_code=0, stdout=json.dumps(said), stderr="")


def test_a_result_becomes_a_finding_with_rule_place_and_weakness() -> None:
    (found,) = findings_of(report(RESULT, scanned=["app.py"]), ["app.py"])
    assert (found.tool, found.rule, found.severity, found.cwe) == ("semgrep", "python-built-sql", "error", "CWE-89")
    assert (found.path, found.line, found.message) == ("app.py", 3, "an SQL statement is put together")


@pytest.mark.parametrize("path", ["tests/test_app.py", "web/app.test.js", "web/__tests__/app.js"])
def test_a_result_in_a_test_never_blocks(path: str) -> None:
    (found,) = findings_of(report(RESULT | {"path": path}, scanned=[path]), [path])
    assert found.severity == "note"


def test_a_file_that_was_not_read_whole_is_told() -> None:
    (found,) = findings_of(report(errors=[PARTIAL]), ["app.py", "web/bad.js"])
    assert (found.rule, found.severity, found.path) == ("not-scanned", "warning", "web/bad.js")
    assert "PartialParsing" in found.message


def test_a_file_that_was_passed_over_is_told() -> None:
    (found,) = findings_of(report(scanned=["app.py"]), ["app.py", "hidden.py"])
    assert (found.rule, found.path) == ("not-scanned", "hidden.py")


@pytest.mark.parametrize(
    "done",
    [
        ExecResult(exit_code=2, stdout="", stderr="Fatal error: out of memory"),
        ExecResult(exit_code=0, stdout="", stderr=""),
        ExecResult(exit_code=0, stdout="[]", stderr=""),
        ExecResult(exit_code=0, stdout='{"results": [], "errors": []}', stderr=""),
        ExecResult(exit_code=137, stdout="", stderr="", timed_out=True, stopped_by="wall"),
        msgspec.structs.replace(report(), truncated=True),
        report(errors=[ROOT]),
        report({"check_id": "x"}),
    ],
    ids=["crash", "silence", "no report", "half a report", "time-out", "cut", "error about itself", "broken result"],
)
def test_a_run_that_failed_is_an_error_and_never_clean(done: ExecResult) -> None:
    with pytest.raises(ConfigurationError, match="semgrep failed"):
        list(findings_of(done, ["app.py", "web/bad.js"]))


PLACE = Installed(
    program="/opt/semgrep/bin/semgrep",
    environment=Environment(python="/opt/semgrep/bin/python", folders=("/opt/semgrep",), digest=Digest("0")),
)


async def test_files_are_named_one_by_one_and_nothing_of_the_tree_decides_what_is_looked_at(folders: Folders) -> None:
    sandbox = ScriptedSandbox([("scan", report(RESULT, scanned=["-x.py", "app.py", "venv/a.tsx"]))])
    tree = folders.add({"app.py": "a\nb\nrun(q)\n", "-x.py": "", "venv/a.tsx": "", ".semgrepignore": "*", "a.md": ""})
    (found,) = await Semgrep(folders, sandbox, PLACE).scan(tree)  # type: ignore[arg-type]  # what it needs of one
    (argv,) = sandbox.ran
    assert argv[argv.index("--") + 1 :] == ("./-x.py", "./app.py", "./venv/a.tsx")
    assert {"--disable-nosem", "--no-git-ignore", "--metrics=off", f"--config={RULES}"} <= set(argv)
    assert found.evidence == "run(q)"


async def test_a_tree_without_a_file_it_reads_costs_no_sandbox(folders: Folders) -> None:
    sandbox = ScriptedSandbox()
    assert await Semgrep(folders, sandbox, PLACE).scan(folders.add({"a.md": "x"})) == ()  # type: ignore[arg-type]
    assert sandbox.opened == []


def program(folder: Path, first: str, *, environment: bool) -> Path:
    """A script `semgrep` in `folder/bin`."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to("/usr/bin/env")
    if environment:
        (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    made = folder / "bin" / "semgrep"
    made.write_text(f"{first}\nprint('x')\n")
    made.chmod(0o755)
    return made


def test_one_in_an_environment_of_its_own_is_found_behind_a_link(tmp_path: Path) -> None:
    made = program(tmp_path / "tool", "#!/bin/sh", environment=True)
    (tmp_path / "link").symlink_to(made)
    found = find(str(tmp_path / "link"))
    assert isinstance(found, Installed)
    assert (found.program, found.environment.python) == (str(made), str(made.with_name("python")))
    assert found.environment.folders == (str(tmp_path / "tool"),)


def test_one_that_would_bring_a_persons_folders_along_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    made = program(tmp_path / "home" / ".local", "#!/usr/bin/python3", environment=False)
    monkeypatch.setenv("PATH", str(made.parent))
    found = find("auto")
    assert isinstance(found, Absent)
    assert "mounted alone" in found.why
    with pytest.raises(ConfigurationError, match=r"scan\.semgrep"):
        find(str(made))


def test_absence_is_told_with_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find("auto")
    assert isinstance(found, Absent)
    assert found.why.startswith("not run: semgrep is not installed")
    assert "uv tool install semgrep" in found.why


def test_a_path_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"scan\.semgrep"):
        find(str(tmp_path / "semgrep"))


def test_switched_off_is_told_as_not_run() -> None:
    assert find("off") == Absent(why="not run: switched off (scan.semgrep)")
