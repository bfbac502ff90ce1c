"""Reading the analyst's answer: from lenient JSON to a sound specification, repaired where meaning is not at stake."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Literal, cast

from sixfold.domain.data import Data, Json
from sixfold.domain.replies import Unreadable, json_in
from sixfold.domain.requirements import Assumption, Entry, Option, Question, Requirement, Specification
from sixfold.layers.requirements.examples import read_examples

MOST_ASSUMPTIONS = 25
_MOST_OPTIONS = 4
_ORIGINS = ("request", "answer", "assumption", "repository", "attachment")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class _Option(Data, frozen=True, kw_only=True):
    value: Json = ""
    consequence: str = ""


class DraftQuestion(Data, frozen=True, kw_only=True):
    """A question as models write it."""

    text: str
    why: str | None = ""
    options: tuple[_Option | str, ...] = ()
    default: Json = ""
    wrong: float | None = None
    cost: float | None = None


class _Assumption(Data, frozen=True, kw_only=True):
    id: Json = ""
    text: str | None = ""
    requirements: tuple[str, ...] | None = ()


class _Entry(Data, frozen=True, kw_only=True):
    name: str
    kind: str
    module: str | None = ""
    start: tuple[str, ...] | str | None = ()
    health: str | None = "/"


class _Requirement(Data, frozen=True, kw_only=True):
    id: Json = ""
    text: str
    origin: str | None = "request"
    examples: tuple[Json, ...] | None = ()


class _Draft(Data, frozen=True, kw_only=True):
    """The answer as models write it: what may be sloppy is optional or untyped here."""

    title: str
    summary: str | None = ""
    questions: tuple[DraftQuestion, ...] | None = ()
    assumptions: tuple[_Assumption | str, ...] | None = ()
    entries: tuple[_Entry, ...] | None = ()
    interface: str | None = ""
    requirements: tuple[_Requirement, ...]
    size: str | None = ""


def read_specification(text: str, *, most_questions: int) -> Specification:
    """The answer as a specification; what was repaired or dropped stands in its `notes`.

    Ids are kept when they are well formed and unique, otherwise numbered afresh in the order given. Questions beyond
    `most_questions` become assumptions on their default, so no decision is lost.

    Raises:
        Unreadable: no JSON, no requirement, an empty title, or an entry that cannot be started.
    """
    draft = json_in(text, _Draft)
    notes: list[str] = []
    title = " ".join(draft.title.split())
    if not title:
        raise Unreadable("`title` is empty")
    stated = [item for item in draft.requirements if item.text.strip()]
    if not stated:
        raise Unreadable("`requirements` is empty; write at least one")
    ids = numbered([item.id for item in stated], "R")
    entries = _entries(draft.entries or ())
    requirements = tuple(
        Requirement(
            id=id,
            text=" ".join(item.text.split()),
            origin=_origin(item.origin),
            examples=read_examples(id, item.examples or (), entries, notes),
        )
        for id, item in zip(ids, stated, strict=True)
    )
    questions, left_over = read_questions(draft.questions or (), notes)
    if len(questions) > most_questions:
        notes.append(f"{len(questions) - most_questions} question(s) beyond the limit became assumptions")
        left_over += [Assumption(id="", text=f"{item.text} → {item.default}") for item in questions[most_questions:]]
        questions = questions[:most_questions]
    given = [item if isinstance(item, _Assumption) else _Assumption(text=item) for item in draft.assumptions or ()]
    unasked = [_Assumption(text=item.text) for item in left_over]
    renamed = {
        item.id: id for item, id in zip(reversed(stated), reversed(ids), strict=True) if isinstance(item.id, str)
    }
    assumptions = _assumptions([*unasked, *given], renamed, notes)
    return Specification(
        title=title if len(title) <= 72 else title[:71].rstrip() + "…",
        summary=(draft.summary or "").strip(),
        requirements=requirements,
        assumptions=assumptions,
        questions=questions,
        entries=entries,
        interface=(draft.interface or "").strip(),
        size="large" if draft.size == "large" else "small",
        notes=tuple(notes),
    )


def numbered(ids: Sequence[Json], letter: str) -> tuple[str, ...]:
    """The ids as they are when all are `<letter><number>` and unique, otherwise 1, 2, 3, … in this order."""
    wanted = [id.strip() if isinstance(id, str) else "" for id in ids]
    sound = all(re.fullmatch(rf"{letter}[1-9]\d{{0,3}}", id) for id in wanted) and len(set(wanted)) == len(wanted)
    return tuple(wanted) if sound else tuple(f"{letter}{place}" for place in range(1, len(wanted) + 1))


def _origin(text: str | None) -> Literal["request", "answer", "assumption", "repository", "attachment"]:
    word = (text or "request").strip().lower()
    known = word if word in _ORIGINS else "assumption"
    return cast(Literal["request", "answer", "assumption", "repository", "attachment"], known)


def _entries(drafts: Sequence[_Entry]) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    for draft in drafts:
        name, kind = draft.name.strip(), draft.kind.strip().lower()
        start = _command(name, draft.start or ())
        module = (draft.module or "").strip()
        if not name or name in {entry.name for entry in entries}:
            raise Unreadable(f"entry names must be unique and not empty: {name!r}")
        if kind == "library":
            if not _MODULE.fullmatch(module):
                raise Unreadable(f"library entry {name!r} needs `module`, an importable dotted name; got {module!r}")
            entries.append(Entry(name=name, kind="library", module=module))
        elif kind in ("cli", "service"):
            if not start:
                raise Unreadable(f"{kind} entry {name!r} needs `start`, its command line as a list")
            if kind == "service" and not any("{port}" in word for word in start):
                raise Unreadable(f"service entry {name!r} needs {{port}} in `start`; it listens on 127.0.0.1:{{port}}")
            health = (draft.health or "/").strip()
            health = health if health.startswith("/") else f"/{health}"
            shape = cast(Literal["cli", "service"], kind)
            entries.append(Entry(name=name, kind=shape, start=start, module=module, health=health))
        else:
            raise Unreadable(f"entry {name!r} has kind {kind!r}; it must be library, cli or service")
    return tuple(entries)


def _command(name: str, start: tuple[str, ...] | str) -> tuple[str, ...]:
    if not isinstance(start, str):
        return start
    try:
        return tuple(shlex.split(start))
    except ValueError as error:
        raise Unreadable(f"`start` of entry {name!r} is not a command line ({error}); write it as a list") from error


def read_questions(drafts: Sequence[DraftQuestion], notes: list[str]) -> tuple[tuple[Question, ...], list[Assumption]]:
    """The questions in their order, each with a default among its options; those without a choice as assumptions."""
    questions: list[Question] = []
    left_over: list[Assumption] = []
    for draft in drafts:
        text = " ".join(draft.text.split())
        options = _options(draft.options)
        default = _default(draft.default, options)
        if default and default not in [option.value for option in options]:
            options = (Option(value=default, consequence="as the draft is written"), *options)
        if not text or not options:
            notes.append(f"a question without text or options was left out: {text[:80]!r}")
            continue
        default = default or options[0].value
        if len(options) > _MOST_OPTIONS:
            chosen = [option for option in options if option.value == default]
            others = [option for option in options if option.value != default]
            options = (*chosen, *others[: _MOST_OPTIONS - 1])
        if len(options) < 2:
            left_over.append(Assumption(id="", text=f"{text} → {default}", stake=stake(draft.wrong, draft.cost)))
            notes.append(f"a question without a choice became an assumption: {text[:80]}")
            continue
        questions.append(
            Question(
                id=f"Q{len(questions) + 1}",
                text=text,
                why=(draft.why or "").strip(),
                options=options,
                default=default,
                stake=stake(draft.wrong, draft.cost),
            )
        )
    return tuple(questions), left_over


def stake(wrong: float | None, cost: float | None) -> float:
    """Expected rework of a wrong guess, 0 to 5: its chance times its cost; 0 when it was not judged."""
    if wrong is None or cost is None:
        return 0.0
    return round(min(max(wrong, 0.0), 1.0) * min(max(cost, 0.0), 5.0), 3)


def _options(drafts: Sequence[_Option | str]) -> tuple[Option, ...]:
    options: dict[str, Option] = {}
    for draft in drafts:
        value = _word(draft if isinstance(draft, str) else draft.value)
        consequence = "" if isinstance(draft, str) else draft.consequence.strip()
        if value and value not in options:
            options[value] = Option(value=value, consequence=consequence)
    return tuple(options.values())


def _default(value: Json, options: Sequence[Option]) -> str:
    word = _word(value)
    return next((option.value for option in options if option.value.casefold() == word.casefold()), word)


def _word(value: Json) -> str:
    """A short text; models also write true, 30 or null where a text belongs."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())


def _assumptions(drafts: Sequence[_Assumption], renamed: Mapping[str, str], notes: list[str]) -> tuple[Assumption, ...]:
    kept: list[_Assumption] = []
    for draft in drafts:
        text = (draft.text or "").strip()
        if text and text not in {(item.text or "").strip() for item in kept}:
            kept.append(draft)
    if len(kept) > MOST_ASSUMPTIONS:
        surplus = len(kept) - MOST_ASSUMPTIONS
        notes.append(f"{surplus} assumption(s) beyond the limit of {MOST_ASSUMPTIONS} were left out")
        kept = kept[:MOST_ASSUMPTIONS]
    ids = numbered([item.id for item in kept], "A")
    return tuple(
        Assumption(
            id=id,
            text=" ".join((item.text or "").split()),
            requirements=tuple(dict.fromkeys(renamed[id] for id in item.requirements or () if id in renamed)),
        )
        for id, item in zip(ids, kept, strict=True)
    )
