"""Doubts the tests: a suite that no planted fault can make fail proves nothing (paper, section 2.2, validation)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sixfold.domain.data import Data
from sixfold.domain.evidence import Check, Finding, TestReport
from sixfold.domain.ports import Workspace
from sixfold.layers.testing.harness.listing import is_test_file
from sixfold.layers.testing.mutation import Mutant, mutants
from sixfold.layers.testing.places import FROM_SOURCE, SITE
from sixfold.layers.testing.planting import Planted, Sown, plant
from sixfold.layers.testing.runner import Product, list_tests

PORTION = 10
"""Tests from outside that planted faults are shown to at a time."""
ENOUGH_FAULTS = 5
"""Planted faults from which on a suite that notices none of them is not unlucky but idle."""


class Doubted(Data, frozen=True, kw_only=True):
    """What planting faults showed."""

    check: Check
    findings: tuple[Finding, ...] = ()
    score: float | None = None
    """Share of planted faults that some suite noticed; None when none were planted."""


async def doubt(
    workspace: Workspace,
    names: Sequence[str],
    outside: Mapping[str, Mapping[str, bytes]],
    reports: Sequence[TestReport],
    entries: tuple[Mapping[str, Any], ...],
    suite: Literal["unit", "existing"],
    planted: int,
) -> Doubted:
    """Plant faults and see whether any suite notices.

    Args:
        workspace: holds the product.
        names: its files.
        outside: test files of the suites from outside, by suite.
        reports: what the suites gave on the product as it is; only those that pass are shown faults.
        entries: of the product.
        suite: how the product's own tests are held.
        planted: most faults.
    """
    reason = ""
    if planted == 0:
        reason = "turned off"
    elif not any(report.green for report in reports):
        reason = "no suite passes, so its failing would say nothing"
    contents = {name: await workspace.get(name) for name in names if name.endswith(".py")} if not reason else {}
    faults = mutants({name: content for name, content in contents.items() if content is not None}, most=planted)
    if not reason and not faults:
        reason = "the product has no place to plant a fault in"
    if reason:
        return Doubted(check=Check(name="mutation", ok=False, skipped=True, detail=reason))
    for files in outside.values():
        await workspace.put(files)
    product = Product(entries=entries, path=(*FROM_SOURCE, SITE))
    sown = _sown(names, outside, reports, suite, product)
    came = await plant(workspace, faults, sown)
    noticed, tried = len(came.noticed), len(came.noticed) + len(came.missed)
    detail = f"{noticed} of {tried} planted faults were noticed by tests"
    if came.untried:
        detail += f"; {len(came.untried)} more could not be tried"
    if tried == 0:
        return Doubted(check=Check(name="mutation", ok=False, skipped=True, detail=detail))
    return Doubted(
        check=Check(name="mutation", ok=noticed > 0, detail=detail),
        findings=(*_mutation_findings(tried, came.missed), *_idle_findings(tried, came, sown)),
        score=noticed / tried,
    )


def _sown(
    names: Sequence[str],
    outside: Mapping[str, Mapping[str, bytes]],
    reports: Sequence[TestReport],
    suite: Literal["unit", "existing"],
    product: Product,
) -> list[Sown]:
    """The suites that pass on the whole product; its own first, which are quicker than those from outside."""
    green: set[str] = {report.suite for report in reports if report.green}
    took_s = {report.suite: report.wall_s for report in reports}
    sown = []
    foreign = {path for files in outside.values() for path in files}
    standing = tuple(name for name in names if is_test_file(name) and name not in foreign)
    if suite in green and standing:
        sown.append(Sown(suite=suite, tests=standing, product=product, wall_s=took_s[suite]))
    passing = {path: content for name, files in outside.items() if name in green for path, content in files.items()}
    blind = list_tests(_only(passing, [path for path in passing if is_test_file(path)]))
    # In portions: the control run that follows repeats only those portions that noticed something.
    for first in range(0, len(blind), PORTION):
        portion = tuple(blind[first : first + PORTION])
        sown.append(Sown(suite="acceptance", tests=portion, product=product))
    return sown


def _idle_findings(tried: int, came: Planted, sown: Sequence[Sown]) -> tuple[Finding, ...]:
    """The product's own tests notice nothing, and others had to."""
    if tried < ENOUGH_FAULTS or not came.noticed or sown[0].suite == "acceptance" or 0 in came.noticed_by:
        return ()
    return (
        Finding(
            tool="mutation",
            rule="own-suite-cannot-fail",
            severity="error" if sown[0].suite == "unit" else "note",
            message=f"the product's own tests noticed none of {tried} planted faults; only tests from outside did",
            path=sown[0].tests[0],
        ),
    )


def _mutation_findings(tried: int, missed: Sequence[Mutant]) -> tuple[Finding, ...]:
    blind = len(missed) == tried >= 3
    found = [
        Finding(
            tool="mutation",
            rule="suite-cannot-fail",
            severity="error",
            message=f"none of {tried} faults planted in the product made a test fail",
        )
    ]
    notes = [
        Finding(
            tool="mutation",
            rule="unnoticed-fault",
            severity="note",
            message=f"no test noticed that a fault was planted: {fault.change}",
            path=fault.path,
            line=fault.line,
        )
        for fault in missed[:5]
    ]
    return tuple([*found, *notes] if blind else notes)


def _only(files: Mapping[str, bytes], paths: Sequence[str]) -> dict[str, bytes]:
    return {path: files[path] for path in paths}
