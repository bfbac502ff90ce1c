"""The assembled product is proven from outside; scanners that the coder never heard from look again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sixfold.domain.code import Snapshot
from sixfold.domain.data import Data
from sixfold.domain.evidence import Check, Finding, TestReport, counts_line
from sixfold.domain.flow import Examination, Intent, Product
from sixfold.domain.language import Profile, npm_packages
from sixfold.domain.ports import Environment, Ports
from sixfold.domain.requirements import Specification
from sixfold.domain.run import Options
from sixfold.layers.testing import acceptance, components, languages, scanning, system
from sixfold.layers.testing.known import forgive
from sixfold.phases.validation.blind import Locked, failing, judge
from sixfold.workflow.run import Run

_REPORTED = frozenset({"scan", "acceptance", "examples", "tests", "other-tests", "mutation", "exploits"})
"""Checks whose failures are told one by one, by their reports and findings."""


class Others(Data, frozen=True, kw_only=True):
    """What is known about the parts of a product that are not Python."""

    languages: tuple[Profile, ...] = ()
    """The project's own profiles."""
    packages: tuple[str, ...] = ()
    """npm packages a person allowed."""
    known: tuple[str, ...] = ()
    """Tests that failed before the run began."""


async def examine(
    run: Run,
    ports: Ports,
    intent: Intent,
    product: Product,
    locked: Locked,
    environment: Environment,
    snapshot: Snapshot,
    *,
    round: int,
    options: Options,
    known_failures: Sequence[str] = (),
) -> tuple[Examination, Locked]:
    """Prove the product from outside; failing blind tests are judged once against the specification.

    Args:
        options: what the project declared about other languages, and what a person allowed.
        known_failures: tests of other languages that failed before the run began.
    """
    others = Others(languages=options.languages, packages=npm_packages(options.packages), known=tuple(known_failures))
    if round == 1:
        run.emit("phase.started", "phase:validation", {"phase": "validation"})
    look = 2 * round - 1  # two looks a round at most: odd numbers before the blind tests were judged, even after
    seen = await _look(run, ports, intent, product, locked, environment, snapshot, others, look)
    failures = failing(seen.reports, locked.tests)
    if failures and not product.failed:
        locked, changed = await judge(run, ports, intent, locked, failures, round)
        if changed:
            seen = await _look(run, ports, intent, product, locked, environment, snapshot, others, look + 1)
    return seen, locked


async def inspect(
    ports: Ports,
    specification: Specification,
    product: Product,
    locked: Locked,
    environment: Environment,
    snapshot: Snapshot,
    *,
    others: Others | None = None,
    planted_faults: int = system.PLANTED,
) -> Examination:
    """Everything that can be found out about a product without a model; no fault means it may be released."""
    others = others or Others()
    allowed = languages.Allowed(origin=snapshot.tree, packages=others.packages)
    findings, proven, told = await asyncio.gather(
        scanning.new_findings((*ports.scanners, *ports.held_out), ports.repository, snapshot.tree, product.tree),
        system.validate_product(
            ports.sandbox,
            product.tree,
            specification,
            {acceptance.FILE: locked.tests.encode()},
            environment,
            plan=product.plan,
            suite="unit" if snapshot.kind == "empty" else "existing",
            planted_faults=planted_faults,
        ),
        languages.run_suites(
            ports.sandbox, ports.repository, ports.npm, product.tree, environment, others.languages, allowed
        ),
    )
    foreign = [forgive(report, others.known) for report in told]
    packages = components.components(environment)
    findings = (*proven.findings, *findings, *components.licence_findings(packages))
    checks = (*proven.checks, *_language_checks(foreign), _scan_check(findings), *ports.not_run)
    reports = (*proven.reports, *foreign)
    return Examination(
        tree=product.tree,
        checks=checks,
        reports=reports,
        findings=findings,
        unverified=proven.unverified,
        mutation_score=proven.mutation_score,
        components=packages,
        faults=_faults(checks, reports, findings),
    )


async def _look(
    run: Run,
    ports: Ports,
    intent: Intent,
    product: Product,
    locked: Locked,
    environment: Environment,
    snapshot: Snapshot,
    others: Others,
    number: int,
) -> Examination:
    async def look() -> Examination:
        return await inspect(ports, intent.specification, product, locked, environment, snapshot, others=others)

    tries = system.tries(intent.specification, len(acceptance.names(locked.tests)), product.plan)
    place = {"tree": product.tree, "attempt": number, "tries": (*tries, *(one.name for one in ports.held_out))}
    run.emit("examination.started", f"examination:{number}", place)
    seen = await run.step(f"validation.examine:{number}", look, Examination)
    for check in seen.checks:
        run.emit("check.done", f"check:{number}:{check.name}", {"check": check})
    for suite, report in enumerate(seen.reports):
        place = {"scope": "validation", "attempt": number, "tree": seen.tree}
        run.emit("tests.ran", f"tests:validation:{number}:{suite}", {**place, "report": report})
    run.emit(
        "scan.done",
        f"scan:validation:{number}",
        {"scope": "validation", "attempt": number, "tree": seen.tree, "findings": seen.findings},
    )
    return seen


def _language_checks(reports: Sequence[TestReport]) -> tuple[Check, ...]:
    """One check for all tests that are not Python's; none where there are none."""
    if not reports:
        return ()
    passed, failed = (sum(report.count(kind) for report in reports) for kind in ("passed", "failed"))
    problems = "; ".join(report.problem for report in reports if report.problem)
    detail = f"{passed} passed" + (f", {failed} failed" if failed else "") + (f"; {problems}" if problems else "")
    return (Check(name="other-tests", ok=all(report.green for report in reports), detail=detail),)


def _scan_check(findings: Sequence[Finding]) -> Check:
    return Check(name="scan", ok=not any(one.blocks for one in findings), detail=counts_line(findings))


def _faults(checks: Sequence[Check], reports: Sequence[TestReport], findings: Sequence[Finding]) -> tuple[str, ...]:
    """Everything that stands against a release, each as an order a coder can act on."""
    faults = []
    for report in reports:
        for case in report.cases:
            if case.outcome in ("failed", "error"):
                served = f" (requirement {', '.join(case.requirements)})" if case.requirements else ""
                faults.append(f"{report.suite} test {case.id}{served} fails: {case.message}")
        if report.problem:
            faults.append(f"the {report.suite} tests gave no verdict: {report.problem}")
    for check in checks:
        if not check.ok and not check.skipped and check.name not in _REPORTED:
            faults.append(f"check {check.name} failed: {check.detail}")
    faults += [finding.fault for finding in findings if finding.blocks]
    return tuple(faults)
