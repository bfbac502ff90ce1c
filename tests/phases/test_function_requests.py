"""A request for one function: read blind, run on its own examples, and asked about only where readings really part."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import cast

import pytest

from sixfold.domain.data import Json, digest
from sixfold.domain.flow import Intent
from sixfold.domain.model import ModelReply, ModelRequest, Usage
from sixfold.domain.ports import Ports
from sixfold.domain.requirements import Request
from sixfold.domain.run import Decision, Options
from sixfold.layers.refinement.git import GitRepository
from sixfold.layers.testing.sandbox import choose
from sixfold.phases.input import reading
from sixfold.workflow.clock import SystemClock
from sixfold.workflow.control import Control
from sixfold.workflow.engine import Engine
from sixfold.workflow.log import EventLog
from sixfold.workflow.run import Run, decision_event

pytestmark = pytest.mark.slow

RISING = "    return sorted(xs)\n"
FALLING = "    return sorted(xs, reverse=True)\n"
UNIQUE = "    return sorted(set(xs))\n"
CLEAR = """Write the function in order.py:

def order(xs: list[int]) -> list[int]:
    \"\"\"Return the items of xs in ascending order; an empty list gives an empty list.

    Examples:
    >>> order([3, 1, 2])
    [1, 2, 3]
    >>> order([])
    []
    \"\"\"
"""
VAGUE = 'def order(xs: list[int]) -> list[int]:\n    """Return the items of xs in order."""\n'
CONTRADICTING = CLEAR.replace("[1, 2, 3]", "[3, 2, 1]")
TWO_RESULTS = CLEAR.replace("order([])\n    []", "order([3, 1, 2])\n    [3, 2, 1]")


PRESENT = Options()


def attempt(body: str) -> str:
    """A direct attempt in the form models write it."""
    written = {
        "title": "Order numbers",
        "requirements": [{"id": "R1", "text": "WHEN order(xs) is called, THE SYSTEM SHALL return xs in order"}],
        "entries": [{"name": "order", "kind": "library", "module": "order"}],
        "interface": "order.order(xs: list[int]) -> list[int]",
    }
    source = f"def order(xs: list[int]) -> list[int]:\n{body}"
    return f'```json\n{json.dumps(written)}\n```\n<file path="order.py">\n{source}</file>'


class Readers:
    """Sample number → body of the function; remembers what it was asked."""

    def __init__(self, bodies: Mapping[int, str]) -> None:
        self.bodies = bodies
        self.requests: list[ModelRequest] = []

    async def complete(self, request: ModelRequest, *, scope: str = "") -> ModelReply:
        self.requests.append(request)
        text = attempt(self.bodies[request.sample])
        return ModelReply(text=text, model="test:model", usage=Usage(calls=1), request=digest(text))


class Steps:
    """Runs every step at once and keeps nothing: durability is tested elsewhere."""

    async def step(self, name: str, action: Callable[[], Awaitable[Json]]) -> Json:
        return await action()


class Case:
    """One request with its readers and, where one is asked, the answer."""

    def __init__(self, folder: Path) -> None:
        self.log = EventLog(folder / "events.jsonl", SystemClock())
        self.run = Run("r-test", cast(Engine, Steps()), self.log, Control())
        self.repository = GitRepository(folder / "repository", folder / "blobs")
        self.scratch = folder / "scratch"

    async def read(self, text: str, readers: Readers, answer: str = "", options: Options = PRESENT) -> Intent:
        if answer:
            given = Decision(subject="question:Q1", verdict="answer", value=answer, who="human:test")
            decision_event(self.log, given)
        sandbox = await choose(self.repository.checkout, self.repository.store, self.scratch)
        ports = Ports(
            model=readers,
            repository=self.repository,
            sandbox=sandbox,
            **dict.fromkeys(("costs", "retriever", "environments", "scanners", "held_out", "clock")),  # type: ignore[arg-type]
        )
        intent = await reading.read(self.run, ports, Request(text=text), options, "")
        assert intent is not None
        return intent

    def asked(self) -> list[str]:
        return [event.data["question"]["text"] for event in self.log.read() if event.kind == "question.asked"]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def source(intent: Intent) -> str:
    assert intent.candidate is not None
    return intent.candidate.edits[0].content


def calls(intent: Intent) -> dict[str, str | None]:
    return {
        step.call: step.expect.value
        for requirement in intent.specification.requirements
        for example in requirement.examples
        for step in example.steps
    }


async def test_clear_request_costs_no_further_call_and_its_examples_become_acceptance_examples(case: Case) -> None:
    readers = Readers({0: RISING})
    intent = await case.read(CLEAR, readers)
    assert len(readers.requests) == 1
    assert case.asked() == []
    assert calls(intent) == {"order.order([3, 1, 2])": "[1, 2, 3]", "order.order([])": "[]"}


async def test_first_reader_never_sees_the_examples(case: Case) -> None:
    readers = Readers({0: RISING})
    await case.read(CLEAR, readers)
    shown = readers.requests[0].messages[0].text
    assert "ascending order" in shown
    assert ">>>" not in shown
    assert "[1, 2, 3]" not in shown
    assert "Examples" not in shown


async def test_text_and_example_that_contradict_each_other_are_shown_as_two_lines(case: Case) -> None:
    readers = Readers(dict.fromkeys(range(5), RISING))
    intent = await case.read(CONTRADICTING, readers, answer="text")
    (asked,) = case.asked()
    assert "order([3, 1, 2])" in asked
    assert "[3, 2, 1]" in asked
    assert "Return the items of xs in ascending order" in asked
    assert len(readers.requests) <= 5
    assert "sorted(xs)" in source(intent)
    assert "[3, 2, 1]" not in calls(intent).values()


async def test_example_that_holds_against_the_text_costs_one_attempt_in_a_fresh_context(case: Case) -> None:
    readers = Readers({**dict.fromkeys(range(5), RISING), 9: FALLING})
    intent = await case.read(CONTRADICTING, readers, answer="example")
    assert "Which one holds?" in readers.requests[-1].messages[0].text
    assert len(readers.requests[-1].messages) == 1
    assert "reverse=True" in source(intent)


async def test_two_examples_of_the_same_call_need_no_further_reader(case: Case) -> None:
    readers = Readers({0: RISING, 9: RISING})
    await case.read(TWO_RESULTS, readers, answer="order([3, 1, 2]) is [1, 2, 3]")
    assert len(case.asked()) == 1
    assert len(readers.requests) == 2


async def test_readings_that_part_become_one_concrete_choice_and_the_chosen_one_goes_on(case: Case) -> None:
    readers = Readers({0: RISING, 1: FALLING, 2: RISING, 3: FALLING, 4: RISING})
    intent = await case.read(VAGUE, readers, answer="B")
    assert intent.candidates == ()  # both readings of that meaning are the same text
    (asked,) = case.asked()
    assert asked.startswith("What should order([")
    assert "something else" in asked
    assert len(readers.requests) <= 5
    assert "reverse=True" in source(intent)
    (expected,) = calls(intent).values()
    assert expected is not None
    falling = json.loads(expected)
    assert falling == sorted(falling, reverse=True)
    assert intent.specification.questions[0].answer == "B"


async def test_readings_of_the_chosen_meaning_that_are_written_otherwise_go_on_as_candidates(case: Case) -> None:
    copied = "    found = list(xs)\n    found.sort(reverse=True)\n    return found\n"
    readers = Readers({0: RISING, 1: FALLING, 2: copied, 3: FALLING, 4: RISING})
    intent = await case.read(VAGUE, readers, answer="A")
    assert intent.candidate == intent.candidates[0]
    assert [patch.edits[0].content.partition("\n")[2] for patch in intent.candidates] == [FALLING, copied]


async def test_another_answer_than_those_offered_is_attempted_anew_with_the_answer(case: Case) -> None:
    readers = Readers({0: RISING, 1: FALLING, 2: RISING, 3: FALLING, 4: RISING, 9: UNIQUE})
    intent = await case.read(VAGUE, readers, answer="ascending, without repeats")
    assert "ascending, without repeats" in readers.requests[-1].messages[0].text
    assert "set(xs)" in source(intent)
    assert len(readers.requests) <= 6


async def test_readings_that_agree_ask_nothing_although_the_request_has_no_example(case: Case) -> None:
    readers = Readers(dict.fromkeys(range(5), RISING))
    await case.read(VAGUE, readers)
    assert case.asked() == []
    assert len(readers.requests) == 3


async def test_nobody_to_ask_takes_the_heaviest_reading_and_says_so(case: Case) -> None:
    readers = Readers({0: FALLING, 1: RISING, 2: RISING, 3: FALLING, 4: RISING})
    intent = await case.read(VAGUE, readers, options=Options(unanswered="default"))
    assert "sorted(xs)\n" in source(intent)
    assert (intent.specification.questions[0].status, intent.specification.questions[0].answer) == ("defaulted", "A")


async def test_nothing_is_checked_when_nobody_wants_it(case: Case) -> None:
    readers = Readers({0: RISING})
    await case.read(CONTRADICTING, readers, options=Options(clarify="never"))
    assert len(readers.requests) == 1
    assert ">>>" in readers.requests[0].messages[0].text
