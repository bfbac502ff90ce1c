"""The judge's answer is whole, or it is sent back."""

from __future__ import annotations

import pytest

from sixfold.domain.data import canonical
from sixfold.domain.replies import Unreadable
from sixfold.domain.requirements import Requirement
from sixfold.evaluation.judge import Judgement, Line, judge, read_judgement
from sixfold.evaluation.sample import Row, Sample
from sixfold.fakes.model import ScriptedModel

SAMPLE = Sample(id="notes", request="keep notes", rows=(Row(id="R1", text="newest first", question="order?"),))
LINES = (Line(id="Q1", kind="question", text="Order?"), Line(id="A1", kind="assumption", text="Blue"))
BUILT = (Requirement(id="R1", text="The system shall sing."),)


def answer(**changes: object) -> str:
    whole = {
        "lines": [{"id": "Q1", "wishes": ["H-R1"], "agrees": "-"}, {"id": "A1", "wishes": [], "agrees": "-"}],
        "requirements": [{"id": "R1", "source": "invented", "because": "singing"}],
    }
    return canonical({**whole, **changes})


async def test_hidden_rows_and_requirements_of_one_id_are_kept_apart() -> None:
    model = ScriptedModel([answer()])
    verdict = await judge(model, SAMPLE, LINES, (), BUILT)
    assert verdict.lines[0].wishes == ("R1",)
    assert verdict.requirements[0].source == "invented"
    shown = model.requests[0].messages[0].text
    assert "H-R1: newest first" in shown
    assert "R1: The system shall sing." in shown


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (answer(lines=[{"id": "Q1"}]), "A1"),
        (answer(lines=[{"id": "Q1"}, {"id": "A1"}, {"id": "A9"}]), "A9"),
        (answer(lines=[{"id": "Q1", "wishes": ["H-R8"]}, {"id": "A1"}]), "R8"),
        (answer(requirements=[]), "R1"),
    ],
)
def test_a_judgement_that_is_not_whole_names_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(Unreadable, match=problem):
        read_judgement(text, SAMPLE, LINES, BUILT)


async def test_where_nothing_was_said_nobody_is_asked() -> None:
    assert await judge(ScriptedModel([]), SAMPLE, (), (), ()) == Judgement()
