"""Answering at the terminal, through a real pipe instead of a keyboard."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sample_run

from sixfold.domain.errors import UsageError
from sixfold.domain.fold import fold
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
