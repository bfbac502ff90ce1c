"""The simulated user plays by the rules, whatever its model writes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from sixfold import config, wiring
from sixfold.domain.data import Tree, canonical, to_json
from sixfold.domain.errors import InvalidReply
from sixfold.domain.replies import Unreadable
from sixfold.domain.requirements import Assumption, Option, Question, Requirement, Specification
from sixfold.domain.run import Decision, ReleaseOffer
from sixfold.domain.view import RunView
from sixfold.evaluation.sample import Row, Sample
from sixfold.evaluation.user import (
    NO_PREFERENCE,
    ModelReader,
    Noted,
    Reaction,
    Said,
    UserDoor,
    read_journal,
    read_reaction,
)
from sixfold.fakes.model import Rule, ScriptedModel

ROWS = (Row(id="R1", text="newest first", question="order?"), Row(id="R2", text="gone for good", question="delete?"))
SAMPLE = Sample(id="notes", request="keep notes", rows=ROWS)
ORDER = Question(id="Q1", text="In what order?", options=(Option(value="name", consequence="a to z"),), default="name")
COLOUR = Question(id="Q2", text="Which colour?", default="blue")
KEPT = Assumption(id="A1", text="Deleted notes are kept for 30 days")
PLAIN = Assumption(id="A2", text="Notes are text")


def reply(**fields: object) -> str:
    return f"```json\n{canonical(fields)}\n```"


def answer(id: str, text: str, *rows: str) -> dict[str, object]:
    return {"id": id, "text": text, "rows": list(rows)}


def read(text: str) -> Reaction:
    return read_reaction(text, [ORDER], [KEPT, PLAIN], ROWS)


def test_an_answer_that_touches_no_row_is_no_preference_whatever_it_says() -> None:
    assert read(reply(answers=[answer("Q1", "I would love stars!")])).answers[0].text == NO_PREFERENCE


def test_a_long_answer_is_cut_to_two_sentences() -> None:
    told = read(reply(answers=[answer("Q1", "Newest first. Like mail. And I want tags. Also colours!", "R1")]))
    assert told.answers[0].text == "Newest first. Like mail."


def test_nothing_is_volunteered_beyond_the_sheet() -> None:
    told = read(
        reply(
            answers=[answer("Q1", "Newest first.", "R1"), answer("Q9", "By the way: gone for good.", "R2")],
            corrections=[answer("A7", "no", "R2"), answer("A2", "I just feel so")],
        )
    )
    assert [said.id for said in told.answers] == ["Q1"]
    assert told.corrections == ()


@pytest.mark.parametrize(
    "text", ["no json", reply(answers=[]), reply(answers=[answer("Q1", "x", "R9")])], ids=["json", "missing", "row"]
)
def test_an_answer_outside_the_game_is_sent_back(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text)


async def test_the_users_model_sees_the_rows_and_the_sheet_and_nothing_of_the_run() -> None:
    model = ScriptedModel([reply(answers=[answer("Q1", "Newest first.", "R1")])])
    reader = ModelReader(model, SAMPLE)
    reaction = await reader.react([ORDER], [KEPT])
    assert reaction.answers[0].rows == ("R1",)
    shown = model.requests[0].messages[0].text
    assert model.requests[0].role == "user"
    assert "newest first" in shown
    assert "Deleted notes are kept" in shown
    assert "keep notes" not in shown


async def test_an_unreadable_user_is_asked_anew_and_not_for_ever() -> None:
    good = reply(answers=[answer("Q1", "Newest first.", "R1")])
    assert (await ModelReader(ScriptedModel(["?", "?", good]), SAMPLE).react([ORDER], [])).answers
    with pytest.raises(InvalidReply):
        await ModelReader(ScriptedModel([Rule("?", repeat=True)]), SAMPLE).react([ORDER], [])


class Visit:
    """A run that has put a sheet before its user."""

    def __init__(self, folder: Path) -> None:
        self.settings = config.load(env={"SIXFOLD_HOME": str(folder / "home")}, folder=folder)
        self.state = wiring.state_of(self.settings)
        self.run = self.state.create()
        self.log = self.state.log(self.run)
        self.journal = folder / "journal.jsonl"
        self.reader = Counting({"order": ("R1", "Newest first.")}, {"kept": ("R2", "No, gone for good.")})
        self.door = UserDoor(self.settings, self.run, self.reader, self.journal)

    def writes(self, kind: str, *assumptions: Assumption, requirements: tuple[Requirement, ...] = ()) -> None:
        specification = to_json(Specification(title="Notes", assumptions=assumptions, requirements=requirements))
        self.log.append(kind, f"{kind}:{len(self.log.read())}", {"specification": specification})

    def decisions(self) -> list[str]:
        return [event.data["decision"]["subject"] for event in self.log.read() if event.kind == "decision.given"]


class ScriptedReader:
    """A user that needs no model: the first pattern found in a line gives (row, words).

    Questions take `answers`, assumptions take `corrections`; a line that matches nothing gets no preference or silence.
    """

    def __init__(
        self, answers: Mapping[str, tuple[str, str]], corrections: Mapping[str, tuple[str, str]] | None = None
    ) -> None:
        self._answers = answers
        self._corrections = corrections or {}

    async def react(self, questions: Sequence[Question], assumptions: Sequence[Assumption]) -> Reaction:
        answers = [_scripted(item.id, item.text, self._answers) for item in questions]
        corrections = [_scripted(item.id, item.text, self._corrections) for item in assumptions]
        return Reaction(answers=tuple(answers), corrections=tuple(item for item in corrections if item.rows))


def _scripted(id: str, line: str, script: Mapping[str, tuple[str, str]]) -> Said:
    for pattern, (row, words) in script.items():
        if re.search(pattern, line, re.IGNORECASE):
            return Said(id=id, text=words, rows=(row,))
    return Said(id=id, text=NO_PREFERENCE)


class Counting(ScriptedReader):
    """A scripted user that counts how often it was asked."""

    asked = 0

    async def react(self, questions: object, assumptions: object) -> Reaction:
        self.asked += 1
        return await super().react(questions, assumptions)  # type: ignore[arg-type]


@pytest.fixture
def visit(tmp_path: Path) -> Visit:
    return Visit(tmp_path)


async def test_the_whole_sheet_is_read_once_and_corrections_go_in_with_the_answers(visit: Visit) -> None:
    visit.writes("specification.drafted", KEPT, PLAIN)
    view = RunView(questions=(ORDER, COLOUR))
    first = await visit.door.ask("question:Q1", view)
    second = await visit.door.ask("question:Q2", view)
    assert first == Decision(subject="question:Q1", verdict="answer", value="Newest first.", who="human:simulated")
    assert second is not None
    assert (second.verdict, second.value) == ("default", "blue")
    assert visit.reader.asked == 1
    assert visit.decisions() == ["assumption:A1"]
    assert [noted.id for noted in read_journal(visit.journal)] == ["Q1", "Q2", "A1", "A2"]


async def test_an_answer_survives_the_process_that_got_it(visit: Visit) -> None:
    view = RunView(questions=(ORDER,))
    before = await visit.door.ask("question:Q1", view)
    again = UserDoor(visit.settings, visit.run, visit.reader, visit.journal)
    assert await again.ask("question:Q1", view) == before
    assert visit.reader.asked == 1


async def test_a_release_that_ignores_a_correction_is_sent_back_and_not_for_ever(visit: Visit) -> None:
    visit.writes("specification.written", KEPT, PLAIN)
    verdicts = []
    for number in range(4):
        decision = await visit.door.ask(f"release:{number}", RunView())
        assert decision is not None
        verdicts.append(decision.verdict)
        if decision.verdict == "reject":
            assert "No, gone for good." in decision.comment
    assert verdicts == ["reject", "reject", "approve", "approve"]
    assert visit.reader.asked == 1


async def test_a_correction_of_an_offered_release_takes_the_offer_back(visit: Visit) -> None:
    visit.writes("specification.written", KEPT, requirements=(Requirement(id="R1", text="The system shall keep."),))
    visit.log.append("release.proposed", "offer", {"offer": to_json(ReleaseOffer(tree=Tree("t1")))})
    assert await visit.door.ask("release:t1", RunView()) is None
    rejected = [event.data["decision"] for event in visit.log.read() if event.key == "decision:release:t1"]
    assert rejected[0]["verdict"] == "reject"
    assert "No, gone for good." in rejected[0]["comment"]


async def test_a_release_that_took_the_correction_in_is_approved(visit: Visit) -> None:
    visit.writes("specification.drafted", KEPT)
    await visit.door.ask("question:Q1", RunView(questions=(ORDER,)))
    visit.writes("specification.written", PLAIN)
    decision = await visit.door.ask("release:1", RunView())
    assert decision is not None
    assert decision.verdict == "approve"


def test_a_line_cut_off_by_a_crash_is_left_out(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(canonical(Noted(kind="question", id="Q1", line="x")).encode() + b'\n{"kind": "ques')
    assert [noted.id for noted in read_journal(journal)] == ["Q1"]
