"""`runs`, `show`, `diff`, `log`, `cost`, `plan`: reading the event log. Imports neither engine nor model client."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from sixfold.domain.data import to_json
from sixfold.domain.errors import StorageError, UsageError
from sixfold.domain.events import Event
from sixfold.domain.narrate import forecast_text, narrate
from sixfold.domain.result import against_forecast, result
from sixfold.domain.view import Spending
from sixfold.interfaces.cli.compare import compare_lines, comparison
from sixfold.interfaces.cli.edit import edit_plan
from sixfold.interfaces.cli.finish import diff_of
from sixfold.interfaces.cli.plan_screen import plan_lines
from sixfold.interfaces.cli.progress import spending
from sixfold.interfaces.cli.screens import show_lines
from sixfold.interfaces.cli.session import JsonOption, LastOption, RunArgument, Session
from sixfold.interfaces.cli.terminal import json_line, put, put_diff, put_json, say, table
from sixfold.interfaces.escape import one_line
from sixfold.interfaces.runs import driven, view_run
from sixfold.layers.planning.outlook import outlook
from sixfold.workflow.log import EventLog

_POLL_S = 0.25


def runs(as_json: JsonOption = False) -> int:
    """List runs, newest first."""
    state = Session().state
    rows: list[tuple[str, str, str, str, str]] = []
    for run in state.runs():
        try:
            view = view_run(state, run)
            rows.append((run, view.status, view.phase, _price(view.usage.cost_usd, view.usage.calls), view.title))
        except StorageError as error:
            rows.append((run, "damaged", "", "", error.what))
    if as_json:
        names = ("run", "status", "phase", "cost", "title")
        put_json({"schema_version": 1, "runs": [dict(zip(names, row, strict=True)) for row in rows]})
        return 0
    if not rows:
        say(f'sixfold: no runs in {state.home}; start one: sixfold build "REQUEST"')
    head = ("RUN", "STATUS", "PHASE", "COST", "TITLE") if rows else ()
    for line in table(((*row[:4], one_line(row[4], 70)) for row in rows), head=head):
        put(line)
    return 0


def show(
    run: RunArgument = None,
    last: LastOption = False,
    compare: Annotated[
        str | None, typer.Option("--compare", metavar="RUN", help="Put that run and this one side by side.")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """One screen about a run, or two runs side by side."""
    open_session = Session()
    if compare is not None:
        views = (open_session.view(compare), open_session.view(run, last))
        logs = (open_session.state.log(views[0].run).read(), open_session.state.log(views[1].run).read())
        if as_json:
            put_json(comparison(views, logs))
            return 0
        for line in compare_lines(views, logs):
            put(line)
        return 0
    view = open_session.view(run, last)
    broken = open_session.state.log(view.run).broken()
    if broken is not None:
        say(f"sixfold: event {broken} of {view.run} was changed after it was written: believe nothing from there on")
    if as_json:
        put_json(result(view))
        return 0
    for line in show_lines(view):
        put(line)
    return 0


def diff(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN] [INCREMENT]", help="Without INCREMENT: all that stand.")
    ] = None,
    last: LastOption = False,
) -> int:
    """Print the unified diff of the increments; byte for byte when piped."""
    given = list(words or [])
    increment = given.pop() if given and given[-1].startswith("I") else ""
    if len(given) > 1:
        raise UsageError(f"{len(given)} words are too many", next="sixfold diff [RUN] [INCREMENT]")
    open_session = Session()
    view = open_session.view(given[0] if given else None, last)
    if increment and view.increment(increment) is None:
        known = ", ".join(item.increment.id for item in view.increments) or "none yet"
        raise UsageError(f"{view.run} has no increment {increment!r}", why=f"increments: {known}")
    put_diff(diff_of(open_session, view, f"increment:{increment}" if increment else ""))
    return 0


def log(
    run: RunArgument = None,
    last: LastOption = False,
    follow: Annotated[bool, typer.Option("--follow", help="Go on while the run is driven.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Check the hash chain instead.")] = False,
    json_lines: Annotated[bool, typer.Option("--json-lines", help="One JSON event a line.")] = False,
) -> int:
    """Print what happened, event by event."""
    state = Session().state
    name = state.resolve(None if last else run)
    if verify:
        return _verify(state.log(name), name)
    events = state.log(name)
    shown = -1
    while True:
        fresh = events.read(after=shown)
        for event in fresh:
            put(json_line(event) if json_lines else _line(event))
            shown = event.seq
        sys.stdout.flush()
        if not follow or not (fresh or driven(state, name)):
            return 0
        time.sleep(_POLL_S)


def _verify(events: EventLog, run: str) -> int:
    try:
        chain = events.read()
    except StorageError as error:
        put(f"{run}: broken: {one_line(error.what)}")
        say(f"sixfold: the log of {run} was changed or damaged; next: restore {events.path} from a copy")
        return 1
    broken = events.broken()
    if broken is None:
        put(f"{run}: whole: {len(chain)} events, head {chain[-1].hash if chain else ''}")
        return 0
    put(f"{run}: broken at event {broken} ({one_line(chain[broken].kind)}, {one_line(chain[broken].at)})")
    say(f"sixfold: event {broken} of {run} was changed after it was written; next: restore {events.path} from a copy")
    return 1


def _line(event: Event) -> str:
    who = "" if event.who == "sixfold" else f"  [{one_line(event.who)}]"
    return f"{event.seq:>4}  {one_line(event.at)}  {one_line(event.kind):<22} {one_line(narrate(event))}{who}"


def cost(run: RunArgument = None, last: LastOption = False, as_json: JsonOption = False) -> int:
    """What a run used: by task, role and model."""
    view = Session().view(run, last)
    groups = {"phase": view.by_phase, "task": view.by_task, "role": view.by_role, "model": view.by_model}
    if as_json:
        books = {f"by_{name}": to_json(book) for name, book in groups.items()}
        put_json(
            {
                "schema_version": 1,
                "run": view.run,
                "usage": result(view)["usage"],
                "budget": to_json(view.options.budget),
                "phase_budget": to_json(view.options.phase_budget),
                "task_budget": to_json(view.options.task_budget),
                "forecast": to_json(view.forecast),
                **books,
            }
        )
        return 0
    put(spending(view) + (f", {view.replayed_calls} of them recorded" if view.replayed_calls else ""))
    if view.forecast is not None:
        put(one_line(forecast_text(to_json(view.forecast)) + against_forecast(view)))
    rows = [row for name, book in groups.items() for row in _cost_rows(name, book)]
    for line in table(rows, head=("BY", "NAME", "CALLS", "IN", "OUT", "COST", "SECONDS") if rows else ()):
        put(line)
    return 0


def _cost_rows(group: str, book: tuple[Spending, ...]) -> list[tuple[str, ...]]:
    return [
        (
            group,
            item.name,
            str(item.usage.calls),
            f"{item.usage.input_tokens:,}",
            f"{item.usage.output_tokens:,}",
            _price(item.usage.cost_usd, item.usage.calls),
            f"{item.wall_s:.1f}",
        )
        for item in book
    ]


def _price(cost_usd: float | None, calls: int) -> str:
    if cost_usd is None:
        return "unknown" if calls else "-"
    return f"${cost_usd:.4f}"


def plan(
    run: RunArgument = None,
    last: LastOption = False,
    edit: Annotated[bool, typer.Option("--edit", help="Change the plan in $EDITOR; checked before it counts.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Print the task graph: who waits for what, the critical path, and why each revision was made."""
    open_session = Session()
    view = open_session.view(run, last)
    if edit:
        if as_json:
            raise UsageError("--edit with --json is a contradiction", next="leave one of them out")
        return edit_plan(open_session, view)
    if as_json:
        tasks = result(view)["plan"]["tasks"]
        put_json(
            {
                "schema_version": 1,
                "run": view.run,
                "tasks": tasks,
                "revisions": to_json(view.plans),
                "costs": to_json(view.revised),
                "outlook": to_json(outlook(view)),
            }
        )
        return 0
    for line in plan_lines(view):
        put(line)
    return 0
