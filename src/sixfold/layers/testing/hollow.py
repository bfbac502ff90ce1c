"""Tests from outside that prove nothing: they pass on a product that agrees to everything and on one that refuses all.

Both stand-ins are a few lines without a process of their own and know nothing of the product. A test that cannot tell
them apart asserts nothing, or nothing about what was asked for; it may pass, but it is evidence for no requirement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from sixfold.domain.data import canonical, digest
from sixfold.domain.evidence import Finding, TestReport
from sixfold.domain.ports import Workspace
from sixfold.layers.testing.harness.listing import is_test_file
from sixfold.layers.testing.runner import Product, list_tests, run_tests

MOST_KNOWN = 64
TOLD = "passes whatever the product does, so it is no evidence"
STAND_INS: tuple[Mapping[str, Any], ...] = (
    {"exit": 1, "status": 404, "raises": True},
    {"exit": 0, "status": 200, "raises": False},
)
"""One that refuses and one that agrees. The one that most tests fail comes first."""

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
        for manner in STAND_INS:
            # What one of them fails is known to be able to fail; the other is not asked about it.
            names = chosen if passing is None else [id for id in chosen if any(_is_of(one, id) for one in passing)]
            came = await _passing(workspace, manner, suite, files, entries, names) if names else frozenset()
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
    manner: Mapping[str, Any],
    suite: Literal["examples", "acceptance"],
    files: Mapping[str, bytes],
    entries: Sequence[Mapping[str, Any]],
    names: Sequence[str],
) -> frozenset[str] | None:
    """Cases that pass on one stand-in; None without a verdict."""
    report = await run_tests(
        workspace,
        suite=suite,
        paths=names,
        pinned=names,
        product=Product(entries=tuple(entries)),
        files=files,
        stand_in=manner,
    )
    return None if report.problem else frozenset(case.id for case in report.cases if case.outcome == "passed")
