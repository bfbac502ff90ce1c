"""Answers become part of the specification; the model is asked only when something really changed."""

from __future__ import annotations

import json

from sixfold.domain.data import digest
from sixfold.domain.markdown import specification_text
from sixfold.domain.model import ModelReply, ModelRequest, Usage
from sixfold.domain.requirements import (
    Assumption,
    Example,
    Expect,
    Option,
    Question,
    Request,
    Requirement,
    Specification,
    Step,
)
from sixfold.domain.run import Decision
from sixfold.layers.requirements.specify import affected, changed, consolidate, settle, specify, verbatim

OPTIONS = (Option(value="shared list", consequence="no owners"), Option(value="own lists", consequence="owners"))
DRAFT = Specification(
    title="Share bookmarks",
    summary="A list.",
    requirements=(
        Requirement(
            id="R1",
            text="THE SYSTEM SHALL list.",
            examples=(Example(id="R1.E1", title="empty", steps=(Step(path="/", expect=Expect(status=200)),)),),
        ),
        Requirement(id="R2", text="THE SYSTEM SHALL delete."),
    ),
    assumptions=(
        Assumption(id="A1", text="Newest first.", requirements=("R1",)),
        Assumption(id="A2", text="Delete is final.", requirements=("R2",)),
    ),
    questions=(Question(id="Q1", text="Whose list?", options=OPTIONS, default="shared list"),),
    interface="GET /",
)
REWRITTEN = json.dumps(
    {
        "title": "Share bookmarks with owners",
        "requirements": [
            {"id": "R1", "text": "THE SYSTEM SHALL list own bookmarks.", "origin": "answer"},
            {"id": "R3", "text": "THE SYSTEM SHALL refuse others.", "origin": "answer"},
        ],
        "assumptions": [{"id": "A1", "text": "Newest first.", "requirements": ["R1"]}],
        "size": "large",
    }
)


class Answerer:
    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.requests: list[ModelRequest] = []

    async def complete(self, request: ModelRequest, *, scope: str = "") -> ModelReply:
        self.requests.append(request)
        return ModelReply(text=self.answers.pop(0), model="test:model", usage=Usage(calls=1), request=digest("x"))


def decided(subject: str, verdict: str, value: str = "", comment: str = "") -> Decision:
    return Decision(subject=subject, verdict=verdict, value=value, comment=comment, who="human:test")  # type: ignore[arg-type]


async def test_answers_equal_to_the_defaults_cost_no_call() -> None:
    model = Answerer()
    found = await consolidate(model, Request(text="x"), DRAFT, [decided("question:Q1", "answer", " Shared  LIST ")])
    assert model.requests == []
    assert found.requirements == DRAFT.requirements
    assert (found.questions[0].status, found.questions[0].answer) == ("answered", "shared list")


async def test_taking_the_default_is_recorded_as_such() -> None:
    found = await consolidate(Answerer(), Request(text="x"), DRAFT, [decided("question:Q1", "default")])
    assert (found.questions[0].status, found.questions[0].answer) == ("defaulted", "shared list")


async def test_other_answer_is_folded_in_by_one_call_in_a_fresh_context() -> None:
    model = Answerer(f"```json\n{REWRITTEN}\n```")
    found = await consolidate(model, Request(text="x"), DRAFT, [decided("question:Q1", "answer", "own lists")])
    assert len(model.requests) == 1
    assert len(model.requests[0].messages) == 1
    assert "Answer: own lists (owners). The draft assumed: shared list." in model.requests[0].messages[0].text
    assert [item.id for item in found.requirements] == ["R1", "R3"]
    assert found.requirements[0].origin == "answer"
    assert found.questions[0].answer == "own lists"


async def test_remark_beside_the_default_counts_as_another_answer() -> None:
    model = Answerer(REWRITTEN)
    decision = decided("question:Q1", "answer", "shared list", "but only admins delete")
    found = await consolidate(model, Request(text="x"), DRAFT, [decision])
    assert len(model.requests) == 1
    assert found.questions[0].answer == "shared list (but only admins delete)"


async def test_corrected_assumption_survives_a_model_that_drops_it() -> None:
    found = await consolidate(
        Answerer(REWRITTEN),
        Request(text="x"),
        DRAFT,
        [decided("assumption:A2", "answer", "Deleted ones can be restored.")],
    )
    kept = {item.id: item for item in found.assumptions}
    assert kept["A2"].text == "Delete is final. — instead: Deleted ones can be restored."
    assert kept["A2"].correction == "Deleted ones can be restored."
    assert kept["A2"].status == "corrected"
    assert kept["A2"].requirements == ()
    assert kept["A1"].status == "assumed"


def test_confirmed_assumption_changes_only_its_status() -> None:
    found = settle(DRAFT, [decided("assumption:A1", "approve")])
    assert found.assumptions[0].status == "confirmed"
    assert not changed(DRAFT, found)


def test_last_decision_on_a_subject_holds_and_unknown_ones_are_ignored() -> None:
    found = settle(
        DRAFT,
        [
            decided("question:Q1", "answer", "own lists"),
            decided("question:Q9", "answer", "x"),
            decided("question:Q1", "default"),
        ],
    )
    assert found.questions[0].status == "defaulted"


LEDGER = Specification(
    title="Share bookmarks",
    assumptions=(Assumption(id="A1", text="Order: newest first"), Assumption(id="A2", text="Delete: for good")),
    questions=DRAFT.questions,
)
WRITTEN = json.dumps(
    {
        "title": "Share bookmarks",
        "requirements": [
            {"id": "R1", "text": "THE SYSTEM SHALL list."},
            {"id": "R2", "text": "THE SYSTEM SHALL drop."},
        ],
        "assumptions": [
            {"id": "A1", "requirements": ["R1", "R9"], "text": "Order: oldest first"},
            {"id": "A2", "requirements": ["R2"]},
            {"text": "Titles: at most 80 characters", "requirements": ["R1"]},
        ],
    }
)


async def test_ledger_is_carried_over_line_by_line_with_what_rests_on_it() -> None:
    model = Answerer(WRITTEN)
    found = await specify(model, Request(text="x"), "", LEDGER)
    lines = [(item.id, item.text, item.requirements) for item in found.assumptions]
    assert lines == [
        ("A1", "Order: newest first", ("R1",)),  # nobody corrected it, so the model may not change it
        ("A2", "Delete: for good", ("R2",)),
        ("A3", "Titles: at most 80 characters", ("R1",)),
    ]
    assert "not answered, so the default: shared list (no owners)" in model.requests[0].messages[0].text


async def test_correction_and_answer_reach_whoever_writes_the_specification() -> None:
    decisions = [decided("assumption:A1", "answer", "oldest first"), decided("question:Q1", "answer", "own lists")]
    model = Answerer(WRITTEN)
    found = await specify(model, Request(text="x"), "", settle(LEDGER, decisions))
    asked = model.requests[0].messages[0].text
    assert "A1: Order: newest first. Corrected by the person, which prevails: oldest first" in asked
    assert "the person answered: own lists (owners)" in asked
    assert (found.assumptions[0].text, found.assumptions[0].status) == ("Order: oldest first", "corrected")
    assert "A1: Order: oldest first" in specification_text(found)


async def test_decision_that_is_folded_in_already_costs_no_second_call() -> None:
    decisions = [decided("assumption:A2", "answer", "can be restored")]
    once = await consolidate(Answerer(REWRITTEN), Request(text="x"), DRAFT, decisions)
    assert await consolidate(Answerer(), Request(text="x"), once, decisions) == once


async def test_only_changed_and_new_requirements_count_as_affected() -> None:
    decisions = [decided("question:Q1", "answer", "own lists")]
    after = await consolidate(Answerer(REWRITTEN), Request(text="x"), DRAFT, decisions)
    assert affected(DRAFT, after) == ("R1", "R3")
    assert affected(after, after) == ()


def test_small_request_is_its_own_specification() -> None:
    found = verbatim(Request(text="# create fizz.py with fizz(n)\n\nand a test"))
    assert found.title == "create fizz.py with fizz(n)"
    assert found.requirements[0].text == "# create fizz.py with fizz(n)\n\nand a test"
    assert found.size == "small"


def test_long_first_line_is_cut_at_a_word_for_the_title() -> None:
    title = verbatim(Request(text="word " * 40)).title
    assert len(title) <= 72
    assert title.endswith("word…")


def test_specification_text_can_be_limited_to_requirements_and_what_rests_on_them() -> None:
    text = specification_text(DRAFT, only=("R2",))
    assert "R1" not in text
    assert "Newest first" not in text
    assert "Delete is final" in text


def test_specification_text_shows_examples_and_answers() -> None:
    text = specification_text(settle(DRAFT, [decided("question:Q1", "default")]))
    assert "`GET /` → status 200" in text
    assert "Whose list? → shared list" in text


async def test_sentence_that_a_person_wrote_stands_word_for_word_whatever_the_model_makes_of_it() -> None:
    decisions = [
        decided("requirement:R1", "answer", "THE SYSTEM SHALL list own ones."),
        decided("requirement:R2", "reject", comment="dropped"),
        decided("requirement:R4", "answer", "THE SYSTEM SHALL count."),
    ]
    model = Answerer(REWRITTEN)
    found = await consolidate(model, Request(text="x"), DRAFT, decisions)
    told = model.requests[0].messages[0].text
    assert "R1 now reads, word for word: THE SYSTEM SHALL list own ones." in told
    assert "R2 is dropped" in told
    assert {item.id: item.text for item in found.requirements} == {
        "R1": "THE SYSTEM SHALL list own ones.",
        "R3": "THE SYSTEM SHALL refuse others.",
        "R4": "THE SYSTEM SHALL count.",
    }
