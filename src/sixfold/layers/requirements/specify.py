"""From draft and decisions to the one specification that later phases read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from sixfold.domain.data import Data, Json, to_json
from sixfold.domain.markdown import assumption_text
from sixfold.domain.model import Message, ModelRequest
from sixfold.domain.ports import Model
from sixfold.domain.prompt import Prompt, untrusted
from sixfold.domain.replies import Unreadable, ask, json_in
from sixfold.domain.requirements import Assumption, Question, Request, Requirement, Specification
from sixfold.domain.run import Decision
from sixfold.layers.requirements.answer import read_specification
from sixfold.layers.requirements.folders import stated, unserved
from sixfold.layers.requirements.material import material, pictures

SPECIFY = Prompt.parse((Path(__file__).parent / "prompts" / "specify.md").read_text(encoding="utf-8"))
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
    return replace(draft, questions=questions, assumptions=assumptions, requirements=_edited(draft.requirements, last))


def changed(before: Specification, after: Specification) -> bool:
    """Whether decisions differ from what a specification was written on, so that it must be rewritten."""
    taken = {item.id: item.answer or item.default for item in before.questions}
    corrected = {item.id: item.correction for item in before.assumptions}
    return (
        any(item.answer and item.answer != taken.get(item.id) for item in after.questions)
        or any(item.correction != corrected.get(item.id, "") for item in after.assumptions)
        or _sentences(before) != _sentences(after)
    )


class _Rest(Data, frozen=True, kw_only=True):
    """What an answer says about one line of the ledger."""

    id: Json = ""
    text: str | None = ""
    requirements: tuple[str, ...] | None = ()


class _Resting(Data, frozen=True, kw_only=True):
    assumptions: tuple[_Rest | str, ...] | None = ()


async def specify(
    model: Model, request: Request, context: str, ledger: Specification, *, packages: Sequence[str] = ()
) -> Specification:
    """The specification of a request whose decisions are made: requirements, entries, interface, examples.

    The ledger is carried over line by line; the model says what rests on each line, and words anew only the lines
    that an answer or a correction changes.

    Args:
        context: what is known of the repository (overview, passages); empty for a new product.
        ledger: settled; open questions are written on their defaults.
        packages: names the product may depend on besides what its repository declares.

    Raises:
        InvalidReply: the answer could not be read, twice.
        ModelError, BudgetExceeded, ReplayDrift: as `Model.complete`.
    """
    required = stated(request.attachments)
    refused = False

    def read(text: str) -> Specification:
        nonlocal refused
        written = read_specification(text, most_questions=0)
        lost = unserved(required, [item.text for item in written.requirements])
        if lost and not refused:
            refused = True
            raise Unreadable(f"no requirement ends with the id of {', '.join(lost)}, which the attached folder states")
        if lost:
            written = replace(written, notes=(*written.notes, f"stated and not taken over: {', '.join(lost)}"))
        ledger_lines = _rested(ledger, json_in(text, _Resting).assumptions or (), written)
        return replace(
            written, questions=ledger.questions, assumptions=ledger_lines, notes=(*ledger.notes, *written.notes)
        )

    written, _ = await ask(model, specify_request(request, context, ledger, packages=packages), read)
    return written


def specify_request(
    request: Request, context: str, ledger: Specification, *, packages: Sequence[str] = ()
) -> ModelRequest:
    """The question that `specify` asks; equal inputs give equal requests."""
    text = SPECIFY.render(
        request=request.text.strip(),
        material=material(request),
        repository=untrusted("repository", context) if context.strip() else "There is none yet: this is a new product.",
        decisions="\n".join(
            (
                *_settled_lines(ledger),
                *(f"- {assumption_text(item)}" for item in ledger.assumptions),
                *_stated_lines(request),
            )
        )
        or "None: the request settles everything.",
        packages=", ".join(packages) or "none",
    )
    return ModelRequest(
        purpose="input.specify",
        role="analyst",
        system=SPECIFY.system,
        messages=(Message(author="user", text=text, images=pictures(request)),),
    )


def _settled_lines(ledger: Specification) -> list[str]:
    lines = []
    for item in ledger.questions:
        answer = item.answer or item.default
        meant = next((option.consequence for option in item.options if option.value == answer), "")
        said = "the person answered" if item.status == "answered" else "not answered, so the default"
        lines.append(f"- {item.id}: {item.text} {said}: {answer}{f' ({meant})' if meant else ''}")
    return lines


def _stated_lines(request: Request) -> list[str]:
    """The requirements that an attached specification folder numbers: all hold, and none may get lost."""
    required = stated(request.attachments)
    if not required:
        return []
    head = (
        "The attached folder states these requirements; all hold. Each is named, in brackets at the end of its"
        f" sentence, by a requirement of yours, e.g. ({required[0].id}):"
    )
    return ["", head, *(f"- {item.id}: {item.text}" for item in required)]


def _rested(ledger: Specification, rests: Sequence[_Rest | str], written: Specification) -> tuple[Assumption, ...]:
    """The ledger with what rests on each line, then the lines that were decided in writing."""
    told = {item.id.strip(): item for item in rests if isinstance(item, _Rest) and isinstance(item.id, str)}
    known = {item.id for item in written.requirements}
    reworded = any(item.status == "answered" and item.answer != item.default for item in ledger.questions) or any(
        item.correction for item in ledger.assumptions
    )
    lines = []
    for item in ledger.assumptions:
        rest = told.pop(item.id, _Rest())
        text = " ".join((rest.text or "").split())
        # A line nobody touched stays as the person read it.
        keep = not text or not reworded or (item.status == "confirmed")
        lines.append(
            replace(
                item,
                text=_restated(item, item.text if keep else text),
                requirements=tuple(dict.fromkeys(id for id in rest.requirements or () if id in known)),
            )
        )
    ids = {item.id for item in lines}
    number = max((int(id[1:]) for id in ids if id[1:].isdecimal()), default=0)
    for fresh in rests:
        text = fresh if isinstance(fresh, str) else (fresh.text or "") if fresh.id not in ids else ""
        if text := " ".join(text.split()):
            number += 1
            served = () if isinstance(fresh, str) else fresh.requirements or ()
            lines.append(Assumption(id=f"A{number}", text=text, requirements=tuple(i for i in served if i in known)))
    return tuple(lines)


async def consolidate(
    model: Model, request: Request, written: Specification, decisions: Sequence[Decision]
) -> Specification:
    """A written specification with later answers and corrections folded in; no call when they change nothing.

    Raises:
        InvalidReply: the answer could not be read, twice.
        ModelError, BudgetExceeded, ReplayDrift: as `Model.complete`.
    """
    settled = settle(written, decisions)
    if not changed(written, settled):
        return settled
    rewritten, _ = await ask(
        model, consolidate_request(request, written, settled), lambda text: read_specification(text, most_questions=0)
    )
    rewritten = _word_for_word(settled, written, rewritten)
    return replace(rewritten, questions=settled.questions, assumptions=_carried(settled.assumptions, rewritten))


def changes(before: Specification, after: Specification) -> tuple[str, ...]:
    """What later decisions change, one line each, as the person said it."""
    return tuple(line.removeprefix("- ") for line in _decided(before, after))


def affected(before: Specification, after: Specification) -> tuple[str, ...]:
    """Ids of `after`'s requirements that a rewriting changed or added; everything else stands as it was."""
    old = {item.id: item for item in before.requirements}
    return tuple(
        item.id
        for item in after.requirements
        if item.id not in old or (item.text, item.examples) != (old[item.id].text, old[item.id].examples)
    )


def consolidate_request(request: Request, written: Specification, settled: Specification) -> ModelRequest:
    """The question that `consolidate` asks."""
    text = CONSOLIDATE.render(
        request=request.text.strip(),
        material=material(request),
        draft=_draft_json(settled),
        decisions="\n".join(_decided(written, settled)),
    )
    return ModelRequest(
        purpose="input.consolidate",
        role="analyst",
        system=CONSOLIDATE.system,
        messages=(Message(author="user", text=text, images=pictures(request)),),
    )


def _sentences(specification: Specification) -> dict[str, str]:
    return {item.id: item.text for item in specification.requirements}


def _edited(requirements: Sequence[Requirement], last: Mapping[str, Decision]) -> tuple[Requirement, ...]:
    """The requirements as a person wrote them anew: `answer` gives a sentence, `reject` drops it."""
    said = {subject[12:]: decision for subject, decision in last.items() if subject.startswith("requirement:")}
    kept: list[Requirement] = []
    for item in requirements:
        decision = said.pop(item.id, None)
        if decision is None or (decision.verdict == "answer" and decision.value == item.text):
            kept.append(item)
        elif decision.verdict == "answer":
            kept.append(replace(item, text=decision.value, origin="answer"))
    fresh = [(id, one) for id, one in said.items() if one.verdict == "answer"]
    return (*kept, *(Requirement(id=id, text=one.value, origin="answer") for id, one in fresh))


def _word_for_word(settled: Specification, before: Specification, rewritten: Specification) -> Specification:
    """The rewritten specification with every sentence that a person wrote exactly as they wrote it."""
    old, now = _sentences(before), _sentences(settled)
    written = {id: text for id, text in now.items() if old.get(id) != text}
    dropped = old.keys() - now.keys()
    kept = [
        replace(item, text=written.pop(item.id, item.text)) for item in rewritten.requirements if item.id not in dropped
    ]
    kept += [item for item in settled.requirements if item.id in written]
    return replace(rewritten, requirements=tuple(kept))


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
        return replace(assumption, correction=wish, status="corrected")
    return replace(assumption, status="confirmed") if decision.verdict != "reject" else assumption


def _decided(written: Specification, settled: Specification) -> list[str]:
    """What is new since the specification was written."""
    taken = {item.id: item.answer or item.default for item in written.questions}
    corrected = {item.id: item.correction for item in written.assumptions}
    lines = []
    for question in settled.questions:
        if not question.answer or question.answer == taken.get(question.id):
            continue
        meant = next((option.consequence for option in question.options if option.value == question.answer), "")
        note = f" ({meant})" if meant else ""
        lines.append(f"- {question.text} Answer: {question.answer}{note}. The draft assumed: {taken[question.id]}.")
    for item in settled.assumptions:
        if item.correction != corrected.get(item.id, ""):
            lines.append(f"- Correction of {item.id} ({item.text}): {item.correction}")
    old, now = _sentences(written), _sentences(settled)
    lines += [f"- {id} now reads, word for word: {text}" for id, text in now.items() if old.get(id) != text]
    lines += [f"- {id} is dropped: {text}" for id, text in old.items() if id not in now]
    return lines


def _draft_json(settled: Specification) -> str:
    """The draft as the analyst wrote it, without questions and bookkeeping."""
    draft: dict[str, Json] = {
        "title": settled.title,
        "summary": settled.summary,
        "assumptions": [
            {"id": item.id, "text": _with_correction(item), "requirements": list(item.requirements)}
            for item in settled.assumptions
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


def _with_correction(item: Assumption) -> str:
    return assumption_text(item).partition(": ")[2]


def _carried(settled: Sequence[Assumption], rewritten: Specification) -> tuple[Assumption, ...]:
    """The ledger after a rewriting: what the human confirmed or corrected stays, whatever the model dropped."""
    before = {item.id: item for item in settled}
    known = {item.id for item in rewritten.requirements}
    lines: list[Assumption] = []
    for item in rewritten.assumptions:
        old = before.pop(item.id, None)
        if old is None:
            lines.append(item)
        else:
            text = old.text if old.status == "confirmed" else item.text
            lines.append(replace(old, text=_restated(old, text), requirements=item.requirements))
    rest = [item for item in before.values() if item.status != "assumed"]
    kept = [
        replace(
            item, text=_restated(item, item.text), requirements=tuple(id for id in item.requirements if id in known)
        )
        for item in rest
    ]
    return (*kept, *lines)


def _restated(item: Assumption, text: str) -> str:
    """A corrected line never reads as before, also when nobody worded it anew."""
    return f"{text} — instead: {item.correction}" if item.correction and text == item.text else text
