"""The suites from outside: the specification's examples and the blind tests, and whether they prove anything."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from sixfold.domain.evidence import Check, Limits, TestReport
from sixfold.domain.ports import Workspace
from sixfold.domain.requirements import Specification
from sixfold.layers.testing.examples import unusable_examples
from sixfold.layers.testing.harness.listing import is_test_file
from sixfold.layers.testing.hollow import hollow_tests, without_evidence
from sixfold.layers.testing.runner import Product, list_tests, run_tests

WORKERS = min(8, 2 * (os.cpu_count() or 1))
"""Processes that share a suite from outside; twice the processors, since tests mostly wait for the product."""
TESTS_A_PROCESS = 8
"""Tests from outside from which on one more process pays: to load pytest costs as much as to start a product thrice."""
SECONDS_A_TEST = 6.0
MOST_SUITE_S = 1_200.0


async def try_suite(
    workspace: Workspace,
    suite: Literal["examples", "acceptance"],
    files: Mapping[str, bytes],
    product: Product,
    limits: Limits,
    specification: Specification,
) -> tuple[Check, TestReport | None]:
    """One suite: its check, and its report when there was anything to run.

    Tests that prove nothing stand for no requirement in the report (`hollow`).
    """
    unusable = unusable_examples(specification) if suite == "examples" else ()
    noted = "; ".join(f"{one.id} is unusable: {one.reason}" for one in unusable[:5])
    tests = [path for path in files if is_test_file(path)]
    if not tests:
        return Check(name=suite, ok=False, skipped=True, detail=noted or f"there are no {suite} tests"), None
    pinned = list_tests({path: files[path] for path in tests})
    # Each test starts the product anew, so the time a suite may take grows with its size.
    wall_s = min(MOST_SUITE_S, limits.wall_s + SECONDS_A_TEST * len(pinned))
    timed = msgspec.structs.replace(limits, wall_s=wall_s)
    report, hollow = await asyncio.gather(
        _in_parts(workspace, suite, pinned, timed, product, files),
        hollow_tests(workspace, suite, files, product.entries),
    )
    detail = "; ".join(part for part in (summary(report), noted) if part)
    return Check(name=suite, ok=report.green, detail=detail), without_evidence(report, hollow)


async def _in_parts(
    workspace: Workspace,
    suite: Literal["examples", "acceptance"],
    pinned: Sequence[str],
    limits: Limits,
    product: Product,
    files: Mapping[str, bytes],
) -> TestReport:
    """One suite in as many processes as there are processors; the report does not tell how many those were.

    Tests from outside spend most of their time waiting for the product to start.
    """
    processes = min(WORKERS, max(1, -(-len(pinned) // TESTS_A_PROCESS)))
    parts = [pinned[start::processes] for start in range(processes)]
    reports = await asyncio.gather(
        *(
            run_tests(workspace, suite=suite, paths=part, limits=limits, pinned=part, product=product, files=files)
            for part in parts
        )
    )
    place = {name: number for number, name in enumerate(pinned)}
    cases = [case for report in reports for case in report.cases]
    cases.sort(key=lambda case: place.get(case.id.partition("[")[0], len(pinned)))
    return TestReport(
        suite=suite,
        cases=tuple(cases),
        exit_code=max(report.exit_code for report in reports),
        problem="; ".join(dict.fromkeys(report.problem for report in reports if report.problem)),
        output="\n".join(report.output for report in reports if report.output),
        wall_s=max(report.wall_s for report in reports),
    )


def summary(report: TestReport) -> str:
    """Counts by outcome, and why there is no verdict."""
    counts = {outcome: report.count(outcome) for outcome in ("passed", "failed", "error", "skipped")}
    shown = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count) or "nothing ran"
    return f"{shown}; {report.problem}" if report.problem else shown
