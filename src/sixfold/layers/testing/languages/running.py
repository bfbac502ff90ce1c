"""Runs a profile's commands in the sandbox and reads the report into our own terms.

The record is weaker than Python's: the runner and the tests share a process, so a test that wants to lie about itself
can. Against accidents it is firm: no report, a report that ends early, a test file that reported nothing, or an exit
status that contradicts the report is no verdict.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any, Literal
from xml.etree import ElementTree

import msgspec

from sixfold.domain.evidence import ExecResult, Finding, Limits, TestCase, TestReport
from sixfold.domain.language import Profile
from sixfold.domain.ports import Workspace
from sixfold.layers.testing.normalise import normalise

_REPORTER = ".sixfold/reporter.mjs"
_REPORT = ".sixfold/report"
_MODULE = ".sixfold/parsed.mjs"
_MOST_FILES = 200
_PLACE = re.compile(r"^\S+:(\d+)$", re.MULTILINE)


async def run_profile(
    workspace: Workspace,
    profile: Profile,
    tests: Sequence[str],
    *,
    folder: str = "",
    suite: Literal["unit", "existing"] = "unit",
    limits: Limits = Limits(memory_bytes=16 << 30),
) -> TestReport:
    """Build, lint and test with a profile. A missing toolchain is no verdict, and says what to install.

    Args:
        tests: test files, for profiles that name them.
        folder: where the commands run, relative to the workspace.
        limits: of each command; node reserves far more address space than it uses.
    """
    environment = dict(profile.environment)
    if profile.probe:
        there = await workspace.exec(profile.probe, env=environment, limits=limits)
        if there.exit_code:
            why = f" ({there.stderr.strip().splitlines()[0][:120]})" if there.stderr.strip() else ""
            missing = f"{profile.name}: {profile.probe[0]} is not installed here or too old, so no test can run{why}"
            return TestReport(suite=suite, problem=missing, exit_code=there.exit_code)
    for what, command in (("build", profile.build), ("lint", profile.lint)):
        if command:
            done = await workspace.exec(command, env=environment, limits=limits, cwd=folder or ".")
            if done.exit_code:
                message = normalise((done.stdout + done.stderr)[-4000:], folder=workspace.folder)
                case = TestCase(id=f"{profile.name}::{what}", outcome="failed", message=message)
                return TestReport(suite=suite, cases=(case,), exit_code=done.exit_code, output=message)
    words: list[str] = []
    for word in profile.test:
        word = word.replace("{reporter}", f"{workspace.folder}/{_REPORTER}")
        word = word.replace("{report}", f"{workspace.folder}/{_REPORT}")
        words += [path.removeprefix(f"{folder}/") for path in tests] if word == "{tests}" else [word]
    source = (resources.files(__package__) / "reporter.mjs").read_bytes()
    await workspace.put({_REPORTER: source})
    done = await workspace.exec(words, env=environment, limits=limits, cwd=folder or ".")
    written = await workspace.get(_REPORT, most_bytes=8 << 20) or b""
    cases, problem = _read(profile, done, written, workspace.folder)
    problem = problem or _doubt(profile, done, cases, tests)
    return TestReport(
        suite=suite,
        cases=cases,
        exit_code=done.exit_code,
        problem=problem,
        output=normalise((done.stderr or done.stdout)[-4000:], folder=workspace.folder) if problem else "",
        wall_s=done.wall_s,
    )


async def unparsable(workspace: Workspace, profile: Profile, paths: Sequence[str]) -> tuple[Finding, ...]:
    """Files that the profile's parser refuses, as findings that block; none where its toolchain is not installed.

    A `.js` file may be a script or a module, and only the page that loads it knows: it is refused when it is neither.
    """
    environment, limits = dict(profile.environment), Limits(wall_s=20, memory_bytes=16 << 30)
    if (
        not profile.check
        or not paths
        or (await workspace.exec(profile.probe, env=environment, limits=limits)).exit_code
    ):
        return ()
    found = []
    for path in paths[:_MOST_FILES]:
        done = await workspace.exec((*profile.check, path), env=environment, limits=limits)
        if done.exit_code and path.endswith(".js"):
            await workspace.put({_MODULE: await workspace.get(path) or b""})
            again = await workspace.exec((*profile.check, _MODULE), env=environment, limits=limits)
            markup = any(
                each.stderr.count("Unexpected token '<'") for each in (done, again)
            )  # JSX, which tools compile
            done = msgspec.structs.replace(again, exit_code=0) if markup else again
        if done.exit_code and not done.stopped_by:
            lines = [line for line in normalise(done.stderr, folder=workspace.folder).splitlines() if "Error" in line]
            message = lines[0][:200] if lines else "it does not parse"
            place = _PLACE.search(done.stderr)
            found.append(
                Finding(
                    tool=profile.check[0],
                    rule="syntax",
                    severity="error",
                    message=message,
                    path=path,
                    line=int(place[1]) if place else 0,
                )
            )
    return tuple(found)


def _read(profile: Profile, done: ExecResult, written: bytes, folder: str) -> tuple[tuple[TestCase, ...], str]:
    """The cases a report tells of, and why it is no report."""
    if done.stopped_by:
        return (), f"{profile.name}: stopped by its {done.stopped_by} limit"
    try:
        if profile.report == "events":
            return _events(profile, done.stdout, folder)
        if profile.report == "vitest":
            return _vitest(json.loads(written), folder), ""
        if profile.report == "junit":
            return _junit(written or done.stdout.encode(), folder), ""
    except (ValueError, KeyError, TypeError, AttributeError, ElementTree.ParseError):
        return (), f"{profile.name}: the test command left no report that can be read (exit code {done.exit_code})"
    text = normalise((done.stdout + done.stderr)[-4000:], folder=folder)
    outcome: Literal["passed", "failed"] = "failed" if done.exit_code else "passed"
    return (TestCase(id=f"{profile.name}::test", outcome=outcome, message=text if done.exit_code else ""),), ""


def _doubt(profile: Profile, done: ExecResult, cases: Sequence[TestCase], tests: Sequence[str]) -> str:
    bad = any(case.outcome in ("failed", "error") for case in cases)
    silent = [path for path in tests if not any(case.id.startswith(f"{path}::") for case in cases)]
    if silent and profile.report in ("events", "vitest") and not bad:
        return f"{profile.name}: no test of {', '.join(silent[:3])} reported anything"
    if bool(done.exit_code) != bad:
        return f"{profile.name}: the test command ended with {done.exit_code}, but its report says otherwise"
    return ""


def _events(profile: Profile, output: str, folder: str) -> tuple[tuple[TestCase, ...], str]:
    cases, ended = [], False
    for line in output.splitlines():
        try:
            told: Any = json.loads(line)
        except ValueError:
            continue  # what a test prints itself
        if not isinstance(told, dict):
            continue
        ended = ended or told.get("end") is True
        if isinstance(told.get("names"), list):
            # A file that could not be loaded reports itself as one failed test under its own path.
            names = [str(name) for name in told["names"]]
            file = str(told.get("file") or names[0])
            cases.append(_case(file, names, str(told["outcome"]), str(told.get("message", "")), folder))
    return tuple(cases), "" if ended else f"{profile.name}: the test run ended early"


def _vitest(told: Any, folder: str) -> tuple[TestCase, ...]:
    cases = []
    for file in told["testResults"]:
        path = str(file["name"]).removeprefix(folder.rstrip("/") + "/")
        if not file["assertionResults"]:
            cases.append(_case(path, ["loading"], "failed", str(file.get("message", "")), folder))
        for one in file["assertionResults"]:
            outcome = one["status"] if one["status"] in ("passed", "failed") else "skipped"
            message = "\n".join(map(str, one.get("failureMessages") or ()))
            cases.append(_case(path, [*one.get("ancestorTitles", ()), one["title"]], outcome, message, folder))
    return tuple(cases)


def _junit(written: bytes, folder: str) -> tuple[TestCase, ...]:
    if b"<!DOCTYPE" in written or b"<!ENTITY" in written:
        raise ValueError("a report needs no document type")
    cases = []
    for one in ElementTree.fromstring(written).iter("testcase"):  # noqa: S314  (no document type: nothing to expand)
        bad = next((child for child in one if child.tag in ("failure", "error")), None)
        outcome = "failed" if bad is not None else "skipped" if one.find("skipped") is not None else "passed"
        message = "" if bad is None else f"{bad.get('message') or ''}\n{bad.text or ''}".strip()
        owner = one.get("file") or one.get("classname") or "test"
        cases.append(_case(owner, [one.get("name") or "?"], outcome, message, folder))
    return tuple(cases)


def _case(file: str, names: Sequence[str], outcome: str, message: str, folder: str) -> TestCase:
    told: Literal["passed", "failed", "skipped"] = (
        "passed" if outcome == "passed" else "skipped" if outcome == "skipped" else "failed"
    )
    shown = " > ".join(" ".join(name.split()) for name in names)
    return TestCase(id=f"{file}::{shown}", outcome=told, message=normalise(message, folder=folder))
