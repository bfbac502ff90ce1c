"""`spec`: read the specification, or change it in an editor of one's own; the edit is checked before it counts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from sixfold import config
from sixfold.domain.data import to_json
from sixfold.domain.errors import StorageError, UsageError
from sixfold.domain.markdown import specification_text
from sixfold.domain.result import next_step
from sixfold.domain.run import Decision
from sixfold.domain.view import RunView
from sixfold.interfaces.cli import session
from sixfold.interfaces.cli.engine import load_engine
from sixfold.interfaces.cli.finish import drive
from sixfold.interfaces.cli.session import JsonOption, LastOption, RunArgument, Session
from sixfold.interfaces.cli.terminal import put, put_json, say
from sixfold.interfaces.decisions import check, reopens
from sixfold.interfaces.editing import decisions_of, editable_text
from sixfold.interfaces.escape import one_line, visible

_DRAFT = "specification.edit"


def spec(
    run: RunArgument = None,
    edit: Annotated[bool, typer.Option("--edit", "-e", help="Change it in $VISUAL or $EDITOR.")] = False,
    last: LastOption = False,
    as_json: JsonOption = False,
) -> int:
    """Print the specification, or change its sentences in an editor; only what rests on the change is redone."""
    open_session = Session()
    view = open_session.view(run, last)
    written = view.specification
    if written is None:
        raise UsageError(f"{view.run} has no specification yet", next=f"sixfold show {view.run}")
    if not edit:
        if as_json:
            put_json({"schema_version": 1, "run": view.run, "specification": to_json(written)})
        else:
            put(visible(specification_text(written)))
        return 0
    # The edit outlives a mistake in it: a refused one is opened again as it was left.
    draft = open_session.state.folder(view.run) / _DRAFT
    before = editable_text(written)
    try:
        if not draft.exists():
            draft.write_text(before, encoding="utf-8")
        _open_editor(draft)
        after = draft.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"cannot edit {draft}", why=str(error), next="check the file and the editor") from error
    try:
        decisions = decisions_of(written, after, who=session.who())
        for decision in decisions:
            check(view, decision)
    except UsageError as error:
        raise UsageError(
            error.what, why=error.why or "your edit is kept", next=f"go on editing: sixfold spec {view.run} --edit"
        ) from error
    draft.unlink()
    if not decisions:
        say("sixfold: nothing was changed")
        return 0
    return _take(open_session, view, decisions, as_json=as_json)


def _take(open_session: Session, view: RunView, decisions: tuple[Decision, ...], *, as_json: bool) -> int:
    """Hand the decisions to the run, or to a new one when it has ended."""
    engine = load_engine()
    for decision in decisions:
        what = "dropped" if decision.verdict == "reject" else one_line(decision.value, 80)
        say(f"  {decision.subject.partition(':')[2]}: {what}")
    if reopens(view, decisions[0]):
        options = msgspec.structs.replace(view.options, record="")
        fresh = engine.revise(open_session.settings, view.run, decisions, options)
        say(f"sixfold: run {fresh}: as {view.run}, with the specification as you edited it")
        return drive(open_session, engine, fresh, as_json=as_json)
    for decision in decisions:
        engine.decide(open_session.settings, view.run, decision)
    say(f"  next: {one_line(next_step(open_session.view(view.run)))}")
    return 0


def _open_editor(path: Path) -> None:
    """Let the person edit a file in the editor they set; returns when they close it.

    Raises:
        UsageError: there is none, or it ended with an error.
    """
    command = config.editor(os.environ)
    if not command or shutil.which(command[0]) is None:
        raise UsageError(
            "no editor was found", why=" ".join(command) or "VISUAL and EDITOR are not set", next="set EDITOR, e.g. vi"
        )
    try:
        done = subprocess.run([*command, str(path)], check=False)
    except OSError as error:
        raise UsageError(f"{command[0]} cannot be started", why=str(error)) from error
    if done.returncode:
        raise UsageError(f"{command[0]} ended with exit code {done.returncode}", why="nothing was taken over")
