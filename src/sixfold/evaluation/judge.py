"""The judge: which hidden wishes each question and assumption decides, and which requirements nobody asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sixfold.domain.data import Data
from sixfold.domain.model import Message, ModelRequest
from sixfold.domain.ports import Model
from sixfold.domain.prompt import Prompt, untrusted
from sixfold.domain.replies import Unreadable, json_in
from sixfold.domain.requirements import Requirement
from sixfold.evaluation.asking import ask_again
from sixfold.evaluation.sample import Sample
from sixfold.evaluation.user import Noted

JUDGE = Prompt.parse((Path(__file__).parent / "prompts" / "judge.md").read_text(encoding="utf-8"))
_PREFIX = "H-"
"""Before the ids of hidden rows, since requirements are called R1, R2, … too."""


class Line(Data, frozen=True, kw_only=True):
    """One line put before the person."""

    id: str
    kind: Literal["question", "assumption"]
    text: str


class LineVerdict(Data, frozen=True, kw_only=True):
    """What the judge says about a line."""

    id: str
    wishes: tuple[str, ...] = ()
    """Ids of hidden rows it decides."""
    agrees: Literal["yes", "no", "-"] = "-"


class RequirementVerdict(Data, frozen=True, kw_only=True):
    """Where a requirement comes from."""

    id: str
    source: Literal["request", "answer", "assumption", "consequence", "invented"]
    because: str = ""


class Judgement(Data, frozen=True, kw_only=True):
    """The judge's whole answer, kept as evidence."""

    lines: tuple[LineVerdict, ...] = ()
    requirements: tuple[RequirementVerdict, ...] = ()


async def judge(
    model: Model,
    sample: Sample,
    lines: Sequence[Line],
    journal: Sequence[Noted],
    requirements: Sequence[Requirement],
) -> Judgement:
    """Have a model in the role `judge` hold lines and requirements against the hidden rows.

    Raises:
        InvalidReply: the answer could not be read, twice.
        ModelError, BudgetExceeded: as `Model.complete`.
    """
    if not lines and not requirements:
        return Judgement()
    said = [f"{noted.id}: {noted.said}" for noted in journal if noted.said and noted.kind != "rejection"]
    text = JUDGE.render(
        request=sample.brief,
        wishes="\n".join(f"{_PREFIX}{row.id}: {row.text}" for row in sample.rows),
        lines=untrusted("lines", "\n".join(f"{line.id}: {line.text}" for line in lines) or "none"),
        answers="\n".join(said) or "nothing",
        requirements=untrusted("requirements", "\n".join(f"{item.id}: {item.text}" for item in requirements) or "none"),
    )
    request = ModelRequest(
        purpose="evaluation.judge",
        role="judge",
        system=JUDGE.system,
        messages=(Message(author="user", text=text),),
    )
    return await ask_again(model, request, lambda answer: read_judgement(answer, sample, lines, requirements))


def read_judgement(text: str, sample: Sample, lines: Sequence[Line], requirements: Sequence[Requirement]) -> Judgement:
    """The judge's answer: every line and requirement exactly once, wishes that exist.

    Raises:
        Unreadable: otherwise; says what is missing.
    """
    verdict = json_in(text, Judgement)
    _same_ids("line", [line.id for line in lines], [item.id for item in verdict.lines])
    _same_ids("requirement", [item.id for item in requirements], [item.id for item in verdict.requirements])
    known = {row.id for row in sample.rows}
    judged = []
    for item in verdict.lines:
        wishes = tuple(dict.fromkeys(wish.removeprefix(_PREFIX) for wish in item.wishes))
        unknown = [wish for wish in wishes if wish not in known]
        if unknown:
            raise Unreadable(f"line {item.id} names a wish {unknown[0]} that is not in the table")
        judged.append(LineVerdict(id=item.id, wishes=wishes, agrees=item.agrees))
    return Judgement(lines=tuple(judged), requirements=verdict.requirements)


def _same_ids(what: str, wanted: Sequence[str], given: Sequence[str]) -> None:
    missing = [id for id in wanted if id not in given]
    if missing:
        raise Unreadable(f"{what} {missing[0]} is not judged")
    surplus = [id for id in given if id not in wanted]
    if surplus or len(given) != len(wanted):
        raise Unreadable(f"{what} {surplus[0] if surplus else given[0]} is unknown or judged twice")
