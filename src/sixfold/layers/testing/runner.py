"""Runs test suites so that the verdict rests on our own record, not on what the tested code says about itself."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from sixfold.domain.data import Data
from sixfold.domain.evidence import ExecResult, FileCoverage, Limits, TestCase, TestReport
from sixfold.domain.ports import Workspace
from sixfold.layers.testing.harness import BOUNDARIES, JUDGES, boot, modules
from sixfold.layers.testing.harness.channel import read_result
from sixfold.layers.testing.harness.listing import list_tests
from sixfold.layers.testing.normalise import normalise

__all__ = ["Product", "list_tests", "run_tests"]

Suite = Literal["unit", "acceptance", "examples", "existing"]
RESULT_BYTES = 16 << 20


class Product(Data, frozen=True, kw_only=True):
    """What the acceptance harness needs to know about the thing under test."""

    entries: tuple[Mapping[str, Any], ...] = ()
    """`Entry` fields as plain JSON, first = default."""
    folder: str = "."
    """Product folder relative to the workspace."""
    path: tuple[str, ...] = ()
    """Import folders of the product relative to the workspace, e.g. where it was installed."""


async def run_tests(
    workspace: Workspace,
    *,
    suite: Suite,
    paths: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    limits: Limits = Limits(),
    pinned: Sequence[str] | None = None,
    product: Product | None = None,
    stop_early: bool = False,
    files: Mapping[str, bytes] | None = None,
    coverage: bool = False,
    stand_in: Mapping[str, Any] | None = None,
) -> TestReport:
    """Run pytest on `paths` (empty = everything below the workspace) and report what really ran.

    A supervisor process that never loads product code watches pytest, bounds its output and time, and signs the result
    with a nonce the host made for this run. No verdict (`problem` set) when the test process ended early (`os._exit`,
    `sys.exit` at import), a record was forged or is missing, a pinned or plainly written test did not come back, pytest
    or `unittest` was patched, a test's code was replaced or not entered, or pytest's exit status, the process's and our
    counts disagree. Skips and expected failures asked for from outside the test's own file are failures.

    Suites `acceptance` and `examples` run with the harness of `harness/GUIDE.md`, without the product's conftest files,
    plugins and pytest settings. `unit` and `existing` see the product's conftest and settings, except `addopts`;
    `existing` accepts skips from anywhere, as old repositories do.

    What one process cannot rule out: code imported *into* the test process could search its memory for the record's
    key, or return objects that lie to comparisons. Examples and acceptance tests that go through `call`, `cli` and
    `service` judge another process and are not open to this; scanners flag such constructs in the product.

    Args:
        workspace: an open sandbox holding product and tests.
        suite: decides strictness and whether the harness is there, as above.
        paths: test files relative to the workspace.
        env: variables for the tests.
        limits: of the whole run; a test that hangs is stopped and named shortly before they end.
        pinned: ids (`list_tests`) that must be collected and run; None pins, for `unit`, what stands plainly in files.
        product: what the harness starts; needed by `acceptance` and `examples`.
        stop_early: end at the first failure; tests not reached are then no problem.
        files: the tests themselves, where the product must not find them: they lie in a folder of their own until
            they are collected, and nowhere afterwards. None = they stand in the workspace.
        coverage: report which lines of the product ran in the test process.
        stand_in: how something behaves that is not the product and takes its place (`harness.stand_in`).

    Raises:
        SandboxUnavailable: nothing ran.
    """
    isolated = suite in ("acceptance", "examples")
    shown = product or Product()
    nonce = secrets.token_hex(32)
    names = (*JUDGES, *(BOUNDARIES if isolated else ()))
    job = {
        "main": "sixfold_supervisor",
        "modules": modules(*names),
        "nonce": nonce,
        "paths": list(paths),
        "env": {
            **(env or {}),
            **(
                {"SIXFOLD_PRODUCT": json.dumps({**_absolute(shown, workspace.folder), "stand_in": stand_in})}
                if isolated
                else {}
            ),
        },
        "path": _import_folders(shown, workspace.folder),
        "pinned": None if pinned is None else list(pinned),
        "pin_all": suite == "unit",
        "files": None if files is None else {path: content.decode() for path, content in files.items()},
        "isolated": isolated,
        "harness": isolated,
        "lenient": suite == "existing",
        "stop_early": stop_early,
        "coverage": coverage,
        "shrink": stand_in is None,  # nobody reads a counterexample about what is no product
        "wall_s": max(limits.wall_s - 5.0, limits.wall_s * 0.8),
        "silence_s": limits.silence_s,
    }
    outer = msgspec.structs.replace(limits, silence_s=None, output_bytes=max(limits.output_bytes, RESULT_BYTES))
    result = await workspace.exec(boot(), limits=outer, stdin=json.dumps(job).encode())
    return _report(result, suite, nonce, workspace.folder, pinned, stop_early)


def _absolute(product: Product, folder: str) -> dict[str, Any]:
    return {
        "entries": [dict(entry) for entry in product.entries],
        "folder": f"{folder}/{product.folder}" if product.folder != "." else folder,
        "path": _import_folders(product, folder),
    }


def _import_folders(product: Product, folder: str) -> list[str]:
    return [f"{folder}/{place}" for place in product.path] or [folder, f"{folder}/src"]


def _report(
    result: ExecResult, suite: Suite, nonce: str, folder: str, pinned: Sequence[str] | None, stop_early: bool
) -> TestReport:
    told = read_result(result.stdout, nonce)
    if told is None:
        why = f"stopped by its {result.stopped_by} limit" if result.stopped_by else f"exit code {result.exit_code}"
        return TestReport(
            suite=suite,
            exit_code=result.exit_code,
            problem=f"the test runner gave no result ({why})",
            output=normalise(result.stdout[-4000:] + result.stderr[-4000:], folder=folder),
            wall_s=result.wall_s,
        )
    records: list[dict[str, Any]] = told["records"]
    cases = tuple(
        TestCase(
            id=record["id"],
            outcome="error" if record["outcome"] == "unrun" else record["outcome"],
            message=normalise(record["message"], folder=folder, temporary=told["temporary"]),
            requirements=tuple(record["requirements"]),
        )
        for record in records
        if record["kind"] == "case"
    )
    expected = told["pinned"] if pinned is None else list(pinned)
    return TestReport(
        suite=suite,
        cases=cases,
        exit_code=told["exit"] if told["exit"] >= 0 else 128 - told["exit"],
        problem=_problem(told, cases, expected or [], stop_early),
        output=normalise(told["output"], folder=folder, temporary=told["temporary"]),
        wall_s=result.wall_s,
        coverage=_coverage(records),
    )


def _coverage(records: Sequence[Mapping[str, Any]]) -> tuple[FileCoverage, ...]:
    told = next((record["files"] for record in records if record["kind"] == "coverage"), None)
    return tuple(
        FileCoverage(path=path, ran=tuple(ran), missed=tuple(left)) for path, (ran, left) in (told or {}).items()
    )


def _problem(told: dict[str, Any], cases: Sequence[TestCase], pinned: Sequence[str], stop_early: bool) -> str:
    """One line why the records are no verdict; empty when the story is whole and consistent."""
    records: list[dict[str, Any]] = told["records"]
    kinds = {record["kind"]: record for record in records}
    running = next((record["id"] for record in reversed(records) if record["kind"] == "running"), "")
    at = f" while {running} ran" if running and not _closed(records, running) else ""
    if told["forged"]:
        return f"somebody wrote into the test record{at}"
    if told["stopped"]:
        limit = {"wall": "time ran out", "silence": "nothing was written for too long"}[told["stopped"]]
        return f"{limit}{at or ' before the suite ended'}"
    if "end" not in kinds:
        when = at or (" while tests were collected" if "collected" not in kinds else " between tests")
        return f"the test process ended early with exit code {told['exit']}{when}"
    patched = sorted({name for record in records for name in record.get("patched", ()) or record.get("names", ())})
    if patched:
        return f"the tools that judge the tests were replaced: {', '.join(patched[:5])}"
    collected = kinds.get("collected", {"ids": [], "altered": []})
    if collected["altered"]:
        return f"the code of a test is not what its file says: {_some(collected['altered'])}"
    unrun = [record["id"] for record in records if record.get("outcome") == "unrun"]
    if unrun:
        return f"a test was reported without its code being run: {_some(unrun)}"
    return _miscount(told, cases, collected["ids"], pinned, stop_early, kinds["end"]["exit"])


def _miscount(
    told: dict[str, Any],
    cases: Sequence[TestCase],
    collected: Sequence[str],
    pinned: Sequence[str],
    stop_early: bool,
    said: int,
) -> str:
    bad = sum(case.outcome in ("failed", "error") for case in cases)
    stopped = stop_early and bad > 0
    present = {id.split("[", 1)[0] for id in collected}
    broken = {case.id for case in cases if case.outcome == "error"}
    missing = [id for id in pinned if id not in present and id.split("::", 1)[0] not in broken]
    if missing and not stopped:
        return f"{len(missing)} of {len(pinned)} expected tests were not collected: {_some(missing)}"
    reported = [case.id for case in cases]
    absent = [id for id in collected if id not in set(reported)]
    interrupted = any(case.id in broken and "::" not in case.id for case in cases)
    if absent and not stopped and not interrupted:
        return f"{len(absent)} collected tests were not run: {_some(absent)}"
    if said != told["exit"]:
        return f"pytest ended with {said} but the process with {told['exit']}"
    if said in (0, 5) and bad:
        ids = [case.id for case in cases if case.outcome in ("failed", "error")]
        return f"pytest was made to say {said} but {bad} tests failed: {_some(ids)}"
    if said == 1 and not bad:
        return "pytest said that tests failed but none did"
    if said == 5 and not collected:
        return "" if cases else "no tests were found"
    if said not in (0, 1, 5) and not bad:
        return f"pytest ended with exit code {said}"
    return ""


def _closed(records: Sequence[Mapping[str, Any]], id: str) -> bool:
    return any(record["kind"] == "case" and record["id"] == id for record in records)


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")
