"""The plan as a person reads it: who waits for what, the critical path, what each revision undid, what is ahead."""

from __future__ import annotations

from sixfold.domain.model import Usage
from sixfold.domain.plan import Plan
from sixfold.domain.view import RunView, TaskView
from sixfold.interfaces.cli.terminal import paint
from sixfold.interfaces.escape import one_line
from sixfold.layers.planning.outlook import Outlook, outlook


def plan_lines(view: RunView) -> list[str]:
    """The task graph in plan order, every revision with its reason and cost, and the outlook."""
    plan = view.plan
    if plan is None:
        return ["there is no plan: the request is small enough for one direct task" if view.tasks else "no plan yet"]
    ahead = outlook(view)
    lines = [paint(f"revision {plan.revision} by {one_line(plan.author)}", "bold")]
    for task in plan.tasks:
        lines += _task_lines(view, plan, task.id, ahead)
    for contract in plan.contracts:
        lines.append(f"{contract.id} ({contract.kind}): {one_line(contract.text, 100)}")
    if len(view.plans) > 1 or plan.reason:
        lines.append(paint("revisions", "bold"))
        for revision in view.plans:
            lines += _revision_lines(view, revision)
    return [*lines, *_outlook_lines(view, ahead)]


def note_lines(view: RunView) -> list[str]:
    """What finished tasks let others know, and who was handed it."""
    lines = []
    for item in view.tasks:
        readers = [
            other.task.id
            for other in view.tasks
            if any(reading.kind == "note" and reading.id == item.task.id for reading in other.readings)
        ]
        told = f" → {', '.join(readers)}" if readers else ""
        lines += [f"{item.task.id}: {one_line(note.text, 90)}{told}" for note in item.notes]
    return lines


def _task_lines(view: RunView, plan: Plan, id: str, ahead: Outlook) -> list[str]:
    task, state = plan.task(id), view.task(id)
    after = plan.dependencies(id)
    head = f"{task.id}  {one_line(task.title)}  [{_status(state)}, {one_line(task.role)}]"
    waits = ahead.waits.get(id, ())
    if state is not None and state.stubs and (waits or state.status == "running"):
        head += f"  {_early(state, waits)}"
    elif waits:
        head += f"  waits for {', '.join(waits)}"
    elif after:
        head += f"  after {', '.join(after)}"
    if id in ahead.critical:
        head += "  * critical path"
    lines = [head]
    for label, values in (("files", task.files), ("provides", task.provides), ("consumes", task.consumes)):
        if values:
            lines.append(f"    {label:<9} {one_line(' '.join(values))}")
    if task.requirements:
        lines.append(f"    {'covers':<9} {one_line(' '.join(task.requirements))}")
    if state is None:
        return lines
    if state.readings:
        handed = ", ".join(f"{reading.kind} {reading.id} ({reading.digest[:8]})" for reading in state.readings)
        lines.append(f"    {'was handed':<9} {one_line(handed)}")
    lines += [f"    {'lets know':<9} {one_line(note.text, 100)}" for note in state.notes]
    if state.reused:
        lines.append(f"    {'reused':<9} {one_line(state.reused)}")
    return lines + [f"    {one_line(line)}" for line in state.repairs]


def _early(state: TaskView, waits: tuple[str, ...]) -> str:
    """How a task stands that began before what it uses was there."""
    on = f"on stubs of {', '.join(state.stubs)}"
    if state.seconds is None:
        return f"{on}; to be tested on the real thing of {', '.join(waits)}" if waits else on
    return (
        f"written {on}; waits for {', '.join(waits)} to be tested"
        if waits
        else f"written {on}; tested on the real thing"
    )


def _status(state: TaskView | None) -> str:
    if state is None:
        return "pending"
    return "reused" if state.reused and state.status == "done" else state.status


def _revision_lines(view: RunView, plan: Plan) -> list[str]:
    change = f" ({one_line(plan.change)})" if plan.change else ""
    cause = f" after {one_line(plan.cause)} came back" if plan.cause else ""
    lines = [
        f"  {plan.revision}  {one_line(plan.author)}{change}{cause}: {one_line(plan.reason, 160) or 'first plan'}",
    ]
    cost = next((item for item in view.revised if item.revision == plan.revision), None)
    if plan.invalidates and cost is not None:
        reused = [item.task.id for item in view.tasks if item.reused and item.task.id in plan.invalidates]
        kept = f"; reused since: {', '.join(reused)}" if reused and plan.revision == view.plans[-1].revision else ""
        lines.append(
            f"     undoes {', '.join(map(one_line, plan.invalidates))}: {_spent(cost.undone)} had gone into them{kept}"
        )
    return lines


def _spent(usage: Usage) -> str:
    return f"{usage.calls} call{'' if usage.calls == 1 else 's'}, {usage.input_tokens + usage.output_tokens:,} tokens"


def _outlook_lines(view: RunView, ahead: Outlook) -> list[str]:
    if view.outcome is not None or not ahead.waits:
        return []
    lines = [paint("ahead", "bold"), f"  critical path: {' → '.join(ahead.critical)}"]
    if ahead.least_s is None or ahead.most_s is None:
        lines.append("  no forecast before one task of this run is finished")
    else:
        tasks = f"{ahead.measured} finished task{'' if ahead.measured == 1 else 's'}"
        lines.append(
            f"  tasks finished in {_time(ahead.least_s)} to {_time(ahead.most_s)} of work"
            f" (from {tasks} of this run; reviews, validation and changes of the plan not counted)"
        )
    return lines


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def ahead_line(view: RunView) -> str:
    """What lies ahead of a plan of several tasks, in one line; empty when there is none or nothing is left."""
    if view.plan is None or len(view.plan.tasks) < 2 or view.outcome is not None:
        return ""
    ahead = outlook(view)
    if not ahead.waits:
        return ""
    done = len(view.plan.tasks) - len(ahead.waits)
    parts = [f"{done} of {len(view.plan.tasks)} tasks done"]
    if len(ahead.critical) > 1:
        parts.append(f"critical path {' → '.join(ahead.critical)}")
    if ahead.least_s is not None and ahead.most_s is not None:
        parts.append(f"{_time(ahead.least_s)} to {_time(ahead.most_s)} of work left")
    return "; ".join(parts)


def undone_line(view: RunView) -> str:
    """What the last revision undid and what had gone into that; empty when it undid nothing."""
    if not view.revised or not view.plans[-1].invalidates or view.revised[-1].revision != view.plans[-1].revision:
        return ""
    return f"undoes {', '.join(view.plans[-1].invalidates)}: {_spent(view.revised[-1].undone)} had gone into them"
