"""The root of development: start what is ready, take results in one after another, rework on orders."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sixfold.domain.code import Increment
from sixfold.domain.data import Tree
from sixfold.domain.flow import Examination, Product, Revision, TaskResult
from sixfold.domain.plan import Plan, Task
from sixfold.domain.ports import Ports
from sixfold.domain.run import Approval, Decision
from sixfold.layers.planning import schedule
from sixfold.layers.refinement import repair
from sixfold.phases.development.checking import check_tree
from sixfold.phases.development.coding import TASK
from sixfold.phases.development.reviewing import propose, review
from sixfold.phases.development.site import Site
from sixfold.workflow.run import Run

_MOST_RETESTS = 2


async def develop(run: Run, ports: Ports, site: Site) -> Product:
    """Do all tasks of the plan; the product holds what was finished and names what was not."""
    running: dict[str, Task] = {}
    while True:
        under_way = [task.id for task in running.values()]
        gone = {result.task for result in site.failed}
        for task in schedule.ready(site.plan, site.done, running=under_way):
            if task.id in gone or len(running) >= site.options.parallel:
                continue
            running[await run.start(f"task:{task.id}", TASK, site.job(task))] = task
        if not running:
            break
        id, result = await run.first(list(running), TaskResult)
        await _integrate(run, ports, site, running.pop(id), result)
    for task in site.plan.tasks:
        if task.id not in site.done and all(task.id != result.task for result in site.failed):
            reason = "not begun: a task it builds on failed"
            site.failed.append(
                TaskResult(task=task.id, status="failed", base=site.tree, tree=site.tree, attempts=0, reason=reason)
            )
            run.emit("task.ended", f"ended:{task.id}", {"task": task.id, "status": "failed", "reason": reason})
    run.emit("phase.ended", "phase-ended:development", {"phase": "development"})
    return site.product()


def orders_of(seen: Examination) -> tuple[str, ...]:
    """What validation found, as an order."""
    return (repair.fault_note(seen.faults),)


def orders_of_revision(plan: Plan, revision: Revision) -> tuple[str, ...]:
    """What a later decision changes, as an order; the files that rest on it are named, the rest is to stand."""
    changed = {item.id for item in revision.specification.requirements} & set(revision.requirements)
    files = {path for task in plan.tasks if changed & set(task.requirements) for path in task.files}
    return (repair.revision_note(revision.changes, sorted(changed), sorted(files)),)


async def rework(
    run: Run,
    ports: Ports,
    site: Site,
    orders: Sequence[str],
    *,
    reason: str,
    author: str,
    requirements: Sequence[str] = (),
) -> Product:
    """Add one task over the product with orders from validation, a reviewer or a later decision, and do it.

    Args:
        requirements: ids the task serves; empty = all.
    """
    number = 1 + sum(1 for task in site.plan.tasks if task.id.startswith("F"))
    task = Task(
        id=f"F{number}",
        title=reason[:72],
        goal="Put right exactly what the orders say, and nothing else.",
        requirements=tuple(requirements or (item.id for item in site.intent.specification.requirements)),
    )
    site.plan = Plan(
        tasks=(*site.plan.tasks, task),
        contracts=site.plan.contracts,
        revision=site.plan.revision + 1,
        reason=reason,
        author=author,
    )
    run.emit("plan.made", f"plan:{site.plan.revision}", {"plan": site.plan})
    id = await run.start(f"task:{task.id}", TASK, site.job(task, notes=tuple(orders)))
    _, result = await run.first([id], TaskResult)
    await _integrate(run, ports, site, task, result)
    return site.product()


async def _integrate(run: Run, ports: Ports, site: Site, task: Task, result: TaskResult) -> None:
    """Make a finished task part of the product: merge, test, review; go back to the coder when that fails."""
    tree, round, retests = result.tree, 1, 0
    while result.status == "done":
        if round == 1:
            merged = await _merge(run, ports, site, task, result)
            if merged is None:
                result = msgspec.structs.replace(result, status="failed", reason="conflicts with another task's files")
                break
            tree = merged
        notes: tuple[str, ...] = ()
        if tree != result.tree and retests < _MOST_RETESTS:
            retests += 1
            job = site.job(task, base=tree)
            evidence = await check_tree(run, ports, job, task, tree, name=f"development.retest:{task.id}:{round}")
            result = msgspec.structs.replace(result, report=evidence.report, findings=evidence.findings)
            if evidence.failures:
                notes = (repair.repair_note(evidence.report, evidence.findings),)
        if not notes:
            increment = await propose(run, ports, site, task, result, tree, round)
            decision = await review(run, site, increment)
            if decision.verdict == "approve":
                _accept(site, task, increment, decision)
                run.emit(
                    "task.ended",
                    f"ended:{task.id}",
                    {"task": task.id, "status": "done", "reason": "", "tree": increment.tree},
                )
                return
            notes = (f"A reviewer rejected this increment:\n{decision.comment}\nDo what they ask.",)
        round += 1
        id = await run.start(f"task:{task.id}.{round}", TASK, site.job(task, base=tree, notes=notes))
        _, result = await run.first([id], TaskResult)
        tree = result.tree
    site.failed.append(result)
    run.emit("task.ended", f"ended:{task.id}", {"task": task.id, "status": "failed", "reason": result.reason})


async def _merge(run: Run, ports: Ports, site: Site, task: Task, result: TaskResult) -> Tree | None:
    """The task's change on top of what came in meanwhile; None on conflict."""
    if result.base == site.tree:
        return result.tree

    def merge() -> str:
        return ports.repository.merge(result.base, site.tree, result.tree).tree or ""

    merged = await run.blocking(f"development.merge:{task.id}", merge, str)
    return Tree(merged) if merged else None


def _accept(site: Site, task: Task, increment: Increment, decision: Decision) -> None:
    site.tree = increment.tree
    site.done.add(task.id)
    site.increments.append(increment)
    site.approvals.append(
        Approval(
            subject=decision.subject,
            verdict="approve",
            who=decision.who,
            tree=increment.tree,
            comment=decision.comment,
        )
    )
