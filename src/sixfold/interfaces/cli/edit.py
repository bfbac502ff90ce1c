"""`plan --edit`: the plan as a text in the person's editor, refused in words or taken up, and never lost."""

from __future__ import annotations

import shlex
import subprocess

from sixfold.domain.errors import UsageError
from sixfold.domain.view import RunView
from sixfold.interfaces.cli import session
from sixfold.interfaces.cli.engine import load_engine
from sixfold.interfaces.cli.session import Session
from sixfold.interfaces.cli.terminal import editor, put, say
from sixfold.layers.planning.form import Unfit, plan_form, read_form, with_faults


def edit_plan(open_session: Session, view: RunView) -> int:
    """Let the person change the plan; what is wrong with it stands on top of the kept text.

    Raises:
        UsageError: no plan, no editor, or faults; the text is kept and `plan --edit` opens it again.
    """
    if view.plan is None or view.specification is None:
        raise UsageError(f"{view.run} has no plan yet", next=f"sixfold show {view.run}")
    path = open_session.state.folder(view.run) / "plan-edit.toml"
    if not path.exists():
        states = {item.task.id: item.status for item in view.tasks}
        path.write_text(plan_form(view.plan, run=view.run, states=states), encoding="utf-8")
    program = editor()
    try:
        code = subprocess.run([*shlex.split(program), str(path)], check=False).returncode
    except OSError as error:
        raise UsageError(f"the editor {program!r} cannot be started: {error.strerror}", next="set EDITOR") from error
    again = f"the text is kept; put it right: sixfold plan {view.run} --edit"
    if code:
        raise UsageError(f"the editor ended with {code}", next=again)
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        read = read_form(text, view.plan)
    except Unfit as error:
        path.write_text(with_faults(text, [str(error)]), encoding="utf-8")
        raise UsageError("the edited plan cannot be read", why=str(error), next=again) from error
    if read is None:
        path.unlink()
        put("nothing changed")
        return 0
    engine = load_engine()
    change, faults = engine.check_edit(open_session.settings, view.run, *read)
    if faults:
        path.write_text(with_faults(text, faults), encoding="utf-8")
        raise UsageError(f"the edited plan has {len(faults)} fault(s)", why="; ".join(faults), next=again)
    run, subject = engine.edit(open_session.settings, view.run, change, session.who())
    path.unlink()
    named = ", ".join((*(task.id for task in change.tasks), *(f"-{id}" for id in change.drop))) or "contracts"
    put(f"{run}: edit {subject} recorded ({change.kind}: {named})")
    if run != view.run:
        say(f"sixfold: {view.run} has ended and stays as it is; {run} takes the edit and all that was paid for")
        say(f"  next: sixfold resume {run}")
    elif view.status == "running":
        say(f"sixfold: taken up when the next task of {run} comes back; next: sixfold log {run} --follow")
    else:
        say(f"  next: sixfold resume {run}")
    return 0
