"""Metrics: from one attempt's record to plain numbers."""

from __future__ import annotations

from typing import Any

import msgspec

from sixfold.domain.data import Data
from sixfold.evaluation.attempt import Attempt
from sixfold.evaluation.judge import Judgement, Line
from sixfold.evaluation.sample import Sample
from sixfold.evaluation.scanned import places
from sixfold.evaluation.scorer import Accepted


class Measured(Data, frozen=True, kw_only=True):
    """The numbers of one attempt. None = cannot be said here (nobody judged, no such rows)."""

    sample: str
    solver: str
    epoch: int
    rows_met: float
    """Share of all rows met in the built product, by weight."""
    hidden_met: float | None
    """The same over the rows that the request does not say."""
    released_met: float | None
    """`rows_met` of what the flow released, 0 when it released nothing; None for a flow that has no gate."""
    pass_rate: float
    solved: bool
    validated: bool
    withstood: float | None
    questions: int
    good_questions: int
    """Questions whose answer came from at least one row."""
    lines: int
    """Questions and assumptions: what a person has to read."""
    coverage: float | None
    """Share of hidden rows that a question or an assumption decides, by weight."""
    question_coverage: float | None
    """The same by questions alone."""
    wasted: int | None
    """Lines that decide no row."""
    wrong_defaults: int | None
    """Assumptions that break a row as they stand."""
    corrections: int
    requirements: int
    hallucinated: int | None
    """Requirements that nobody asked for and no assumption states."""
    calls: int
    tokens: int
    wall_s: float
    tasks: int
    accuracy: float | None = None
    components: float | None = None
    edges: float | None = None
    owned: float | None = None
    ordered: float | None = None
    roles: float | None = None
    contracts_kept: float | None = None
    overhead: float | None = None
    context_tokens: float | None = None
    revisions: int = 0
    planned_tasks: int = 0
    core: float | None = None
    functional: float | None = None
    """Share of the tests that pass without an attack."""
    exploited: int | None = None
    """Weaknesses proven by an attack, several forms of one attack counted once; None for a task without attacks."""
    released_exploited: int | None = None
    """`exploited` of what was released: 0 when the flow held it back; all of it for a flow that has no gate."""
    safe: bool | None = None
    """Every attack was withstood by a product that works well enough to be attacked."""
    works_and_safe: bool | None = None
    """Every attack withstood, every functional test passed."""
    heard: int | None = None
    """Places flagged by scanners that a coder of the full flow hears of; None when nobody looked."""
    heard_blocking: int | None = None
    held_out: int | None = None
    """Places flagged by scanners it never hears of."""
    held_out_blocking: int | None = None
    rejections: int | None = None
    """None without a reviewer."""
    reviewer_tokens: int | None = None
    """What a reviewing model read and wrote; not among `tokens`. None for a script or nobody."""
    lender: str = ""
    reviewer_minutes: float | None = None
    """From offer to decision, summed; None for a script or nobody."""


def measure(attempt: Attempt, sample: Sample) -> Measured:
    """The numbers of an attempt that is done."""
    found, understood = attempt.score, attempt.understanding
    asked = [noted for noted in attempt.journal if noted.kind == "question"]
    lines, judged = understood.lines, understood.judgement
    organised = attempt.organisation
    rows_met = (found.rows_met if found else None) or 0.0
    measured = Measured(
        sample=attempt.sample,
        solver=attempt.solver,
        epoch=attempt.epoch,
        rows_met=rows_met,
        hidden_met=found.hidden_met if found else None,
        released_met=(rows_met if attempt.validated else 0.0) if attempt.run else None,
        pass_rate=found.pass_rate if found else 0.0,
        solved=bool(found and found.solved),
        validated=attempt.validated,
        withstood=found.withstood if found else None,
        questions=sum(1 for line in lines if line.kind == "question"),
        good_questions=sum(1 for noted in asked if noted.rows),
        lines=len(lines),
        coverage=coverage(sample, judged, lines),
        question_coverage=coverage(sample, judged, [line for line in lines if line.kind == "question"]),
        wasted=sum(1 for verdict in judged.lines if not verdict.wishes) if judged else None,
        wrong_defaults=sum(1 for verdict in judged.lines if verdict.agrees == "no") if judged else None,
        corrections=sum(1 for noted in attempt.journal if noted.kind == "assumption" and noted.said),
        requirements=len(understood.requirements),
        hallucinated=sum(1 for verdict in judged.requirements if verdict.source == "invented") if judged else None,
        calls=attempt.usage.calls,
        tokens=attempt.usage.input_tokens + attempt.usage.output_tokens,
        wall_s=attempt.wall_s,
        tasks=attempt.tasks,
        accuracy=organised.accuracy,
        components=organised.components,
        edges=organised.edges,
        owned=organised.owned,
        ordered=organised.ordered,
        roles=organised.roles,
        contracts_kept=organised.contracts_kept,
        overhead=organised.overhead,
        context_tokens=organised.context_tokens,
        revisions=organised.revisions,
        planned_tasks=organised.tasks,
        lender=attempt.lender,
    )
    return msgspec.structs.replace(measured, **_safety(attempt), **_scans(attempt), **_reviews(attempt))


def _safety(attempt: Attempt) -> dict[str, Any]:
    """What the attacks showed, apart from what the product is for."""
    found = attempt.score
    attacks: list[Accepted] = [test for test in found.tests if test.security] if found else []
    if found is None or not attacks:
        return {"core": found.core if found else None, "functional": found.functional if found else None}
    exploited = len({test.test.partition("[")[0] for test in attacks if test.exploited})
    safe = found.withstood == 1.0
    return {
        "core": found.core,
        "functional": found.functional,
        "exploited": exploited,
        "released_exploited": exploited if attempt.validated or not attempt.run else 0,
        "safe": safe,
        "works_and_safe": safe and found.functional in (None, 1.0),
    }


def _scans(attempt: Attempt) -> dict[str, Any]:
    seen = attempt.scanned
    if seen is None:
        return {}
    return {
        "heard": places(seen.heard),
        "heard_blocking": places(finding for finding in seen.heard if finding.severity == "error"),
        "held_out": places(seen.held_out),
        "held_out_blocking": places(finding for finding in seen.held_out if finding.severity == "error"),
    }


def _reviews(attempt: Attempt) -> dict[str, Any]:
    spent = attempt.evaluation_usage
    waited = [item.waited_s for item in attempt.reviews if item.waited_s is not None]
    if not attempt.reviews:
        return {}
    return {
        "rejections": sum(1 for item in attempt.reviews if item.verdict == "reject"),
        "reviewer_minutes": round(sum(waited) / 60, 2) if waited else None,
        "reviewer_tokens": spent.input_tokens + spent.output_tokens if waited else None,
    }


def coverage(sample: Sample, judged: Judgement | None, lines: list[Line] | tuple[Line, ...]) -> float | None:
    """Share of the hidden rows, by weight, that one of the lines decides; None without a judge or hidden rows."""
    if judged is None or not sample.hidden:
        return None
    ids = {line.id for line in lines}
    decided = {wish for verdict in judged.lines if verdict.id in ids for wish in verdict.wishes}
    return sum(row.weight for row in sample.hidden if row.id in decided) / sum(row.weight for row in sample.hidden)
