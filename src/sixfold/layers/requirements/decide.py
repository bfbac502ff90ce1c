"""The clarity check of system-size requests: every open decision, as a few questions and one screen of assumptions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from sixfold.domain.data import Data
from sixfold.domain.model import Message, ModelRequest
from sixfold.domain.ports import Model
from sixfold.domain.prompt import Prompt, untrusted
from sixfold.domain.replies import Unreadable, ask, json_in
from sixfold.domain.requirements import Assumption, Option, Question, Request, Specification
from sixfold.layers.requirements.answer import DraftQuestion, read_questions, stake
from sixfold.layers.requirements.folders import marked_open
from sixfold.layers.requirements.material import material, pictures
from sixfold.layers.requirements.sweep import checklist, elements, untouched

DECIDE = Prompt.parse((Path(__file__).parent / "prompts" / "decide.md").read_text(encoding="utf-8"))
MOST_LINES = 25
"""Questions and assumptions together: what a person reads on one screen."""
WORTH_ASKING = 0.8
"""Least stake of a question, e.g. a chance of 0.4 on a cost of 2; below it an interruption costs more than it saves."""
_MOST_CHARS = 420
_MOST_UNTOUCHED = 0.34
"""Share of the interface's elements that no line speaks of, above which the sweep was not made."""
_LEAST_ELEMENTS = 6


class _Line(Data, frozen=True, kw_only=True):
    text: str
    instead: str | None = ""
    wrong: float | None = None
    cost: float | None = None


class _Ledger(Data, frozen=True, kw_only=True):
    """The answer as models write it."""

    title: str
    summary: str | None = ""
    questions: tuple[DraftQuestion, ...] | None = ()
    lines: tuple[_Line | str, ...]


async def decide(model: Model, request: Request, context: str, *, most_questions: int) -> Specification:
    """The decision ledger: a specification that has questions and assumptions, and no requirements yet.

    Args:
        context: what is known of the repository (overview, passages); empty for a new product.
        most_questions: 0 = nobody may be asked; every decision is a line then.

    Raises:
        InvalidReply: the answer could not be used, twice.
        ModelError, BudgetExceeded, ReplayDrift: as `Model.complete`.
    """
    listed = elements(request)
    refused = False

    def read(text: str) -> Specification:
        # What one more look can mend is sent back once; the second answer is taken as it is.
        nonlocal refused
        ledger = read_ledger(text, most_questions=most_questions, given=given_text(request))
        missing = untouched(listed, _said(ledger))
        if not refused and len(listed) >= _LEAST_ELEMENTS and len(missing) > _MOST_UNTOUCHED * len(listed):
            refused = True
            raise Unreadable(
                f"no line or question decides anything about {', '.join(missing)}; sweep these and give the full ledger"
            )
        return ledger

    ledger, _ = await ask(model, decide_request(request, context, most_questions=most_questions), read)
    return ledger


def decide_request(request: Request, context: str, *, most_questions: int) -> ModelRequest:
    """The question that `decide` asks; equal inputs give equal requests."""
    text = DECIDE.render(
        request=request.text.strip(),
        material=material(request),
        repository=untrusted("repository", context) if context.strip() else "There is none yet: this is a new product.",
        checklist=checklist(request) + _open_points(request),
        most_questions=str(most_questions),
        most_lines=str(MOST_LINES),
    )
    return ModelRequest(
        purpose="input.clarify",
        role="analyst",
        system=DECIDE.system,
        messages=(Message(author="user", text=text, images=pictures(request)),),
    )


def _open_points(request: Request) -> str:
    """What the author of an attached specification left open on purpose."""
    points = marked_open(request.attachments)
    if not points:
        return ""
    listed = "\n".join(f"- {point}" for point in points)
    return f"\n\nMarked by the author as still to be clarified; each is a question (or part of one):\n{listed}"


def read_ledger(text: str, *, most_questions: int, given: Sequence[str] = ()) -> Specification:
    """The answer as a ledger: highest stake first, doubles and settled lines dropped, at most `MOST_LINES` in all.

    Questions whose stake is below `WORTH_ASKING`, or beyond `most_questions`, become assumptions on their default,
    so no decision is lost.

    Args:
        given: sentences of the request and its material; a line that only repeats one decides nothing.

    Raises:
        Unreadable: no JSON, an empty title, or neither a question nor a line.
    """
    draft = json_in(text, _Ledger)
    title = " ".join(draft.title.split())
    if not title:
        raise Unreadable("`title` is empty")
    notes: list[str] = []
    drafted = sorted(draft.questions or (), key=lambda item: -stake(item.wrong, item.cost))
    questions, left_over = read_questions(drafted, notes)
    # What nobody judged is taken at the analyst's word that it is worth asking.
    worth = [item for item in questions if item.stake >= WORTH_ASKING or not item.stake]
    asked = worth[:most_questions]
    unasked = [
        Assumption(id="", text=f"{item.text} → {item.default}", stake=item.stake)
        for item in questions
        if item not in asked
    ]
    lines = [*unasked, *left_over, *(_line(item) for item in draft.lines)]
    kept = _sifted(lines, given, notes)
    if not asked and not kept:
        raise Unreadable("`lines` is empty; write the decisions that the request leaves open")
    kept.sort(key=lambda item: -item.stake)
    if len(kept) > MOST_LINES - len(asked):
        notes.append(f"{len(kept) + len(asked) - MOST_LINES} assumption(s) of the least stake were left out")
        kept = kept[: MOST_LINES - len(asked)]
    return Specification(
        title=title if len(title) <= 72 else title[:71].rstrip() + "…",
        summary=(draft.summary or "").strip(),
        questions=tuple(replace(item, id=f"Q{place}") for place, item in enumerate(asked, start=1)),
        assumptions=tuple(replace(item, id=f"A{place}") for place, item in enumerate(kept, start=1)),
        size="large",
        notes=tuple(notes),
    )


def with_confirmation(ledger: Specification) -> Specification:
    """A ledger that asks at least whether its assumptions stand."""
    if ledger.questions or not ledger.assumptions:
        return ledger
    question = Question(
        id="Q1",
        text="Nothing has to be asked. Do the assumptions stand as they are?",
        why="They are built as they stand; each can be corrected in a few words.",
        options=(
            Option(value="yes", consequence="they are built as they stand"),
            Option(value="no", consequence="say in your own words what is different"),
        ),
        default="yes",
    )
    return replace(ledger, questions=(question,))


def given_text(request: Request) -> tuple[str, ...]:
    """The sentences and lines of the request, of earlier decisions and of the attachments."""
    texts = (request.text, *(attachment.text for attachment in request.attachments))
    return request.earlier + tuple(
        part for text in texts for part in re.split(r"(?<=[.!?;])\s+|\n+", text) if part.strip()
    )


def _said(ledger: Specification) -> list[str]:
    asked = [f"{item.text} {' '.join(option.consequence for option in item.options)}" for item in ledger.questions]
    return [*asked, *(item.text for item in ledger.assumptions)]


def _line(item: _Line | str) -> Assumption:
    if isinstance(item, str):
        return Assumption(id="", text=item, stake=0.0)
    return Assumption(
        id="", text=item.text, instead=" ".join((item.instead or "").split()), stake=stake(item.wrong, item.cost)
    )


def _sifted(lines: Sequence[Assumption], given: Sequence[str], notes: list[str]) -> list[Assumption]:
    settled = [_words(sentence) for sentence in given]
    kept: list[Assumption] = []
    seen: list[frozenset[str]] = []
    for line in lines:
        text = " ".join(line.text.split())
        words = _words(text)
        if not words:
            continue
        if any(words <= sentence for sentence in settled):
            notes.append(f"settled already, so not assumed: {text[:80]}")
        elif any(len(words & other) >= 0.85 * len(words | other) for other in seen):
            notes.append(f"said twice: {text[:80]}")
        else:
            kept.append(replace(line, text=text if len(text) <= _MOST_CHARS else text[: _MOST_CHARS - 1] + "…"))
            seen.append(words)
    return kept


def _words(text: str) -> frozenset[str]:
    """What a sentence is about, without order, capitals and the smallest words."""
    return frozenset(re.findall(r"[a-z0-9_]{3,}|\d+|[<>=+@-]", text.lower())) - {"the", "and", "are", "for"}
