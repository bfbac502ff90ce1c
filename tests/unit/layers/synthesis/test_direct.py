"""A small request is specified and written in one call, or sent to the clarity check."""

from __future__ import annotations

from functools import partial

import pytest

from sixfold.domain.code import Refusal
from sixfold.domain.errors import InvalidReply
from sixfold.domain.requirements import Request, Specification
from sixfold.fakes.model import ScriptedModel
from sixfold.layers.synthesis.direct import attempt
from sixfold.layers.synthesis.write import correction, previous_answer, write_patch

ANSWER = '```json\n{"title": "Add f"}\n```\n<file path="f.py">\nx = 1\n</file>\n'


def read(title: str, text: str) -> Specification:
    return Specification(title=title)


async def test_specification_and_patch_come_from_one_answer() -> None:
    model = ScriptedModel([ANSWER])
    direct, answered = await attempt(model, Request(text="add f"), "", partial(read, "Add f"))
    assert answered.usage.calls == 1
    assert direct.specification is not None
    assert direct.patch is not None
    assert [edit.path for edit in direct.patch.edits] == ["f.py"]


async def test_the_models_way_out_leads_to_the_clarity_check() -> None:
    model = ScriptedModel(['```json\n{"unclear": "two readings"}\n```'])
    direct, _ = await attempt(model, Request(text="add f"), "", partial(read, "Add f"))
    assert (direct.specification, direct.patch, direct.unclear) == (None, None, "two readings")


async def test_two_unreadable_answers_are_an_error_with_a_next_step() -> None:
    model = ScriptedModel(["nothing", "nothing again"])
    with pytest.raises(InvalidReply) as caught:
        await attempt(model, Request(text="add f"), "", partial(read, "Add f"))
    assert "resume" in caught.value.next


async def test_the_prompt_does_not_change_between_calls_but_for_the_brief() -> None:
    model = ScriptedModel([ANSWER, ANSWER])
    for brief in ("one", "two"):
        await write_patch(model, brief, role="coder", purpose="development.write_patch", scope="T1")
    first, second = model.requests
    assert first.system == second.system
    assert (first.messages[0].text, second.messages[0].text) == ("one", "two")


def test_a_correction_shows_the_present_text_as_data() -> None:
    note = correction([Refusal(path="a.py", reason="no such text", current="x = 1")])
    assert "a.py: no such text" in note
    assert "<untrusted" in note
    assert previous_answer("") == ""
