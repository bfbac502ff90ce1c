"""Case by case: what attacks, scanners and reviewers found in each product, in their own words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sixfold.domain.evidence import Finding
from sixfold.evaluation.attempt import Attempt
from sixfold.evaluation.report import Table, percent
from sixfold.evaluation.sample import Sample
from sixfold.evaluation.scanned import places
from sixfold.evaluation.scorer import Accepted

_MOST_COMMENT_CHARS = 600


def case_tables(arms: Sequence[str], samples: Sequence[Sample], attempts: Sequence[Attempt]) -> tuple[Table, ...]:
    """The products of every task side by side, and below them every rejection with its reason.

    Args:
        arms: in the order of the report.
    """
    ordered = [
        attempt
        for sample in samples
        for arm in arms
        for attempt in attempts
        if (attempt.sample, attempt.solver) == (sample.id, arm)
    ]
    products = tuple(_product(attempt) for attempt in ordered)
    said = tuple(
        (attempt.sample, attempt.solver, review.subject.partition(":")[0], review.by, _cut(review.comment))
        for attempt in ordered
        for review in attempt.reviews
        if review.verdict == "reject"
    )
    tables = [
        Table(
            title="Products",
            head=(
                "task",
                "arm",
                "functional",
                "weaknesses proven",
                "attacks failed otherwise",
                "other tests failed",
                "scanners in the loop",
                "held-out scanners",
                "flow",
                "reviews",
            ),
            rows=products,
            note="Weaknesses by the name of the attack and its class (CWE); an attack fails otherwise when the product "
            "does not behave as asked, and no harm was seen. Scanners: places, then the rules that "
            "flagged them; ! blocks. Reviews: offers read, of those sent back.",
        )
    ]
    if said:
        tables.append(Table(title="What was sent back", head=("task", "arm", "offer", "by", "why"), rows=said))
    return tuple(tables)


def _product(attempt: Attempt) -> tuple[str, ...]:
    found = attempt.score
    tests = found.tests if found is not None else ()
    attacks = [test for test in tests if test.security]
    unanswered = [test for test in attacks if test.outcome != "passed" and not test.exploited]
    failed = [test for test in tests if not test.security and test.outcome != "passed"]
    seen = attempt.scanned
    sent_back = sum(1 for review in attempt.reviews if review.verdict == "reject")
    return (
        attempt.sample,
        attempt.solver if attempt.epoch == 1 else f"{attempt.solver}.{attempt.epoch}",
        percent(found.functional if found is not None else None),
        _names((test for test in attacks if test.exploited), classes=True),
        _names(unanswered),
        _names(failed),
        _flagged(seen.heard) if seen is not None else "–",
        _flagged(seen.held_out) if seen is not None else "–",
        _end(attempt),
        f"{len(attempt.reviews)}, {sent_back} back" if attempt.reviews else "–",
    )


def _names(tests: Iterable[Accepted], *, classes: bool = False) -> str:
    """Names of tests without their forms, each once."""
    names: list[str] = []
    for test in tests:
        name = test.test.rpartition("::")[2].partition("[")[0].removeprefix("test_").replace("_", " ")
        names.append(name + (f" ({', '.join(test.security)})" if classes else ""))
    names = list(dict.fromkeys(names))
    return "; ".join(names) or "–"


def _flagged(findings: Sequence[Finding]) -> str:
    loud = [finding for finding in findings if finding.severity != "note"]
    rules = dict.fromkeys(f"{finding.rule}{'!' if finding.severity == 'error' else ''}" for finding in loud)
    return f"{places(loud)}: {', '.join(rules)}" if loud else "0"


def _end(attempt: Attempt) -> str:
    if not attempt.run:
        return attempt.problem or "no gate"
    if attempt.validated:
        return "released"
    return f"held back: {_cut(attempt.problem)}" if attempt.problem else "held back"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_COMMENT_CHARS else line[: _MOST_COMMENT_CHARS - 1] + "…"
