"""How a command that drove a run ends: report, optional apply, the result on stdout, the next step on stderr."""

from __future__ import annotations

import sys
from pathlib import Path

from sixfold.domain.errors import SixfoldError, StorageError
from sixfold.domain.result import INTERRUPTED, next_step, result
from sixfold.domain.run import Options
from sixfold.domain.view import RunView
from sixfold.interfaces.cli import session
from sixfold.interfaces.cli.door import AnswersFile, Keyboard, TerminalDoor
from sixfold.interfaces.cli.editing import edit
from sixfold.interfaces.cli.engine import Door, Engine
from sixfold.interfaces.cli.progress import Progress, choose_progress
from sixfold.interfaces.cli.screens import show_lines
from sixfold.interfaces.cli.session import Session
from sixfold.interfaces.cli.terminal import put, put_json, say, say_difference, say_error
from sixfold.interfaces.escape import one_line
from sixfold.interfaces.runs import read_blob, view_run


def drive(
    open_session: Session,
    engine: Engine,
    run: str,
    *,
    options: Options | None = None,
    answers: dict[str, str] | None = None,
    as_json: bool = False,
    json_lines: bool = False,
) -> int:
    """Drive a run to its next stop and tell the person; returns the exit code."""
    interrupted = False
    code = 0
    try:
        with choose_progress(view_run(open_session.state, run), json_lines=json_lines) as progress:
            door = _door(open_session, engine, run, progress, answers)
            code = engine.drive(
                open_session.settings, run, options=options, listener=progress, door=door, debug=session.debug()
            )
    except KeyboardInterrupt:
        interrupted = True
        code = 130
    except SixfoldError as error:
        if session.debug():
            raise
        say_error(error)
        write_report(open_session, run)
        if as_json:
            put_json({**result(view_run(open_session.state, run)), "exit_code": error.exit_code})
        return error.exit_code
    if interrupted:
        note_interrupt(open_session, run)
    return finish(open_session, engine, run, code, as_json=as_json, json_lines=json_lines)


def _door(
    open_session: Session, engine: Engine, run: str, progress: Progress, answers: dict[str, str] | None
) -> Door | None:

    human: Door | None = None
    if sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty():
        human = TerminalDoor(
            session.who(),
            lambda view, subject: diff_of(open_session, view, subject),
            Keyboard(sys.stdin.fileno()),
            suspended=progress.suspended,
            edit=lambda view, id: edit(open_session, engine, view, id),
        )
    return AnswersFile(answers, human) if answers else human


def note_interrupt(open_session: Session, run: str) -> None:
    """Record Ctrl-C unless whoever drove the run already recorded how it stopped."""
    log = open_session.state.log(run)
    events = log.read()
    if events and events[-1].kind not in ("run.paused", "run.waiting", "run.ended"):
        data = {"code": INTERRUPTED, "what": "interrupted", "why": "", "next": f"go on: sixfold resume {run}"}
        log.append("run.paused", f"run.paused:{INTERRUPTED}:{events[-1].seq}", data, who=session.who())


def finish(
    open_session: Session,
    engine: Engine | None,
    run: str,
    code: int,
    *,
    as_json: bool = False,
    json_lines: bool = False,
) -> int:
    """Report, apply when the run was told to, and print the result."""
    view = view_run(open_session.state, run)
    if engine and view.options.apply and view.outcome and view.outcome.status == "validated" and view.applied is None:
        try:
            engine.apply(open_session.settings, run)
        except SixfoldError as error:
            say_error(error)
            code = error.exit_code
    write_report(open_session, run)
    view = view_run(open_session.state, run)
    _add_summary(open_session.settings.step_summary, view)
    if as_json:
        put_json({**result(view), "exit_code": code})
    elif not json_lines:
        for line in show_lines(view):
            put(line)
    if view.pause is not None:
        say_difference(view.pause.difference)
    if code:
        say(f"sixfold: {_stopped(view)}; next: {one_line(next_step(view))}")
    return code


def _add_summary(path: Path | None, view: RunView) -> None:
    """Append to the summary of the job this runs in; a job that shows none loses nothing by it."""
    if path is None:
        return
    from sixfold.interfaces.export import summary  # only jobs pay for it

    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(summary.document(view))
    except OSError as error:
        say_error(StorageError(f"cannot write the summary {path}", why=str(error.strerror or error)))


def _stopped(view: RunView) -> str:
    if view.outcome is not None:
        return one_line(
            f"{view.run} {view.outcome.status}" + (f": {view.outcome.reason}" if view.outcome.reason else "")
        )
    if view.status == "waiting":
        return f"{view.run} waits for a human"
    return one_line(f"{view.run} paused" + (f": {view.pause.what}" if view.pause else ""))


def write_report(open_session: Session, run: str) -> Path | None:
    """Write `report.html` into the run's folder and record it once; None when the disk refuses it."""
    from sixfold.interfaces.report import render  # only runs that stop pay for the page

    state = open_session.state
    path = state.folder(run) / "report.html"
    try:
        state.log(run).append("report.written", "report.written", {"path": str(path)})
        page = render(view_run(state, run), lambda digest: read_blob(state, run, digest))
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        say_error(StorageError(f"cannot write the report {path}", why=str(error.strerror or error)))
        return None
    except StorageError as error:
        say_error(error)
        return None
    return path


def diff_of(open_session: Session, view: RunView, subject: str) -> str:
    """Unified diff of one increment (`increment:I1`), or of every increment that stands, in order."""
    kind, _, name = subject.partition(":")
    items = [item for item in view.live_increments if kind != "increment" or item.increment.id == name]
    parts = []
    for item in items:
        digest = item.increment.diff
        raw = read_blob(open_session.state, view.run, digest) if digest else None
        if digest and raw is None:
            raise StorageError(
                f"the diff of {item.increment.id} is missing", why=f"no blob {digest[:12]} in {view.run}"
            )
        parts.append((raw or b"").decode(errors="replace"))
    return "".join(parts)
