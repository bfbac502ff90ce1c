"""Which tasks may run now: their providers are done, and nobody else writes their files."""

from __future__ import annotations

from collections.abc import Collection

from sixfold.domain.plan import Plan, Task
from sixfold.layers.planning.paths import overlap


def ready(
    plan: Plan, done: Collection[str], running: Collection[str] = (), failed: Collection[str] = ()
) -> tuple[Task, ...]:
    """Tasks that may start together with those under way, in plan order. Overlapping write sets never run together.

    Args:
        plan: a plan without faults.
        done: ids of tasks that ended well.
        running: ids of tasks under way.
        failed: ids of tasks that were given up; they are not started again, and what waits for them keeps waiting.
    """
    busy = [plan.task(id) for id in running]
    chosen: list[Task] = []
    for task in plan.tasks:
        settled = task.id in done or task.id in running or task.id in failed
        if settled or not set(plan.dependencies(task.id)) <= set(done):
            continue
        if not any(overlap(task.files, other.files) for other in (*busy, *chosen)):
            chosen.append(task)
    return tuple(chosen)


def downstream(plan: Plan, id: str) -> tuple[str, ...]:
    """Ids of every task that waits for `id`, directly or not, in plan order: what a change of it invalidates."""
    affected = {id}
    while True:
        more = {task.id for task in plan.tasks if affected & set(plan.dependencies(task.id))} - affected
        if not more:
            return tuple(task.id for task in plan.tasks if task.id in affected and task.id != id)
        affected |= more
