"""Work that begins before what it builds on is done: on stand-ins for frozen contracts, tested on the real thing later.

Only a task on the critical path begins early, and only when a hand is free. What it hands in is held until everybody it
waits for is part of the product; then the root merges it and tests it there, and a failure goes back to it.
"""

from __future__ import annotations

from collections.abc import Collection

from sixfold.domain.data import Data
from sixfold.domain.plan import Stub, Task
from sixfold.domain.ports import Ports
from sixfold.layers.planning import stubs
from sixfold.phases.development.site import Held, Site
from sixfold.workflow.run import Run


class Served(Data, frozen=True, kw_only=True):
    """Stand-ins for everything that a task waits for; None when something cannot be served."""

    stubs: tuple[Stub, ...] | None = None


async def take_early(run: Run, ports: Ports, site: Site) -> tuple[Task, tuple[Stub, ...]] | None:
    """A task that may begin now on stand-ins, and these; None when nothing should."""
    if not site.options.stubs:
        return None
    for task in site.scheduler.early():
        named = site.definition(task)
        if task.id in site.finished or named in site.early:
            continue  # done before, or begun early before: the second time it waits
        site.early.add(named)
        missing = [other.id for other in site.plan.tasks if other.id not in site.scheduler.done]

        def serve(task: Task = task, missing: Collection[str] = missing) -> Served:
            paths = {file.path for file in ports.repository.files(site.tree)}
            return Served(stubs=stubs.stubs_for(site.plan, task, missing, paths))

        served = (await run.blocking(f"development.serve:{site.turn}:{task.id}", serve, Served)).stubs
        if served:
            site.scheduler.start_early(task.id)
            return task, served
    return None


def ripe(site: Site) -> Held | None:
    """The first result written on stand-ins that can be tested on the real parts now, or that the plan overtook."""
    for held in site.held:
        waits = [id for id in site.plan.dependencies(held.child.task.id) if id not in site.scheduler.done]
        if site.overtaken(held.child) or not waits:
            site.held.remove(held)
            return held
    return None
