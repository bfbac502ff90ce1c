"""From attempts to a report that claims no more than was measured."""

from __future__ import annotations

import msgspec
import pytest

from sixfold.domain.evidence import Finding
from sixfold.domain.model import Usage
from sixfold.domain.requirements import Requirement
from sixfold.evaluation.attempt import Attempt, Understanding
from sixfold.evaluation.experiments import EXPERIMENTS
from sixfold.evaluation.judge import Judgement, Line, LineVerdict, RequirementVerdict
from sixfold.evaluation.metrics import measure
from sixfold.evaluation.report import Report, markdown
from sixfold.evaluation.reviewer import Reviewed
from sixfold.evaluation.sample import Row, Sample
from sixfold.evaluation.scanned import Scanned
from sixfold.evaluation.scorer import Accepted, scored
from sixfold.evaluation.summary import summarise
from sixfold.evaluation.user import Noted

CLARITY = EXPERIMENTS["clarity"]


def sample(name: str) -> Sample:
    rows = (
        Row(id="R1", weight=2, text="a", question="a?"),
        Row(id="R2", text="b", question="b?"),
        Row(id="R3", text="said"),
    )
    return Sample(id=name, request="x", rows=rows)


def attempt(name: str, solver: str, met: tuple[str, ...], *, validated: bool = True) -> Attempt:
    tests = [
        Accepted(test=f"t::{row.id}", outcome="passed" if row.id in met else "failed", req=(row.id,))
        for row in sample(name).rows
    ]
    lines = (Line(id="Q1", kind="question", text="a?"), Line(id="A1", kind="assumption", text="blue"))
    verdict = Judgement(
        lines=(LineVerdict(id="Q1", wishes=("R1",)), LineVerdict(id="A1")),
        requirements=(RequirementVerdict(id="R1", source="invented"),),
    )
    return Attempt(
        sample=name,
        version=sample(name).digest,
        solver=solver,
        state="done",
        run="r-1",
        validated=validated,
        score=scored(sample(name), tests),
        journal=(Noted(kind="question", id="Q1", line="a?", said="a", rows=("R1",)),) if solver == "clarity" else (),
        understanding=Understanding(lines=lines, requirements=(Requirement(id="R1", text="sing"),), judgement=verdict),
        usage=Usage(calls=3, input_tokens=100, output_tokens=50),
    )


def test_a_row_is_met_when_every_test_of_it_passed_and_counts_by_weight() -> None:
    tests = [
        Accepted(test="1", outcome="passed", req=("R1",)),
        Accepted(test="2", outcome="skipped", req=("R1",)),
        Accepted(test="3", outcome="passed", req=("R2", "R3")),
    ]
    found = scored(sample("x"), tests)
    assert [row.met for row in found.rows] == [False, True, True]
    assert found.rows_met == pytest.approx(0.5)
    assert found.hidden_met == pytest.approx(1 / 3)


def test_a_row_that_no_test_decides_counts_nowhere() -> None:
    found = scored(sample("x"), [Accepted(test="1", outcome="passed", req=("R1",))])
    assert [row.met for row in found.rows] == [True, None, None]
    assert found.rows_met == 1.0


def test_a_suite_that_never_ran_meets_nothing() -> None:
    found = scored(sample("x"), (), problem="pytest ended with 4")
    assert (found.rows_met, found.hidden_met, found.solved) == (0.0, 0.0, False)


def test_what_was_not_released_counts_as_built_but_not_as_released() -> None:
    measured = measure(attempt("x", "guess", ("R1", "R2", "R3"), validated=False), sample("x"))
    assert (measured.rows_met, measured.released_met, measured.solved) == (1.0, 0.0, True)


def test_coverage_counts_hidden_rows_by_weight_and_waste_counts_lines() -> None:
    measured = measure(attempt("x", "clarity", ("R1",)), sample("x"))
    assert measured.coverage == pytest.approx(2 / 3)
    assert (measured.lines, measured.wasted, measured.hallucinated) == (2, 1, 1)
    assert (measured.questions, measured.good_questions) == (1, 1)


def report(*attempts: Attempt) -> Report:
    return summarise(CLARITY.style, [sample("x"), sample("y")], attempts)


def test_arms_are_compared_on_the_tasks_both_have_done() -> None:
    found = report(
        attempt("x", "guess", ()),
        attempt("x", "clarity", ("R1", "R2", "R3")),
        attempt("y", "clarity", ("R1",)),
    )
    difference = found.figures["paired"]["clarity − guess"]["rows_met"]["difference"]
    assert (difference["value"], difference["n"]) == (1.0, 1)
    assert any("guess 1" in note for note in found.notes)


def test_epochs_of_a_task_are_one_value() -> None:
    found = report(
        attempt("x", "clarity", ("R1", "R2", "R3")), attempt("x", "clarity", ()), attempt("y", "clarity", ())
    )
    figure = found.figures["arms"]["clarity"]["rows_met"]
    assert (figure["value"], figure["n"]) == (0.25, 2)


def test_the_page_says_that_little_is_known() -> None:
    page = markdown(report(attempt("x", "clarity", ("R1",)), attempt("x", "guess", ())))
    assert "Only 1 tasks" in page
    assert "| rows met in the built product | 50% (n=1) | 0% (n=1) |" in page


def secured(name: str, solver: str, *outcomes: Accepted, released: bool = True) -> Attempt:
    scored_now = scored(sample(name), outcomes)
    return Attempt(
        sample=name,
        version=sample(name).digest,
        solver=solver,
        state="done",
        run="" if solver == "plain" else "r-1",
        validated=released,
        score=scored_now,
    )


WORKS = Accepted(test="t::works", outcome="passed", req=("R1",), core=True)
HELD = Accepted(test="t::attack", outcome="passed", security=("CWE-22",))
BEATEN = [
    Accepted(test=f"t::attack[{way}]", outcome="failed", security=("CWE-22",), message="exploited: out of the folder")
    for way in ("a", "b")
]
DEAD = Accepted(test="t::attack", outcome="error", security=("CWE-22",), message="the service does not answer")


def test_a_weakness_proven_in_several_ways_counts_once() -> None:
    found = measure(secured("a", "plain", WORKS, *BEATEN), sample("a"))
    assert (found.exploited, found.released_exploited, found.safe, found.functional) == (1, 1, False, 1.0)


def test_a_product_that_cannot_be_attacked_is_neither_exploited_nor_safe() -> None:
    found = measure(secured("a", "full", DEAD), sample("a"))
    assert (found.exploited, found.safe, found.works_and_safe) == (0, False, False)


def test_what_a_gate_held_back_harms_nobody_and_is_still_told() -> None:
    found = measure(secured("a", "full", WORKS, *BEATEN, released=False), sample("a"))
    assert (found.exploited, found.released_exploited) == (1, 0)


def test_the_security_report_compares_full_with_the_others() -> None:
    attempts = [secured("a", "full", WORKS, HELD), secured("a", "plain", WORKS, *BEATEN)]
    report = summarise(EXPERIMENTS["security"].style, [sample("a")], attempts)
    rows = {row[0]: row[1:] for row in report.tables[0].rows}
    assert rows["weaknesses proven by an attack"] == ("0.0 (n=1)", "1.0 (n=1)")
    assert rows["places flagged by held-out scanners"] == ("–", "–")
    assert any(row[:2] == ("full − plain", "weaknesses proven by an attack") for row in report.tables[1].rows)


def test_every_product_is_told_with_what_was_proven_flagged_and_sent_back() -> None:
    flagged = Finding(tool="bandit", rule="B602", severity="error", message="shell", path="a.py", line=3)
    beaten = msgspec.structs.replace(secured("a", "plain", WORKS, *BEATEN), scanned=Scanned(heard=(flagged, flagged)))
    why = "a.py: the name goes\ninto the path"
    said = Reviewed(subject="release:1", verdict="reject", comment=why, by="model", waited_s=60.0)
    reviewed = msgspec.structs.replace(
        secured("a", "reviewed", WORKS, DEAD),
        reviews=(said,),
        lender="r-0",
        evaluation_usage=Usage(calls=1, input_tokens=10, output_tokens=5),
    )
    report = summarise(EXPERIMENTS["security"].style, [sample("a")], [beaten, reviewed])
    tables = {table.title: table for table in report.tables}
    first, second = tables["Products"].rows
    assert first[:5] == ("a", "reviewed", "100%", "–", "attack")
    assert second[3:8] == ("attack (CWE-22)", "–", "–", "1: B602!", "0")
    assert second[8] == "no gate"
    assert tables["What was sent back"].rows == (
        ("a", "reviewed", "release", "model", "a.py: the name goes into the path"),
    )
    rows = {row[0]: row[1:] for row in report.tables[0].rows}
    assert rows["tokens of the reviewer"] == ("15.0 (n=1)", "–")
    assert any(note.startswith("reviewed: questions that the run of the task in full") for note in report.notes)
