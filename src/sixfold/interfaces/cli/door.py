"""Who answers while a run goes on: a file of answers, the person at the terminal, or nobody."""

from __future__ import annotations

import asyncio
import os
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import msgspec

from sixfold.domain.errors import SixfoldError, UsageError
from sixfold.domain.requirements import Question
from sixfold.domain.run import Decision
from sixfold.domain.view import RunView
from sixfold.interfaces.cli.engine import Door
from sixfold.interfaces.cli.guide import Place, piece, places
from sixfold.interfaces.cli.screens import decision_screen, increment_lines, question_lines, release_lines
from sixfold.interfaces.cli.terminal import say, say_error
from sixfold.interfaces.escape import visible


def read_answers(path: Path) -> dict[str, str]:
    """Answers by question id or question text, from a JSON object or a TOML file.

    Raises:
        UsageError: not readable, or not a flat table of texts.
    """
    try:
        raw = path.read_bytes()
        content = msgspec.json.decode(raw) if path.suffix == ".json" else tomllib.loads(raw.decode())
    except OSError as error:
        raise UsageError(f"cannot read the answers file {path}", why=str(error.strerror or error)) from None
    except (msgspec.DecodeError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} is neither a JSON object nor TOML", why=str(error), next='write: Q1 = "value"'
        ) from None
    if not isinstance(content, dict) or any(isinstance(value, dict | list) for value in content.values()):
        raise UsageError(f"{path} is not a flat table of answers", next='write: Q1 = "value"')
    return {str(key): str(value) for key, value in content.items()}


class AnswersFile:
    """Answers questions and corrects assumptions from a file; leaves everything else to the next door."""

    def __init__(self, answers: Mapping[str, str], other: Door | None) -> None:
        self._answers = answers
        self._other = other
        self._corrected: set[str] = set()

    async def ask(self, subject: str, view: RunView) -> Decision | None:
        kind, _, name = subject.partition(":")
        if kind == "question" and view.specification:
            for item in view.specification.assumptions:
                value = self._answers.get(item.id) or self._answers.get(item.text)
                if value and item.id not in self._corrected:
                    self._corrected.add(item.id)
                    correction = f"assumption:{item.id}"
                    return Decision(subject=correction, verdict="answer", value=value, who="option:--answers")
        question = view.question(name) if kind == "question" else None
        value = (self._answers.get(question.id) or self._answers.get(question.text)) if question else None
        if value:
            return Decision(subject=subject, verdict="answer", value=value, who="option:--answers")
        return await self._other.ask(subject, view) if self._other else None


class Keyboard:
    """Lines a person types, awaited without blocking the event loop and without a thread that outlives Ctrl-C."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pending = b""
        self._ended = False

    async def line(self) -> str | None:
        """The next line without its line feed; None at the end of input."""
        while b"\n" not in self._pending and not self._ended:
            await self._readable()
            chunk = os.read(self._descriptor, 4096)
            self._ended = not chunk
            self._pending += chunk
        if not self._pending:
            return None
        head, _, self._pending = self._pending.partition(b"\n")
        return head.decode(errors="replace").strip()

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not ready.done():
                ready.set_result(None)

        loop.add_reader(self._descriptor, wake)
        try:
            await ready
        finally:
            loop.remove_reader(self._descriptor)


class TerminalDoor:
    """Asks the person at the terminal, one subject at a time."""

    def __init__(
        self,
        who: str,
        diff: Callable[[RunView, str], str],
        keyboard: Keyboard,
        *,
        suspended: Callable[[], AbstractContextManager[None]] = nullcontext,
        edit: Callable[[RunView, str], Decision | None] | None = None,
    ) -> None:
        self._edit = edit
        self._who = who
        self._diff = diff
        self._keyboard = keyboard
        self._suspended = suspended
        self._one_at_a_time = asyncio.Lock()
        self._shown: set[str] = set()

    async def ask(self, subject: str, view: RunView) -> Decision | None:
        kind, _, name = subject.partition(":")
        async with self._one_at_a_time:
            with self._suspended():
                if kind == "question":
                    question = view.question(name)
                    return await self._ask_question(subject, question, view) if question else None
                if kind in ("increment", "release"):
                    return await self._ask_review(subject, view)
        return None

    async def _prompt(self, text: str) -> str | None:
        sys.stderr.write(text)
        sys.stderr.flush()
        return await self._keyboard.line()

    async def _ask_question(self, subject: str, question: Question, view: RunView) -> Decision | None:
        ledger = view.specification.assumptions if view.specification else ()
        if not self._shown:
            # Questions and assumptions are one screen: who reads the one corrects the other.
            say("")
            for line in decision_screen(view):
                say(line)
        elif subject not in self._shown:
            say("")
            for line in question_lines(question):
                say(line)
        self._shown.add(subject)
        hint = f"number, free text, Enter = {visible(question.default)}" if question.default else "number or free text"
        if ledger:
            hint += f", `{ledger[0].id} …` corrects that line"
        while (typed := await self._prompt(f"{question.id} ({hint}, `later` leaves it waiting): ")) is not None:
            if typed == "later":
                return None
            if not typed and question.default:
                return Decision(subject=subject, verdict="default", value=question.default, who=self._who)
            if (correction := _correction(typed, [item.id for item in ledger])) is not None:
                id, value = correction
                if value:
                    say(f"{id}: {visible(value)}")
                    return Decision(subject=f"assumption:{id}", verdict="answer", value=value, who=self._who)
                say(f"say what you want instead of {id}, e.g. `{id} newest first`")
                continue
            values = [option.value for option in question.options]
            if typed.isdecimal() and typed not in values and 1 <= int(typed) <= len(values):
                typed = values[int(typed) - 1]
            if typed:
                return Decision(subject=subject, verdict="answer", value=typed, who=self._who)
        return None

    async def _ask_review(self, subject: str, view: RunView) -> Decision | None:
        kind, _, name = subject.partition(":")
        item = view.increment(name) if kind == "increment" else None
        say("")
        for line in increment_lines(view, item) if item else release_lines(view):
            say(line)
        stops = places(item.increment) if item else ()
        change = "[e]dit, " if item and self._edit else ""
        walk = f"[n]ext place, 1-{len(stops)}, " if stops else ""
        at = 0
        while (typed := await self._prompt(f"[a]pprove, {change}[r]eject, [d]iff, {walk}[l]ater: ")) is not None:
            if typed.isdecimal() and 1 <= int(typed) <= len(stops):
                at = int(typed) - 1
                typed = "n"
            match typed[:1].lower():
                case "a":
                    return Decision(subject=subject, verdict="approve", who=self._who)
                case "r":
                    reason = await self._prompt("what should be different? ")
                    if reason:
                        return Decision(subject=subject, verdict="reject", comment=reason, who=self._who)
                    say("a rejection needs a reason: it is what the rework is made from")
                case "d":
                    say(visible(self._diff(view, subject)))
                case "n" if stops:
                    self._show_place(stops[at % len(stops)], at % len(stops) + 1, self._diff(view, subject))
                    at += 1
                case "e" if item and self._edit:
                    try:
                        decision = await asyncio.to_thread(self._edit, view, name)
                    except SixfoldError as error:
                        say_error(error)
                        continue
                    if decision is not None:
                        return decision
                    say("nothing was changed")
                case "l":
                    return None
        return None

    def _show_place(self, place: Place, number: int, diff: str) -> None:
        where = f"{place.path}:{place.line}" if place.line else place.path
        say(f"{number}. [{place.why}] {visible(where)} {visible(place.text)}".rstrip())
        say(visible(piece(diff, place)))


def _correction(typed: str, ids: Sequence[str]) -> tuple[str, str] | None:
    """`A3 newest first` → the assumption's id and what is wanted; None when it begins with no such id."""
    head, _, rest = typed.partition(" ")
    id = head.rstrip(":").upper()
    return (id, rest.strip()) if id in ids else None
