"""Phase 4 of 4: validation. The assembled product is proven from outside, then a human signs exactly what was shown.

The acceptance tests come from a context that never saw code; scanners that the coder never heard from look again
(paper, section 2.2 and its second open question).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from sixfold.domain.code import Snapshot
from sixfold.domain.data import Data, Tree, digest
from sixfold.domain.evidence import Check, Dispute, Finding, TestReport, counts_line
from sixfold.domain.flow import ACCEPTANCE, Examination, Intent, Product, Revision, Rework
from sixfold.domain.language import Profile, npm_packages
from sixfold.domain.markdown import specification_text
from sixfold.domain.ports import Environment, Ports
from sixfold.domain.requirements import Specification
from sixfold.domain.revising import revisions, taken_back
from sixfold.domain.run import Decision, Options, Outcome, ReleaseOffer
from sixfold.layers.refinement import branch
from sixfold.layers.requirements import specify
from sixfold.layers.testing import acceptance, components, languages, scanning, system
from sixfold.layers.testing.known import forgive
from sixfold.workflow.run import Run

_REPORTED = frozenset({"scan", "acceptance", "examples", "tests", "other-tests", "mutation", "exploits"})
"""Checks whose failures are told one by one, by their reports and findings."""


_MOST_OBSERVED = 4
"""Failing parameter sets of one test that the judge is shown."""


class Others(Data, frozen=True, kw_only=True):
    """What is known about the parts of a product that are not Python."""

    languages: tuple[Profile, ...] = ()
    """The project's own profiles."""
    packages: tuple[str, ...] = ()
    """npm packages a person allowed."""
    known: tuple[str, ...] = ()
    """Tests that failed before the run began."""


class Locked(Data, frozen=True, kw_only=True):
    """The acceptance tests, written without sight of the code."""

    tests: str


async def write_acceptance(run: Run, ports: Ports, specification: Specification) -> Locked:
    """Child task: write the acceptance tests from the specification's text alone."""

    async def ask() -> Locked:
        tests, _ = await acceptance.write_acceptance(ports.model, specification_text(specification))
        ports.repository.put_blob(tests.encode())  # under the digest that the event names
        return Locked(tests=tests)

    locked = await run.step("validation.write_acceptance", ask, Locked)
    _announce(run, locked, "")
    return locked


def _announce(run: Run, locked: Locked, edition: str) -> None:
    names = acceptance.names(locked.tests)
    run.emit(
        "acceptance.written",
        f"acceptance{edition}",
        {"files": [acceptance.FILE], "tests": len(names), "names": names, "digest": digest(locked.tests)},
    )


async def write_again(
    run: Run, ports: Ports, intent: Intent, locked: Locked, revision: Revision, *, round: int
) -> Locked:
    """Blind tests for what a later decision changed; the others stay as they were locked.

    Where the two do not fit into one file, all are written again.
    """
    text = specification_text(intent.specification)
    edition = f":revised:{round}"

    async def ask() -> Locked:
        together = None
        if revision.requirements:
            fresh, _ = await acceptance.write_changed(ports.model, text, revision.requirements)
            together = acceptance.exchange(locked.tests, fresh, revision.requirements)
        if together is None:
            together, _ = await acceptance.write_acceptance(ports.model, text)
        ports.repository.put_blob(together.encode())
        return Locked(tests=together)

    written = await run.step(f"validation.write_acceptance{edition}", ask, Locked)
    _announce(run, written, edition)
    return written


async def locked_tests(run: Run) -> Locked:
    """Wait for the acceptance tests that were begun when the specification was ready."""
    _, locked = await run.first([f"{run.id}:{ACCEPTANCE}"], Locked)
    return locked


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
    failures = _failing(seen.reports, locked.tests)
    if failures and not product.failed:
        locked, changed = await _judge(run, ports, intent, locked, failures, round)
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


def _failing(reports: Sequence[TestReport], tests: str) -> tuple[acceptance.Failure, ...]:
    """Blind tests that failed, one entry a function: its parameters share one text and one verdict."""
    observed: dict[str, list[str]] = {}
    for report in reports:
        if report.suite != "acceptance":
            continue
        for case in report.cases:
            name, _, parameters = case.id.rpartition("::")[2].partition("[")
            if case.outcome in ("failed", "error"):
                shown = f"with [{parameters}: {case.message}" if parameters else case.message
                observed.setdefault(name, []).append(shown)
    return tuple(
        acceptance.Failure(name=name, source=source, observed="\n".join(messages[:_MOST_OBSERVED]))
        for name, messages in observed.items()
        if (source := acceptance.source_of(tests, name))
    )


async def _judge(
    run: Run, ports: Ports, intent: Intent, locked: Locked, failures: Sequence[acceptance.Failure], round: int
) -> tuple[Locked, bool]:
    async def ask() -> acceptance.Verdicts:
        verdicts, _ = await acceptance.judge(ports.model, specification_text(intent.specification), failures)
        ports.repository.put_blob(acceptance.revise(locked.tests, _allowed(verdicts, failures)).encode())
        return verdicts

    verdicts = await run.step(f"validation.judge_tests:{round}", ask, acceptance.Verdicts)
    allowed = _allowed(verdicts, failures)
    revised = acceptance.revise(locked.tests, allowed)
    for verdict in allowed:
        run.emit(
            "acceptance.disputed",
            f"disputed:{round}:{verdict.name}",
            {
                "test": verdict.name,
                "verdict": verdict.verdict,
                "reason": verdict.reason,
                "digest": digest(revised),
            },
        )
    return Locked(tests=revised), revised != locked.tests


def _allowed(verdicts: acceptance.Verdicts, failures: Sequence[acceptance.Failure]) -> list[acceptance.Verdict]:
    """Verdicts on tests that failed; about others nobody was asked."""
    failing = {failure.name for failure in failures}
    return [verdict for verdict in verdicts.verdicts if verdict.name in failing]


def disputes(seen: Examination, said: Mapping[str, tuple[str, str]]) -> tuple[Dispute, ...]:
    """Findings that stand although their coder was asked about them and called them wrong.

    Failing tests and checks cannot be disputed: they are evidence, and nobody can sign them away.

    Args:
        said: faults that coders call wrong → (task, what it says).
    """
    standing = [finding for finding in seen.findings if finding.blocks and finding.fault in said]
    return tuple(Dispute(finding=one, task=said[one.fault][0], text=said[one.fault][1]) for one in standing)


def undisputed(seen: Examination, disputes: Sequence[Dispute]) -> tuple[str, ...]:
    """Faults that no person can be asked to sign away."""
    called_wrong = {dispute.finding.fault for dispute in disputes}
    return tuple(fault for fault in seen.faults if fault not in called_wrong)


async def release(
    run: Run,
    ports: Ports,
    intent: Intent,
    product: Product,
    seen: Examination,
    options: Options,
    snapshot: Snapshot,
    *,
    offers: int,
    standing: Sequence[str],
    disputes: Sequence[Dispute] = (),
) -> Outcome | Rework:
    """Offer the product for signature and, once signed, put exactly that tree on a branch.

    Args:
        offers: number of this offer, from 1.
        standing: faults that nobody can sign away; with one nothing is offered.
        disputes: findings that block, but for the person who decides about them here.
    """
    if standing or product.failed:
        reasons = [f"task {result.task} failed: {result.reason}" for result in product.failed] + list(standing)
        run.emit("phase.ended", "phase-ended:validation", {"phase": "validation"})
        return Outcome(status="failed", exit_code=5, tree=product.tree, reason=reasons[0], usage=ports.costs.spent())
    offer = ReleaseOffer(
        tree=seen.tree,
        checks=seen.checks,
        findings=seen.findings,
        unverified=seen.unverified,
        mutation_score=seen.mutation_score,
        components=seen.components,
        disputed=tuple(disputes),
        again=_offered_before(run, seen.tree, offers),
    )
    run.emit("release.proposed", offer.subject, {"offer": offer})
    if (fresh := _outdated(run, intent, offers)) is not None:
        # It came in just before the offer was made; a later one takes the offer back where it is given.
        take_back = taken_back(offer.subject, fresh)
        run.emit("decision.given", f"decision:{take_back.subject}", {"decision": take_back}, who=take_back.who)
    decision = await _sign(run, options, offer)
    if decision.verdict != "approve":
        revised = _outdated(run, intent, offers + 1) is not None
        return Rework(comment=decision.comment or decision.value, who=decision.who, revised=revised)

    signed_at = run.decided_at(decision.subject)

    def publish() -> branch.Published:
        return branch.publish(ports.repository, run.id, intent.specification, product, snapshot, decision, signed_at)

    published = await run.blocking("validation.publish", publish, branch.Published)
    for commit in published.commits:
        run.emit("commit.made", f"commit:{commit.increment}", commit)
    place = {"branch": published.branch, "commit": published.head, "tree": published.tree}
    run.emit("branch.made", f"branch:{published.branch}", place)
    run.emit("phase.ended", "phase-ended:validation", {"phase": "validation"})
    return Outcome(
        status="validated",
        exit_code=0,
        tree=published.tree,
        commit=published.head,
        branch=published.branch,
        usage=ports.costs.spent(),
    )


def _offered_before(run: Run, tree: Tree, offers: int) -> int:
    """How often a tree was offered before the offer of this number."""
    before = [event.data["offer"]["tree"] for event in run.events() if event.kind == "release.proposed"][: offers - 1]
    return before.count(tree)


def _outdated(run: Run, intent: Intent, offers: int) -> Decision | None:
    """The last decision that the specification does not have yet; None when it has all."""
    written = intent.specification
    fresh = [one for one in revisions(run.events(), offers) if specify.changed(written, specify.settle(written, [one]))]
    return fresh[-1] if fresh else None


async def _sign(run: Run, options: Options, offer: ReleaseOffer) -> Decision:
    """The decision on an offer; what was said in advance does not hold for findings nobody could know of then."""
    subject = offer.subject
    if options.approve_release and not offer.disputed:
        decision = Decision(subject=subject, verdict="approve", comment="approved in advance", who="option:-y")
        run.emit("decision.given", f"decision:{subject}", {"decision": decision}, who=decision.who)
    return await run.decision(subject)
