"""`apply`, `undo` and `bisect`: the branch in the person's checkout, and which part of it changed a verdict."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sixfold.domain.code import Preview
from sixfold.domain.data import to_json
from sixfold.domain.errors import UsageError
from sixfold.domain.result import next_step, result
from sixfold.domain.view import RunView
from sixfold.interfaces.cli.engine import load_engine
from sixfold.interfaces.cli.session import JsonOption, LastOption, RunArgument, Session
from sixfold.interfaces.cli.terminal import put, put_json, say, table
from sixfold.interfaces.escape import one_line, visible


def apply(
    run: RunArgument = None,
    last: LastOption = False,
    preview: Annotated[bool, typer.Option("--preview", help="Only show the merge; nothing is written.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Bring a validated branch into your checkout as a checked change; uncommitted work survives."""
    open_session = Session()
    view = open_session.view(run, last)
    if view.outcome is None or view.outcome.status != "validated":
        raise UsageError(f"{view.run} is not validated ({view.status})", next=next_step(view))
    engine = load_engine()
    if preview:
        seen = engine.preview(open_session.settings, view.run)
        return _preview(view, seen, as_json)
    paths = engine.apply(open_session.settings, view.run)
    return _moved(open_session, view, "applied", paths, as_json)


def _preview(view: RunView, seen: Preview, as_json: bool) -> int:
    """Exit 2, as `apply` would, when the change cannot go in as the folder stands."""
    stopped = bool(seen.conflicts or seen.in_the_way)
    if as_json:
        put_json({"schema_version": 1, "run": view.run, "applies": not stopped, **to_json(seen)})
        return 2 if stopped else 0
    if seen.applied:
        say(f"sixfold: {view.run} is in {one_line(view.folder)} already; next: sixfold undo {view.run}")
        return 0
    onto = f"commit {seen.onto[:12]}" if seen.onto else "a folder without commits"
    say(f"onto {onto}" + (", which moved since the run began: a three-way merge" if seen.moved else ""))
    for row in table((file.path, file.status, f"+{file.added} -{file.removed}") for file in seen.files):
        say(f"  {one_line(row, 200)}")
    sys.stdout.write(visible(seen.diff) if sys.stdout.isatty() else seen.diff)
    for path in seen.conflicts:
        say(f"  conflict: {one_line(path)}")
    for path in seen.in_the_way:
        say(f"  your uncommitted work is in the way: {one_line(path)}")
    if seen.conflicts:
        say(f"sixfold: apply would be refused; next: git merge {one_line(view.branch)} after it refused")
    elif seen.in_the_way:
        say("sixfold: apply would be refused; next: commit or move these files away")
    else:
        say(f"sixfold: nothing was written; next: sixfold apply {view.run}")
    return 2 if stopped else 0


def undo(run: RunArgument = None, last: LastOption = False, as_json: JsonOption = False) -> int:
    """Take an applied result back out of your checkout."""
    open_session = Session()
    view = open_session.view(run, last)
    if view.applied is None:
        raise UsageError(f"{view.run} is not applied", next=f"see it: sixfold show {view.run}")
    paths = load_engine().undo(open_session.settings, view.run)
    return _moved(open_session, view, "took back", paths, as_json)


def _moved(open_session: Session, view: RunView, verb: str, paths: tuple[str, ...], as_json: bool) -> int:
    after = open_session.view(view.run)
    if as_json:
        put_json(result(after))
        return 0
    for path in paths:
        put(one_line(path))
    say(f"sixfold: {verb} {len(paths)} file(s) in {one_line(view.folder)}; next: {one_line(next_step(after))}")
    return 0


def bisect(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="Run id or a part of it.")] = None,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[-- CMD…]", help="Exit 0 passes, 125 cannot tell, others fail.")
    ] = None,
    test: Annotated[
        str, typer.Option("--test", metavar="ID", help="tests/test_a.py::test_b, or an acceptance test's name.")
    ] = "",
    last: LastOption = False,
    as_json: JsonOption = False,
) -> int:
    """Find the increment that changed the verdict of a test or a command, in the sandbox."""
    words = list(command or ())
    if last and run is not None:  # `bisect --last -- CMD`: what stands first is the command already
        words, run = [run, *words], None
    if bool(test) == bool(words):
        raise UsageError("bisect takes a test or a command", next="sixfold bisect RUN --test ID, or … RUN -- CMD")
    open_session = Session()
    view = open_session.view(run, last)
    say(f"sixfold: trying the increments of {view.run}")
    found = load_engine().bisect(open_session.settings, view.run, test=test, command=tuple(words))
    if as_json:
        put_json({"schema_version": 1, "run": view.run, **to_json(found)})
        return 0 if found.found else 1
    rows = [
        (
            "→" if one.increment == found.found else "",
            one.increment,
            one.commit[:12],
            one.verdict,
            one.title,
            one.detail,
        )
        for one in found.trials
    ]
    for row in table([[one_line(str(cell), 90) for cell in row] for row in rows]):
        put(row.rstrip())
    if not found.found:
        say(f"sixfold: no increment changes the verdict; next: sixfold diff {view.run}")
        return 1
    say(f"sixfold: {found.found} changed it; next: sixfold diff {view.run}")
    return 0
