"""Tests from a context that never saw code: written early, again after a change, and judged when they fail."""

from __future__ import annotations

from collections.abc import Sequence

from sixfold.domain.data import Data, digest
from sixfold.domain.evidence import TestReport
from sixfold.domain.flow import ACCEPTANCE, Intent, Revision
from sixfold.domain.markdown import specification_text
from sixfold.domain.ports import Ports
from sixfold.domain.requirements import Specification
from sixfold.layers.testing import acceptance
from sixfold.workflow.run import Run

_MOST_OBSERVED = 4
"""Failing parameter sets of one test that the judge is shown."""


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


def failing(reports: Sequence[TestReport], tests: str) -> tuple[acceptance.Failure, ...]:
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


async def judge(
    run: Run, ports: Ports, intent: Intent, locked: Locked, failures: Sequence[acceptance.Failure], round: int
) -> tuple[Locked, bool]:
    """Ask which failed tests say more than the specification; the tests as they then stand, and whether any changed."""

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
