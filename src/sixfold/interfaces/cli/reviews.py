"""`review`, `approve`, `edit` and `reject`: a person looks at a change and decides."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from sixfold.domain.data import to_json
from sixfold.domain.errors import UsageError
from sixfold.domain.result import next_step
from sixfold.domain.run import Decision
from sixfold.domain.view import RunView
from sixfold.interfaces.cli import session
from sixfold.interfaces.cli.door import Keyboard, TerminalDoor
from sixfold.interfaces.cli.editing import edit as edit_increment
from sixfold.interfaces.cli.engine import load_engine
from sixfold.interfaces.cli.finish import diff_of
from sixfold.interfaces.cli.screens import increment_lines, release_lines
from sixfold.interfaces.cli.session import JsonOption, LastOption, RunArgument, Session
from sixfold.interfaces.cli.steer import decide
from sixfold.interfaces.cli.terminal import put, put_json, say
from sixfold.interfaces.escape import one_line

_INCREMENT = re.compile(r"I\d+(\.\d+)?|release")


def review(run: RunArgument = None, last: LastOption = False, as_json: JsonOption = False) -> int:
    """Show what waits for a review; on a terminal, decide it here."""
    open_session = Session()
    view = open_session.view(run, last)
    subjects = [subject for subject in view.open_subjects if not subject.startswith("question:")]
    if as_json:
        items = [to_json(item) for item in view.live_increments if f"increment:{item.increment.id}" in subjects]
        offer = to_json(view.offer) if any(subject.startswith("release:") for subject in subjects) else None
        put_json({"schema_version": 1, "run": view.run, "increments": items, "release": offer})
        return 0
    if not subjects:
        say(f"sixfold: nothing of {view.run} waits for a review; next: {one_line(next_step(view))}")
        return 0
    if sys.stdin.isatty() and sys.stderr.isatty():
        keyboard = Keyboard(sys.stdin.fileno())
        door = TerminalDoor(
            session.who(),
            lambda seen, subject: diff_of(open_session, seen, subject),
            keyboard,
            edit=lambda seen, id: edit_increment(open_session, load_engine(), seen, id),
        )
        for subject in subjects:
            decision = asyncio.run(door.ask(subject, view))
            if decision is not None:
                decide(open_session, view, decision)
                view = open_session.view(view.run)
        return 0
    for subject in subjects:
        item = view.increment(subject.partition(":")[2])
        for line in increment_lines(view, item) if item else release_lines(view):
            put(line)
        name = item.increment.id if item else "release"
        say(f"  decide: sixfold approve {view.run} {name}   or   sixfold reject {view.run} {name} -m WHY")
        if item:
            say(f"  or change it: sixfold edit {view.run} {name}   (see it: sixfold diff {view.run})")
    return 0


def approve(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN] [INCREMENT]", help="Without INCREMENT: the release.")
    ] = None,
    message: Annotated[str, typer.Option("--message", "-m", metavar="TEXT", help="Kept with the approval.")] = "",
    last: LastOption = False,
) -> int:
    """Approve an increment, or the release: exactly the content that `review` showed."""
    name, increment = _run_and_increment(words or [])
    open_session = Session()
    view = open_session.view(name, last)
    decision = Decision(subject=_subject(view, increment), verdict="approve", comment=message, who=session.who())
    return decide(open_session, view, decision)


def edit(
    words: Annotated[list[str], typer.Argument(metavar="[RUN] INCREMENT", help="An increment that waits for review.")],
    source: Annotated[
        Path | None, typer.Option("--from", metavar="DIR", help="Take these files instead of opening the editor.")
    ] = None,
    last: LastOption = False,
) -> int:
    """Change an increment yourself (VISUAL, EDITOR); it is tested again and carries your name."""
    name, increment = _run_and_increment(words)
    if not increment or increment == "release":
        raise UsageError("edit needs an increment", next="sixfold edit [RUN] INCREMENT")
    open_session = Session()
    view = open_session.view(name, last)
    decision = edit_increment(open_session, load_engine(), view, increment, source)
    if decision is None:
        say(f"sixfold: {increment} was left as it is; next: sixfold review {view.run}")
        return 0
    return decide(open_session, view, decision)


def reject(
    words: Annotated[list[str], typer.Argument(metavar="[RUN] INCREMENT", help="An increment, or `release`.")],
    message: Annotated[str, typer.Option("--message", "-m", metavar="WHY", help="What should be different.")] = "",
    last: LastOption = False,
) -> int:
    """Send an increment (or the release) back for rework, with a reason."""
    name, increment = _run_and_increment(words)
    if not increment:
        raise UsageError("reject needs an increment or `release`", next="sixfold reject [RUN] INCREMENT -m WHY")
    open_session = Session()
    view = open_session.view(name, last)
    decision = Decision(subject=_subject(view, increment), verdict="reject", comment=message, who=session.who())
    return decide(open_session, view, decision)


def _run_and_increment(words: list[str]) -> tuple[str | None, str]:
    match words:
        case []:
            return None, ""
        case [one]:
            return (None, one) if _INCREMENT.fullmatch(one) else (one, "")
        case [run, increment]:
            return run, increment
    raise UsageError(f"{len(words)} words are too many", next="give [RUN] [INCREMENT]")


def _subject(view: RunView, increment: str) -> str:
    if increment and increment != "release":
        return f"increment:{increment}"
    return view.offer.subject if view.offer else "release:"
