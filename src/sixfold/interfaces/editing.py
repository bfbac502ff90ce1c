"""The specification as a text that a person edits, and what the edit decides. Pure: any editor, any door."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sixfold.domain.errors import UsageError
from sixfold.domain.requirements import Specification
from sixfold.domain.run import Decision
from sixfold.interfaces.escape import one_line

_HEAD = """\
# {title}
#
# Change sentences as you like; each stands on one line behind its id. Delete a line to drop a requirement, add one
# with the next free id (R{free}) to add one. An assumption or answer is changed, never dropped. Lines that begin
# with # are notes.
"""
_LINE = re.compile(r"^([RAQ]\d{1,4}):(.*)$")
_REFERENCE = re.compile(r"(?<![\w-])[RAQ]\d{1,3}(?![\w-])")


def editable_text(specification: Specification) -> str:
    """Every sentence on a line of its own: `R1: …`, `Q1: question → answer`, `A1: …`."""
    free = 1 + max((int(item.id[1:]) for item in specification.requirements if item.id[1:].isdecimal()), default=0)
    parts = [_HEAD.format(title=one_line(specification.title), free=free)]
    for heading, lines in (("Requirements", _requirements), ("Answers", _answers), ("Assumptions", _assumptions)):
        if told := lines(specification):
            parts.append("\n".join([f"# {heading}", *(f"{id}: {text}" for id, text in told.items())]) + "\n")
    return "\n".join(parts)


def decisions_of(specification: Specification, text: str, *, who: str) -> tuple[Decision, ...]:
    """What an edited text decides, compared with the specification it was made from.

    Raises:
        UsageError: a line that is none of ours, an id twice or unknown, an empty sentence, a reference to nothing, or
            no requirement left. Says which line; nothing is decided then.
    """
    edited = _read(text)
    _refuse_unknown(specification, edited)
    decisions = []
    for before, subject in ((_answers(specification), "question"), (_assumptions(specification), "assumption")):
        for id, old in before.items():
            new = edited.get(id, old)
            if new != old:
                value = new.rpartition("→")[2].strip() if subject == "question" else new
                decisions.append(Decision(subject=f"{subject}:{id}", verdict="answer", value=value, who=who))
    required = _requirements(specification)
    stated = {id: new for id, new in edited.items() if id.startswith("R")}
    for id, new in stated.items():
        if new != required.get(id):
            decisions.append(Decision(subject=f"requirement:{id}", verdict="answer", value=new, who=who))
    for id in required:
        if id not in stated:
            subject = f"requirement:{id}"
            decisions.append(Decision(subject=subject, verdict="reject", comment="dropped in the editor", who=who))
    return tuple(decisions)


def _read(text: str) -> dict[str, str]:
    edited: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.match(line.strip())
        if match is None:
            raise _error(number, f"is no line of a specification: {one_line(line, 60)}", "begin it with an id: R7: …")
        id, sentence = match.group(1), " ".join(match.group(2).split())
        if id in edited:
            raise _error(number, f"uses {id} a second time", "give the new sentence the next free id")
        if not sentence:
            raise _error(number, f"leaves {id} without a sentence", "write one, or delete the line to drop it")
        edited[id] = sentence
    return edited


def _refuse_unknown(specification: Specification, edited: Mapping[str, str]) -> None:
    known = {**_answers(specification), **_assumptions(specification)}
    for id, sentence in edited.items():
        if id not in known and not id.startswith("R"):
            raise UsageError(f"{id} is unknown", why="what is new is a requirement", next="give it the next free R id")
        if id in _answers(specification) and not sentence.rpartition("→")[2].strip():
            raise UsageError(f"{id} has no answer", next="write it behind the arrow: Q1: question → answer")
        old = {**known, **_requirements(specification)}.get(id, "")
        for named in set(_REFERENCE.findall(sentence)) - set(_REFERENCE.findall(old)) - {id}:
            if named not in edited and named not in known:
                raise UsageError(f"{id} refers to {named}, which does not exist", next="name one that exists, or none")
    if specification.requirements and not any(id.startswith("R") for id in edited):
        raise UsageError("no requirement is left", next="keep at least one, or end the run: sixfold cancel RUN")


def _error(number: int, what: str, next: str) -> UsageError:
    return UsageError(f"line {number} {what}", next=next)


def _requirements(specification: Specification) -> dict[str, str]:
    return {item.id: " ".join(item.text.split()) for item in specification.requirements}


def _answers(specification: Specification) -> dict[str, str]:
    """Answered questions; open ones are answered by `sixfold answer`, where their options stand."""
    return {item.id: f"{item.text} → {item.answer}" for item in specification.questions if item.answer}


def _assumptions(specification: Specification) -> dict[str, str]:
    return {
        item.id: item.text + (f" — instead: {item.correction}" if item.correction else "")
        for item in specification.assumptions
    }
