"""Answering at the terminal, through a real pipe instead of a keyboard."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import sample_run

from sixfold.domain.errors import UsageError
from sixfold.domain.fold import fold
from sixfold.domain.requirements import Assumption, Specification
from sixfold.domain.run import Decision
from sixfold.domain.view import RunView
from sixfold.interfaces.cli.door import AnswersFile, Keyboard, TerminalDoor, read_answers
from sixfold.workflow.log import EventLog

FINAL = f"release:{sample_run.tree('final')}"


def view_at(tmp_path: Path, until: str) -> RunView:
    path = sample_run.write_run(tmp_path, until=until)
    return fold(EventLog(path / "events.jsonl", sample_run.TickingClock()).read())


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for end in (reader, writer):
        os.close(end)


async def decide(pipe: tuple[int, int], typed: str, subject: str, view: RunView) -> Decision | None:
    reader, writer = pipe
    os.write(writer, typed.encode())
    door = TerminalDoor("human:ann", lambda seen, of: f"diff of {of} \x1b[2J", Keyboard(reader))
    return await door.ask(subject, view)


@pytest.mark.parametrize(
    ("typed", "verdict", "value"),
    [
        ("2\n", "answer", "keep both"),
        ("\n", "default", "keep one"),
        ("merge the tags\n", "answer", "merge the tags"),
        ("7\n", "answer", "7"),
    ],
)
async def test_question_takes_number_text_or_default(
    tmp_path: Path, pipe: tuple[int, int], typed: str, verdict: str, value: str
) -> None:
    given = await decide(pipe, typed, "question:Q1", view_at(tmp_path, "question"))
    assert given is not None
    assert (given.verdict, given.value, given.who) == (verdict, value, "human:ann")


async def test_later_leaves_the_question_waiting(tmp_path: Path, pipe: tuple[int, int]) -> None:
    assert await decide(pipe, "later\n", "question:Q1", view_at(tmp_path, "question")) is None


async def test_end_of_input_is_never_an_answer(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(writer)
    door = TerminalDoor("human:ann", lambda view, subject: "", Keyboard(reader))
    assert await door.ask("question:Q1", view_at(tmp_path, "question")) is None
    os.close(reader)


async def test_rejection_asks_for_a_reason_until_there_is_one(tmp_path: Path, pipe: tuple[int, int]) -> None:
    given = await decide(pipe, "r\n\nr\nexplain it\n", "increment:I1", view_at(tmp_path, "increment"))
    assert given is not None
    assert (given.verdict, given.comment) == ("reject", "explain it")


async def test_release_is_approved_for_the_tree_that_was_shown(
    tmp_path: Path, pipe: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    given = await decide(pipe, "d\na\n", FINAL, view_at(tmp_path, "release"))
    assert given is not None
    assert (given.verdict, given.subject) == ("approve", FINAL)
    shown = capsys.readouterr().err
    assert sample_run.tree("final") in shown
    assert "not verified: R4" in shown
    assert "\x1b" not in shown


async def test_waiting_at_the_prompt_lets_other_tasks_work(tmp_path: Path, pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    door = TerminalDoor("human:ann", lambda view, subject: "", Keyboard(reader))
    asked = asyncio.create_task(door.ask("question:Q1", view_at(tmp_path, "question")))

    async def work() -> None:
        os.write(writer, b"1\n")

    await asyncio.wait_for(asyncio.gather(asked, work()), timeout=10)
    assert asked.result() is not None


async def test_a_prompt_can_be_cancelled(tmp_path: Path, pipe: tuple[int, int]) -> None:
    door = TerminalDoor("human:ann", lambda view, subject: "", Keyboard(pipe[0]))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(door.ask("question:Q1", view_at(tmp_path, "question")), timeout=0.05)


async def test_answers_file_leaves_reviews_to_the_next_door(tmp_path: Path) -> None:
    door = AnswersFile({"What happens when the same link is saved twice?": "keep both"}, None)
    given = await door.ask("question:Q1", view_at(tmp_path / "a", "question"))
    assert given is not None
    assert given.value == "keep both"
    assert await door.ask("increment:I1", view_at(tmp_path / "b", "increment")) is None


@pytest.mark.parametrize(
    ("name", "text"), [("a.json", "[1]"), ("a.json", "{"), ("a.toml", "= 1"), ("a.toml", "[q]\nx=1")]
)
def test_unreadable_answers_are_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError):
        read_answers(tmp_path / name)


def test_answers_are_read_from_json_and_toml(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"Q1": 7}')
    (tmp_path / "a.toml").write_text('Q1 = "x"')
    assert read_answers(tmp_path / "a.json") == {"Q1": "7"}
    assert read_answers(tmp_path / "a.toml") == {"Q1": "x"}


async def test_an_increment_is_walked_place_by_place_and_edited(
    tmp_path: Path, pipe: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    reader, writer = pipe
    os.write(writer, b"n\n1\ne\ne\n")
    answers = [None, Decision(subject="increment:I1", verdict="edit", value="e" * 40, who="human:ann")]
    door = TerminalDoor(
        "human:ann", lambda seen, of: "diff --git a/x b/x", Keyboard(reader), edit=lambda seen, id: answers.pop(0)
    )
    given = await door.ask("increment:I1", view_at(tmp_path, "increment"))
    assert given is not None
    assert (given.verdict, given.value) == ("edit", "e" * 40)
    shown = capsys.readouterr().err
    assert "look 1: [" in shown
    assert shown.count("1. [") == 2
    assert "nothing was changed" in shown


def with_ledger(view: RunView) -> RunView:
    """The view of a run that waits with its questions and, beside them, what it assumed."""
    ledger = (Assumption(id="A1", text="Order: newest first"), Assumption(id="A2", text="Delete: for good"))
    return msgspec.structs.replace(view, specification=Specification(title="Keep", assumptions=ledger))


async def test_questions_and_assumptions_are_one_screen_and_either_may_be_typed(
    tmp_path: Path, pipe: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    view = with_ledger(view_at(tmp_path, "question"))
    reader, writer = pipe
    door = TerminalDoor("human:ann", lambda seen, of: "", Keyboard(reader))
    os.write(writer, b"a2\nA2 can be restored\n2\n")
    first = await door.ask("question:Q1", view)
    shown = capsys.readouterr().err
    assert "Q1" in shown
    assert "A1  Order: newest first" in shown
    assert "say what you want instead of A2" in shown
    assert first is not None
    assert (first.subject, first.value) == ("assumption:A2", "can be restored")
    second = await door.ask("question:Q1", view)
    assert second is not None
    assert (second.subject, second.value) == ("question:Q1", "keep both")
    assert "Order: newest first" not in capsys.readouterr().err  # the screen is shown once


async def test_answers_file_corrects_assumptions_before_it_answers(tmp_path: Path) -> None:
    view = with_ledger(view_at(tmp_path, "question"))
    door = AnswersFile({"A2": "can be restored", "Order: newest first": "oldest first", "Q1": "keep both"}, None)
    given = [await door.ask("question:Q1", view) for _ in range(3)]
    assert [(one.subject, one.value) for one in given if one] == [
        ("assumption:A1", "oldest first"),
        ("assumption:A2", "can be restored"),
        ("question:Q1", "keep both"),
    ]
