"""A decision that comes when the specification is written is a revision, and counts where it was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from sixfold.domain.data import Tree, to_json
from sixfold.domain.dependants import dependants
from sixfold.domain.evidence import TestCase, TestReport
from sixfold.domain.fold import fold
from sixfold.domain.plan import Plan, Task
from sixfold.domain.requirements import Assumption, Requirement, Specification
from sixfold.domain.revising import as_revision, revision_of, revisions, taken_back
from sixfold.domain.run import Decision, Options, ReleaseOffer
from sixfold.workflow.clock import SystemClock
from sixfold.workflow.log import EventLog

TREE = Tree("a" * 40)
WRITTEN = Specification(
    title="Count",
    requirements=(Requirement(id="R1", text="a"), Requirement(id="R2", text="b")),
    assumptions=(
        Assumption(id="A1", text="Order: newest first", requirements=("R2",)),
        Assumption(id="A2", text="Delete: for good"),
    ),
)


class Told:
    """An event log that is told what happened."""

    def __init__(self, folder: Path) -> None:
        self.log = EventLog(folder / "events.jsonl", SystemClock())

    def say(self, kind: str, **data: object) -> None:
        self.log.append(kind, f"{kind}:{len(self.log.read())}", to_json(data))

    def decide(self, subject: str, value: str = "x") -> Decision:
        decision = Decision(subject=subject, verdict="answer", value=value, who="human:ann")
        self.log.append("decision.given", f"decision:{subject}", {"decision": decision})
        return decision


@pytest.fixture
def told(tmp_path: Path) -> Told:
    told = Told(tmp_path)
    told.say("run.created", request={"text": "count"}, options=Options())
    told.say("specification.written", specification=WRITTEN, by="model")
    return told


def test_revision_says_which_offer_it_came_before_and_may_be_given_again(told: Told) -> None:
    first = as_revision(Decision(subject="assumption:A1", verdict="answer", value="x", who="w"), told.log.read())
    assert first.subject == "revision:1:assumption:A1#1"
    told.decide(first.subject)
    told.say("release.proposed", offer=ReleaseOffer(tree=TREE))
    second = as_revision(Decision(subject="assumption:A1", verdict="answer", value="y", who="w"), told.log.read())
    assert second.subject == "revision:2:assumption:A1#1"
    told.decide(second.subject, "y")
    third = as_revision(Decision(subject="assumption:A1", verdict="answer", value="z", who="w"), told.log.read())
    assert third.subject == "revision:2:assumption:A1#2"


def test_only_revisions_up_to_an_offer_count_for_it_in_the_order_they_were_given(told: Told) -> None:
    told.decide("assumption:A2", "early")
    told.decide("revision:2:assumption:A1#1", "later")
    told.decide("revision:1:assumption:A1#1", "sooner")
    told.decide("question:Q1", "no revision")
    assert [(one.subject, one.value) for one in revisions(told.log.read(), 1)] == [
        ("assumption:A2", "early"),
        ("assumption:A1", "sooner"),
    ]
    assert [one.value for one in revisions(told.log.read(), 2)] == ["early", "later", "sooner"]


@pytest.mark.parametrize("subject", ["question:Q1", "revision:x:assumption:A1", "release:abc", "revision"])
def test_other_subjects_are_no_revisions(subject: str) -> None:
    assert revision_of(subject) is None


def test_corrected_line_keeps_its_text_beside_the_correction(told: Told) -> None:
    told.decide("revision:1:assumption:A1#1", "oldest first")
    view = fold(told.log.read())
    assert view.specification is not None
    line = view.specification.assumptions[0]
    assert (line.text, line.correction, line.status) == ("Order: newest first", "oldest first", "corrected")


def test_sentence_written_anew_is_no_approval_of_anything(told: Told) -> None:
    told.decide("revision:1:requirement:R1#1", "THE SYSTEM SHALL count.")
    assert fold(told.log.read()).approvals == ()


def test_taken_back_release_is_a_rejection_that_names_the_decision() -> None:
    given = Decision(subject="revision:1:assumption:A1#1", verdict="answer", value="oldest first", who="human:ann")
    back = taken_back(f"release:{TREE}", given)
    assert (back.subject, back.verdict, back.who) == (f"release:{TREE}", "reject", "human:ann")
    assert "oldest first" in back.comment


def test_what_rests_on_a_decision_is_found_through_its_requirements(told: Told) -> None:
    tasks = (
        Task(id="T1", title="a", goal="", requirements=("R1",)),
        Task(id="T2", title="b", goal="", requirements=("R2",)),
    )
    told.say("plan.made", plan=Plan(tasks=tasks))
    told.say("patch.applied", task="T2", attempt=1, tree=TREE, files=["b.py"])
    cases = (
        TestCase(id="test_a", outcome="passed", requirements=("R1",)),
        TestCase(id="test_b", outcome="passed", requirements=("R2",)),
    )
    told.say("tests.ran", scope="T2", attempt=1, tree=TREE, report=TestReport(suite="acceptance", cases=cases))
    found = dependants(fold(told.log.read()), "A1")
    assert (found.requirements, found.tasks, found.tests, found.files) == (("R2",), ("T2",), ("test_b",), ("b.py",))
    assert found.text() == "R2, T2, 1 test, b.py"
    assert dependants(fold(told.log.read()), "A2").text() == ""
