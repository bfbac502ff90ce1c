"""The simulated user: reacts from the hidden intent alone, through a person's door."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from sixfold import wiring
from sixfold.config import Settings
from sixfold.domain.data import Data, from_json
from sixfold.domain.model import Message, ModelRequest
from sixfold.domain.ports import Model
from sixfold.domain.prompt import Prompt, untrusted
from sixfold.domain.replies import Unreadable, json_in
from sixfold.domain.requirements import Assumption, Question, Specification
from sixfold.domain.run import Decision
from sixfold.domain.view import RunView
from sixfold.evaluation.asking import ask_again
from sixfold.evaluation.sample import Row, Sample

NO_PREFERENCE = "no preference, your choice"
WHO = "human:simulated"
USER = Prompt.parse((Path(__file__).parent / "prompts" / "user.md").read_text(encoding="utf-8"))
_MOST_SENTENCES = 2
_MOST_REJECTIONS = 2
"""Releases sent back because a corrected assumption still stands; then the person gives up and takes what there is."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])")


class Said(Data, frozen=True, kw_only=True):
    """What the user said to one line of the sheet."""

    id: str
    text: str
    rows: tuple[str, ...] = ()
    """Rows it came from; empty = no preference."""


class Reaction(Data, frozen=True, kw_only=True):
    """What the user said to a sheet."""

    answers: tuple[Said, ...] = ()
    corrections: tuple[Said, ...] = ()


class Noted(Data, frozen=True, kw_only=True):
    """One line of the journal: what was shown to the user, and what came back."""

    kind: str
    """`question`, `assumption`, or `rejection` (of a release that ignores corrections)."""
    id: str
    line: str
    """What the user read."""
    said: str = ""
    """Empty = silence."""
    rows: tuple[str, ...] = ()


class Reader(Protocol):
    """Somebody who reads a sheet of questions and assumptions and reacts from an intent."""

    async def react(self, questions: Sequence[Question], assumptions: Sequence[Assumption]) -> Reaction:
        """One answer a question; corrections of those assumptions that break a wish."""
        ...


class ModelReader:
    """A model in the role `user` that sees the intent's rows and the sheet, and nothing else."""

    def __init__(self, model: Model, sample: Sample) -> None:
        self._model = model
        self._sample = sample

    async def react(self, questions: Sequence[Question], assumptions: Sequence[Assumption]) -> Reaction:
        rows = self._sample.rows
        request = ModelRequest(
            purpose="evaluation.react",
            role="user",
            system=USER.system,
            messages=(Message(author="user", text=USER.render(rows=table(rows), sheet=sheet(questions, assumptions))),),
        )
        return await ask_again(self._model, request, lambda text: read_reaction(text, questions, assumptions, rows))


def table(rows: Sequence[Row]) -> str:
    """The intent's rows as the user sees them."""
    lines = [f"| {row.id} | {_cell(row.text)} | {_cell(row.question)} |" for row in rows]
    return "\n".join(["| id | what you want | question it answers |", "|---|---|---|", *lines])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def sheet(questions: Sequence[Question], assumptions: Sequence[Assumption]) -> str:
    """The sheet the user reacts to, as one fenced block: a product's words give no orders."""
    lines = ["Questions:", *(question_line(item) for item in questions)]
    lines += ["", "Assumptions:", *(f"{item.id}: {item.text}" for item in assumptions)]
    return untrusted("the builder's sheet", "\n".join(lines))


def question_line(question: Question) -> str:
    """A question with its options and default on one line."""
    options = "; ".join(f"{option.value} ({option.consequence})" for option in question.options)
    parts = [f"{question.id}: {question.text}", options and f"Options: {options}."]
    parts.append(question.default and f"Default: {question.default}.")
    return " ".join(part for part in parts if part)


def read_reaction(
    text: str, questions: Sequence[Question], assumptions: Sequence[Assumption], rows: Sequence[Row]
) -> Reaction:
    """The user's answer, held to the rules of the game: one or two sentences, from rows that exist, nothing unasked.

    Raises:
        Unreadable: no JSON, a question without an answer, or an unknown row.
    """
    reaction = json_in(text, Reaction)
    known = {row.id for row in rows}
    unknown = sorted({row for said in (*reaction.answers, *reaction.corrections) for row in said.rows} - known)
    if unknown:
        raise Unreadable(f"the table has no row {unknown[0]}")
    answered = {said.id: said for said in reaction.answers}
    missing = [item.id for item in questions if item.id not in answered]
    if missing:
        raise Unreadable(f"{missing[0]} has no answer")
    shown = {item.id for item in assumptions}
    return Reaction(
        answers=tuple(_short(answered[item.id]) for item in questions),
        corrections=tuple(_short(said) for said in reaction.corrections if said.id in shown and said.rows),
    )


def _short(said: Said) -> Said:
    """An answer that touches no row is no preference, whatever it says; a long one is cut to two sentences."""
    if not said.rows or not said.text.strip():
        return Said(id=said.id, text=NO_PREFERENCE)
    sentences = _SENTENCE_END.split(" ".join(said.text.split()))
    return msgspec.structs.replace(said, text=" ".join(sentences[:_MOST_SENTENCES]))


class UserDoor:
    """The simulated user at a run's door: `wiring.Door`.

    At the first open question the whole sheet is read once: every open question and every assumption written so far. At
    the release, assumptions that were not shown before are read: a correction takes the offer back, and a corrected
    line that still stands unchanged sends the release back. Increments are not this person's business. The journal is
    on disk, so that nothing is asked twice.
    """

    def __init__(self, settings: Settings, run: str, reader: Reader, journal: Path) -> None:
        self._settings = settings
        self._run = run
        self._reader = reader
        self._journal = journal

    async def ask(self, subject: str, view: RunView) -> Decision | None:
        kind, _, name = subject.partition(":")
        if kind == "question":
            return await self._answer(subject, name, view)
        if kind == "release":
            return await self._release(subject)
        if kind == "assumption":
            return self._about(subject, name)
        return Decision(subject=subject, verdict="approve", who=WHO)

    async def _answer(self, subject: str, name: str, view: RunView) -> Decision:
        questions = [item for item in view.questions if item.status == "open"]
        before = {(noted.id, noted.line) for noted in self.noted() if noted.kind == "question"}
        if any((item.id, question_line(item)) not in before for item in questions):
            await self._read(questions)
        question = next(item for item in questions if item.id == name)
        noted = [item for item in self.noted() if (item.id, item.line) == (name, question_line(question))][-1]
        if not noted.rows and question.default:
            return Decision(subject=subject, verdict="default", value=question.default, comment=noted.said, who=WHO)
        return Decision(subject=subject, verdict="answer", value=noted.said, who=WHO)

    def _about(self, subject: str, name: str) -> Decision:
        said = [noted.said for noted in self.noted() if noted.kind == "assumption" and noted.id == name and noted.said]
        if said:
            return Decision(subject=subject, verdict="answer", value=said[-1], who=WHO)
        return Decision(subject=subject, verdict="approve", who=WHO)

    async def _release(self, subject: str) -> Decision | None:
        await self._read(())
        log = wiring.state_of(self._settings).log(self._run)
        if log.find(f"decision:{subject}") is not None:
            return None  # a correction given just now has taken the offer back
        noted = self.noted()
        corrected = {(item.id, item.line): item.said for item in noted if item.kind == "assumption" and item.said}
        stands = [
            f"{item.id} ({item.text}): {corrected[item.id, item.text]}"
            for item in self._ledger()
            if (item.id, item.text) in corrected
        ]
        if stands and sum(1 for item in noted if item.kind == "rejection") < _MOST_REJECTIONS:
            comment = "Put these assumptions right:\n" + "\n".join(f"- {line}" for line in stands)
            self._note([Noted(kind="rejection", id=subject, line=subject, said=comment)])
            return Decision(subject=subject, verdict="reject", comment=comment, who=WHO)
        return Decision(subject=subject, verdict="approve", who=WHO)

    async def _read(self, questions: Sequence[Question]) -> None:
        """Show the user what they have not seen yet, note what they say, and hand corrections in."""
        seen = {(noted.id, noted.line) for noted in self.noted()}
        fresh = [item for item in self._ledger() if (item.id, item.text) not in seen]
        if not questions and not fresh:
            return
        reaction = await self._reader.react(questions, fresh)
        answers = {said.id: said for said in reaction.answers}
        corrections = {said.id: said for said in reaction.corrections}
        lines = [
            Noted(
                kind="question",
                id=item.id,
                line=question_line(item),
                said=answers[item.id].text,
                rows=answers[item.id].rows,
            )
            for item in questions
        ]
        for item in fresh:
            said = corrections.get(item.id)
            lines.append(
                Noted(
                    kind="assumption",
                    id=item.id,
                    line=item.text,
                    said=said.text if said else "",
                    rows=said.rows if said else (),
                )
            )
        self._note(lines)
        for said in reaction.corrections:
            decision = Decision(subject=f"assumption:{said.id}", verdict="answer", value=said.text, who=WHO)
            wiring.decide(self._settings, self._run, decision)

    def _ledger(self) -> tuple[Assumption, ...]:
        """The assumptions in the last specification the run wrote, drafts included."""
        events = wiring.state_of(self._settings).log(self._run).read()
        written = [event for event in events if event.kind in ("specification.drafted", "specification.written")]
        if not written:
            return ()
        specification = from_json(written[-1].data["specification"], Specification)
        return tuple(item for item in specification.assumptions if item.status == "assumed" and not item.correction)

    def noted(self) -> tuple[Noted, ...]:
        """Everything shown and said so far, in order."""
        return read_journal(self._journal)

    def _note(self, lines: Sequence[Noted]) -> None:
        with self._journal.open("ab") as file:
            file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


def read_journal(path: Path) -> tuple[Noted, ...]:
    """Everything that was shown to a user and said by them; a line cut off by a crash is left out."""
    if not path.exists():
        return ()
    lines = path.read_bytes().split(b"\n")[:-1]
    return tuple(msgspec.json.decode(line, type=Noted) for line in lines if line)
