"""What lies ahead of a plan under way: who waits for whom, the critical path, and when it may be finished."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

import msgspec

from sixfold.domain.data import Data
from sixfold.domain.plan import Plan
from sixfold.domain.view import RunView
from sixfold.layers.planning.schedule import Scheduler, critical_path, edges

_LEFT = ("pending", "running")


class Outlook(Data, frozen=True, kw_only=True):
    """The state of a plan, as far as it concerns what comes next."""

    waits: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """Task → tasks that are not done yet and that it waits for."""
    critical: tuple[str, ...] = ()
    """The chain of unfinished tasks that decides the end."""
    least_s: float | None = None
    most_s: float | None = None
    """Seconds until the last task is done, if all take as long as this run's quickest, or its slowest; None before
    one task is finished."""
    measured: int = 0
    """Finished tasks that the range rests on."""


def outlook(view: RunView) -> Outlook:
    """Look ahead from what the log says. Waiting for people, validation and changes of the plan are not foreseen."""
    plan = view.plan
    if plan is None:
        return Outlook()
    states = {item.task.id: item.status for item in view.tasks}
    took = [item.seconds for item in view.tasks if item.seconds is not None and item.status == "done"]
    left = {task.id for task in plan.tasks if states.get(task.id, "pending") in _LEFT}
    waits = {id: tuple(other for other in others if other in left) for id, others in edges(plan).items() if id in left}
    weights = {task.id: float(task.id in left) for task in plan.tasks}
    critical = tuple(id for id in critical_path(plan, weights) if id in left)
    if not took or not left:
        return Outlook(waits=waits, critical=critical, measured=len(took))
    least, most = (_until_done(plan, states, seconds, view.options.parallel) for seconds in (min(took), max(took)))
    return Outlook(waits=waits, critical=critical, least_s=least, most_s=most, measured=len(took))


def _until_done(plan: Plan, states: Mapping[str, str], seconds: float, hands: int) -> float:
    """Time to do what is left, every task taking `seconds`; a task under way counts as half done."""
    done = [task.id for task in plan.tasks if states.get(task.id) not in (None, *_LEFT)]
    scheduler = Scheduler(plan, done)
    ends: list[tuple[float, str]] = []
    now = 0.0
    while True:
        while len(ends) < hands and (task := scheduler.take()) is not None:
            share = 0.5 if states.get(task.id) == "running" and not now else 1.0
            heapq.heappush(ends, (now + share * seconds, task.id))
        if not ends:
            return now
        now, id = heapq.heappop(ends)
        scheduler.finish(id)
