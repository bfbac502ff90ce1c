"""The half of the fold that follows the work itself: plan, tasks, model calls, evidence, increments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from sixfold.domain.code import Increment, Refusal
from sixfold.domain.data import Json, Tree, from_json
from sixfold.domain.events import Event
from sixfold.domain.evidence import Finding, TestReport
from sixfold.domain.model import Usage
from sixfold.domain.plan import Note, Plan, Reading, Task
from sixfold.domain.view import Evidence, IncrementView, Revised, RunView, Spending, TaskView


def _task(view: RunView, id: str, change: Callable[[TaskView], TaskView]) -> RunView:
    tasks = view.tasks
    if id and view.task(id) is None:
        # A direct task needs no plan; it becomes known by being started.
        tasks = (*tasks, TaskView(task=Task(id=id, title="", goal="")))
    return msgspec.structs.replace(view, tasks=tuple(change(item) if item.task.id == id else item for item in tasks))


def _planned(view: RunView, data: Json, event: Event) -> RunView:
    plan = from_json(data["plan"], Plan)
    wanted = {task.id: task for task in plan.tasks}
    kept = []
    for item in view.tasks:
        if item.task.id in wanted:
            task = wanted.pop(item.task.id)
            status = "pending" if item.task.id in (*plan.invalidates, plan.cause) else item.status
            kept.append(msgspec.structs.replace(item, task=task, status=status))
        elif item.status in ("pending", "running"):
            kept.append(msgspec.structs.replace(item, status="dropped"))
        else:
            kept.append(item)
    undone = Usage()
    for item in view.tasks:
        if item.task.id in plan.invalidates:
            undone = undone + item.usage
    revised = Revised(revision=plan.revision, undone=undone, spent_before=view.usage)
    return msgspec.structs.replace(
        view,
        plans=(*view.plans, plan),
        tasks=(*kept, *(TaskView(task=task) for task in wanted.values())),
        revised=(*view.revised, revised) if view.plans else view.revised,
    )


def _task_started(view: RunView, data: Json, event: Event) -> RunView:
    def start(item: TaskView) -> TaskView:
        task = item.task
        if not task.title:
            task = msgspec.structs.replace(task, title=str(data.get("title", "")), role=str(data.get("role", "coder")))
        attempts = max(item.attempts, int(data.get("attempt", 1)))
        begun = item.started_at if item.status == "running" else event.at
        return msgspec.structs.replace(
            item, task=task, status="running", attempts=attempts, started_at=begun, seconds=None, reused=""
        )

    return _task(view, str(data["task"]), start)


def _returned(view: RunView, data: Json, event: Event) -> RunView:
    return _task(
        view,
        str(data["task"]),
        lambda item: msgspec.structs.replace(item, seconds=seconds(item.started_at, event.at)),
    )


def _reused(view: RunView, data: Json, event: Event) -> RunView:
    how = str(data.get("how", ""))
    return _task(view, str(data["task"]), lambda item: msgspec.structs.replace(item, status="done", reused=how))


def _published(view: RunView, data: Json, event: Event) -> RunView:
    notes = from_json(data.get("notes", []), tuple[Note, ...])
    return _task(view, str(data["task"]), lambda item: msgspec.structs.replace(item, notes=notes))


def _readings(view: RunView, data: Json, event: Event) -> RunView:
    readings = from_json(data.get("readings", []), tuple[Reading, ...])
    return _task(view, str(data["task"]), lambda item: msgspec.structs.replace(item, readings=readings))


def _stubbed(view: RunView, data: Json, event: Event) -> RunView:
    contracts = tuple(str(id) for id in data.get("contracts", ()))
    return _task(view, str(data["task"]), lambda item: msgspec.structs.replace(item, stubs=contracts))


def seconds(start: str, end: str) -> float:
    """Seconds between two times of the log; 0 where a clock tells no dates (a fake one)."""
    try:
        return max(0.0, (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())
    except ValueError:
        return 0.0


def _task_ended(view: RunView, data: Json, event: Event) -> RunView:
    def end(item: TaskView) -> TaskView:
        status = "done" if data.get("status") == "done" else "failed"
        tree = Tree(data["tree"]) if data.get("tree") else item.tree
        return msgspec.structs.replace(item, status=status, reason=str(data.get("reason", "")), tree=tree)

    return _task(view, str(data["task"]), end)


def _patched(view: RunView, data: Json, event: Event) -> RunView:
    def patch(item: TaskView) -> TaskView:
        files = tuple(dict.fromkeys((*item.files, *(str(path) for path in data.get("files", ())))))
        return msgspec.structs.replace(item, files=files, tree=Tree(data["tree"]))

    return _task(view, str(data["task"]), patch)


def _refused(view: RunView, data: Json, event: Event) -> RunView:
    refusals = from_json(data.get("refusals", []), tuple[Refusal, ...])
    return _task(
        view,
        str(data["task"]),
        lambda item: msgspec.structs.replace(item, refusals=(*item.refusals, *refusals)),
    )


def _declined(view: RunView, data: Json, event: Event) -> RunView:
    line = f"attempt {data.get('attempt', '?')}: nothing was changed ({data.get('text', '')})"
    return _task(view, str(data["task"]), lambda item: msgspec.structs.replace(item, repairs=(*item.repairs, line)))


def _repair(view: RunView, data: Json, event: Event) -> RunView:
    line = f"attempt {data.get('attempt', '?')}: {data.get('strategy', '')} ({data.get('reason', '')})"
    return _task(view, str(data["task"]), lambda item: msgspec.structs.replace(item, repairs=(*item.repairs, line)))


def _compared(view: RunView, data: Json, event: Event) -> RunView:
    count = len(data.get("candidates", ()))
    line = f"attempt {data.get('attempt', '?')}: {data.get('chosen', '')} of {count} chosen ({data.get('reason', '')})"
    return _task(view, str(data["task"]), lambda item: msgspec.structs.replace(item, repairs=(*item.repairs, line)))


def _called(view: RunView, data: Json, event: Event) -> RunView:
    usage = from_json(data["usage"], Usage)
    wall_s = float(data.get("wall_s", 0.0))
    task, model = str(data.get("task") or ""), str(data.get("model", ""))
    phase = str(data.get("purpose", "")).split(".")[0]
    if task and phase != "validation":  # whose calls are made for the product, not for a task of the plan
        view = _task(view, task, lambda item: msgspec.structs.replace(item, model=model, usage=item.usage + usage))
    return msgspec.structs.replace(
        view,
        usage=view.usage + usage,
        replayed_calls=view.replayed_calls + (usage.calls if data.get("replayed") else 0),
        by_task=_spend(view.by_task, task or phase, usage, wall_s),
        by_phase=_spend(view.by_phase, phase, usage, wall_s),
        by_role=_spend(view.by_role, str(data.get("role", "")), usage, wall_s),
        by_model=_spend(view.by_model, model, usage, wall_s),
    )


def _spend(book: tuple[Spending, ...], name: str, usage: Usage, wall_s: float) -> tuple[Spending, ...]:
    if all(item.name != name for item in book):
        return (*book, Spending(name=name, usage=usage, wall_s=wall_s))
    return tuple(
        Spending(name=name, usage=item.usage + usage, wall_s=item.wall_s + wall_s) if item.name == name else item
        for item in book
    )


def _tested(view: RunView, data: Json, event: Event) -> RunView:
    report = from_json(data["report"], TestReport)
    entry = Evidence(
        scope=str(data["scope"]), attempt=int(data.get("attempt", 1)), tree=Tree(data["tree"]), report=report
    )
    return _prove(view, entry)


def _scanned(view: RunView, data: Json, event: Event) -> RunView:
    findings = from_json(data.get("findings", []), tuple[Finding, ...])
    entry = Evidence(
        scope=str(data["scope"]), attempt=int(data.get("attempt", 1)), tree=Tree(data["tree"]), findings=findings
    )
    return _prove(view, entry)


def _prove(view: RunView, entry: Evidence) -> RunView:
    view = msgspec.structs.replace(view, evidence=(*view.evidence, entry))
    # Evidence may also arrive after the proposal, e.g. when a merge is tested again.
    increments = tuple(
        _evidenced(view, item) if item.increment.tree == entry.tree else item for item in view.increments
    )
    return msgspec.structs.replace(view, increments=increments)


def _evidenced(view: RunView, item: IncrementView) -> IncrementView:
    """The increment with the evidence recorded for exactly its tree, and no other."""
    same = [entry for entry in view.evidence if entry.tree == item.increment.tree]
    reports = {entry.report.suite: entry.report for entry in same if entry.report is not None}
    findings = [finding for entry in same for finding in entry.findings or ()]
    return msgspec.structs.replace(
        item,
        reports=tuple(reports.values()),
        findings=tuple(dict.fromkeys(findings)),
        scanned=any(entry.findings is not None for entry in same),
    )


def _proposed(view: RunView, data: Json, event: Event) -> RunView:
    increment = from_json(data["increment"], Increment)
    earlier = tuple(
        msgspec.structs.replace(item, replaced=True) if _gives_way(item, increment) else item
        for item in view.increments
        if item.increment.id != increment.id
    )
    subjects = {f"increment:{item.increment.id}" for item in earlier if item.replaced}
    approvals = tuple(
        msgspec.structs.replace(item, stale=True) if item.subject in subjects else item for item in view.approvals
    )
    waiting = tuple(item for item in view.waiting if item not in subjects)
    item = _evidenced(view, IncrementView(increment=increment))
    return msgspec.structs.replace(view, increments=(*earlier, item), approvals=approvals, waiting=waiting)


def _gives_way(item: IncrementView, increment: Increment) -> bool:
    """Rework puts an increment in the place of a rejected one; a task done again after a revision adds to its first."""
    approved = item.decision is not None and item.decision.verdict == "approve"
    return item.increment.task == increment.task and not approved


def _committed(view: RunView, data: Json, event: Event) -> RunView:
    increments = tuple(
        msgspec.structs.replace(item, commit=str(data["commit"]))
        if item.increment.id == str(data["increment"]).partition("/")[0]
        else item
        for item in view.increments
    )
    return msgspec.structs.replace(view, increments=increments, commit=str(data["commit"]), tree=Tree(data["tree"]))


WORK: dict[str, Callable[[RunView, Json, Event], RunView]] = {
    "plan.made": _planned,
    "task.started": _task_started,
    "task.returned": _returned,
    "task.reused": _reused,
    "note.published": _published,
    "context.read": _readings,
    "stubs.served": _stubbed,
    "task.ended": _task_ended,
    "model.called": _called,
    "patch.applied": _patched,
    "patch.refused": _refused,
    "patch.declined": _declined,
    "tests.ran": _tested,
    "scan.done": _scanned,
    "repair.decided": _repair,
    "candidates.compared": _compared,
    "increment.proposed": _proposed,
    "commit.made": _committed,
}
"""Handlers by kind of event."""
