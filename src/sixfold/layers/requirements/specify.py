"""From draft and decisions to the one specification that later phases read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from sixfold.domain.data import Json, to_json
from sixfold.domain.model import Message, ModelRequest
from sixfold.domain.ports import Model
from sixfold.domain.prompt import Prompt
from sixfold.domain.replies import ask
from sixfold.domain.requirements import Assumption, Question, Request, Requirement, Specification
from sixfold.domain.run import Decision
from sixfold.layers.requirements.answer import read_specification
from sixfold.layers.requirements.clarify import material, pictures

CONSOLIDATE = Prompt.parse((Path(__file__).parent / "prompts" / "consolidate.md").read_text(encoding="utf-8"))


def verbatim(request: Request) -> Specification:
    """The specification of a request that is clear as it stands, without a model: its words are the requirement."""
    text = request.text.strip()
    first = next((line.strip(" #*\t") for line in text.splitlines() if line.strip(" #*\t")), "")
    title = first if len(first) <= 72 else first[:71].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"
    return Specification(title=title, requirements=(Requirement(id="R1", text=text),), size="small")


def settle(draft: Specification, decisions: Sequence[Decision]) -> Specification:
    """The draft with what was decided noted on its questions and assumptions; its requirements are left as they are.

    An answer in other capitals or spacing than its option counts as that option. The last decision on a subject
    holds. Decisions on subjects the draft does not have are ignored.
    """
    last = {decision.subject: decision for decision in decisions}
    questions = tuple(_answered(item, last.get(f"question:{item.id}")) for item in draft.questions)
    assumptions = tuple(_judged(item, last.get(f"assumption:{item.id}")) for item in draft.assumptions)
    return replace(draft, questions=questions, assumptions=assumptions)


def changed(settled: Specification) -> bool:
    """Whether some decision differs from what the draft was written on, so that it must be rewritten."""
    return any(item.status == "answered" and item.answer != item.default for item in settled.questions) or any(
        item.status == "corrected" for item in settled.assumptions
    )


async def consolidate(
    model: Model, request: Request, draft: Specification, decisions: Sequence[Decision]
) -> Specification:
    """One specification in which every answer is folded in; no call when all answers equal the draft's defaults.

    Raises:
        InvalidReply: the answer could not be read, twice.
        ModelError, BudgetExceeded, ReplayDrift: as `Model.complete`.
    """
    settled = settle(draft, decisions)
    if not changed(settled):
        return settled
    rewritten, _ = await ask(
        model, consolidate_request(request, settled), lambda text: read_specification(text, most_questions=0)
    )
    return replace(rewritten, questions=settled.questions, assumptions=_carried(settled.assumptions, rewritten))


def consolidate_request(request: Request, settled: Specification) -> ModelRequest:
    """The question that `consolidate` asks."""
    text = CONSOLIDATE.render(
        request=request.text.strip(),
        material=material(request),
        draft=_draft_json(settled),
        decisions="\n".join(_decided(settled)),
    )
    return ModelRequest(
        purpose="input.consolidate",
        role="analyst",
        system=CONSOLIDATE.system,
        messages=(Message(author="user", text=text, images=pictures(request)),),
    )


def _answered(question: Question, decision: Decision | None) -> Question:
    if decision is None:
        return question
    if decision.verdict == "default":
        return replace(question, status="defaulted", answer=question.default)
    if decision.verdict != "answer":
        return question
    answer = " ".join(decision.value.split())
    for option in question.options:
        if option.value.casefold() == answer.casefold():
            answer = option.value
    comment = " ".join(decision.comment.split())
    return replace(question, status="answered", answer=f"{answer} ({comment})" if comment else answer)


def _judged(assumption: Assumption, decision: Decision | None) -> Assumption:
    if decision is None:
        return assumption
    wish = " ".join((decision.value or decision.comment).split())
    if decision.verdict in ("answer", "reject") and wish and wish != assumption.text:
        return replace(assumption, text=wish, status="corrected")
    return replace(assumption, status="confirmed") if decision.verdict != "reject" else assumption


def _decided(settled: Specification) -> list[str]:
    lines = []
    for question in settled.questions:
        if question.status == "open":
            lines.append(f"- {question.text} Not answered: keep {question.default!r}.")
        else:
            meant = next((option.consequence for option in question.options if option.value == question.answer), "")
            note = f" ({meant})" if meant else ""
            lines.append(f"- {question.text} Answer: {question.answer}{note}. The draft assumed: {question.default}.")
    for item in settled.assumptions:
        if item.status == "corrected":
            lines.append(f"- Correction of {item.id}: {item.text}")
        elif item.status == "confirmed":
            lines.append(f"- {item.id} is confirmed: {item.text}")
    return lines


def _draft_json(settled: Specification) -> str:
    """The draft as the analyst wrote it, without questions and bookkeeping."""
    draft: dict[str, Json] = {
        "title": settled.title,
        "summary": settled.summary,
        "assumptions": [
            {"id": item.id, "text": item.text, "requirements": list(item.requirements)} for item in settled.assumptions
        ],
        "entries": to_json(settled.entries),
        "interface": settled.interface,
        "requirements": [_requirement_json(item) for item in settled.requirements],
        "size": settled.size,
    }
    return json.dumps(draft, indent=1, ensure_ascii=False)


def _requirement_json(item: Requirement) -> Json:
    examples = [
        {"title": example.title, "entry": example.entry, "steps": [_step_json(to_json(step)) for step in example.steps]}
        for example in item.examples
    ]
    return {"id": item.id, "text": item.text, "origin": item.origin, "examples": examples}


def _step_json(step: Json) -> Json:
    """A step without its empty fields."""
    kept = {key: value for key, value in step.items() if value not in (None, "", [], {})}
    kept["expect"] = {key: value for key, value in step["expect"].items() if value not in (None, [])}
    if "path" not in kept:
        kept.pop("method", None)
    return kept


def _carried(settled: Sequence[Assumption], rewritten: Specification) -> tuple[Assumption, ...]:
    """The rewritten ledger with what the human confirmed or corrected kept in place, whatever the model dropped."""
    judged = {item.id: item for item in settled if item.status != "assumed"}
    known = {item.id for item in rewritten.requirements}
    kept = [
        replace(judged.pop(item.id), requirements=item.requirements) if item.id in judged else item
        for item in rewritten.assumptions
    ]
    rest = [
        replace(item, requirements=tuple(id for id in item.requirements if id in known)) for item in judged.values()
    ]
    return (*rest, *kept)
