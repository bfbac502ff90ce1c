"""The root of development: start what is ready, take results in one after another, rework on orders."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sixfold.domain.data import Tree
from sixfold.domain.flow import Examination, Product, Revision, TaskResult
from sixfold.domain.plan import Note, Plan, Stub, Task
from sixfold.domain.ports import Ports
from sixfold.layers.refinement import repair
from sixfold.phases.development.checking import check_tree, log_evidence
from sixfold.phases.development.coding import TASK
from sixfold.phases.development.early import ripe, take_early
from sixfold.phases.development.reviewing import propose, review, take_edit
from sixfold.phases.development.revising import (
    adopt,
    draft_of,
    note_finished,
    reused,
    revise_after,
    take_edits,
    tried_before,
)
from sixfold.phases.development.site import ORDERED, Child, Held, Site
from sixfold.phases.development.stand_ins import order_of
from sixfold.workflow.run import Run

_MOST_RETESTS = 2


async def develop(run: Run, ports: Ports, site: Site) -> Product:
    """Do all tasks of the plan; the product holds what was finished and names what was not."""
    while True:
        await take_edits(run, ports, site)
        while (held := ripe(site)) is not None:
            await _settle(run, ports, site, held.child, held.result)
        await _start(run, ports, site)
        if not site.under_way:
            break
        id, result = await run.first(list(site.under_way), TaskResult)
        child = site.under_way.pop(id)
        run.emit(
            "task.returned",
            f"returned:{id}",
            {"task": child.task.id, "child": child.label, "status": result.status, "reason": result.reason},
        )
        if child.stubs and result.objection is None:
            site.held.append(Held(child=child, result=result))
        else:
            await _settle(run, ports, site, child, result)
    for held in site.held:
        reason = f"written on stand-ins for {', '.join(held.child.stubs)}; a task it builds on failed"
        _fail(run, site, held.child.task, f"{held.child.label}:unserved", reason)
    site.held.clear()
    for task in site.scheduler.waiting():
        reason = "not begun: a task it builds on failed"
        result = TaskResult(task=task.id, status="failed", base=site.tree, tree=site.tree, attempts=0, reason=reason)
        site.failed.append(result)
        run.emit("task.ended", f"ended:{task.id}:unbegun", {"task": task.id, "status": "failed", "reason": reason})
    run.emit("phase.ended", "phase-ended:development", {"phase": "development"})
    return site.product()


async def _start(run: Run, ports: Ports, site: Site) -> None:
    """Start what may start, as long as there are hands; what need not be done again is reused."""
    while len(site.under_way) < site.options.parallel:
        task, served = site.scheduler.take(), tuple[Stub, ...]()
        if task is None:
            begun = await take_early(run, ports, site)
            if begun is None:
                break
            task, served = begun
        elif await reused(run, ports, site, task):
            site.scheduler.finish(task.id)
            continue
        orders = (*site.orders.pop(task.id, ()), *([order_of(served)] if served else ()))
        if tried_before(site, task, orders):
            reason = "the same work on the same files was tried before; it is not repeated"
            _fail(run, site, task, f"{task.id}:repeated:{site.turn}", reason)
            continue
        label = site.label(task)
        candidate = await draft_of(run, ports, site, task, label)
        contracts = tuple(id for stub in served for id in stub.contracts if id in task.consumes)
        child = Child(label=label, task=task, definition=site.definition(task), stubs=contracts)
        if served:
            data = {"task": task.id, "child": label, "contracts": contracts, "paths": [stub.path for stub in served]}
            run.emit("stubs.served", f"stubs:{label}", data)
        readings = site.readings(task)
        if readings:
            run.emit("context.read", f"read:{label}", {"task": task.id, "child": label, "readings": readings})
        id = await run.start(f"task:{label}", TASK, site.job(task, notes=orders, candidate=candidate, stubs=served))
        site.under_way[id] = child


async def _settle(run: Run, ports: Ports, site: Site, child: Child, result: TaskResult) -> None:
    """What becomes of a task that came back: part of the product, done again, a changed plan, or a failure."""
    task = child.task
    if site.overtaken(child):
        text = f"{task.id}: the plan changed under it, so what it brought is not used"
        run.emit("note", f"overtaken:{child.label}", {"text": text})
        site.scheduler.release(task.id)
        return
    _note_disputes(site, task, result)
    stands = result.base == result.tree == site.tree and (task.id in site.finished or bool(result.declined))
    if result.status == "done" and stands:
        how = "asked again, it fits as it stands; its tests pass"
        if result.declined:
            how = f"nothing was changed: {result.declined}"
        data = {"task": task.id, "revision": site.plan.revision, "how": how}
        run.emit("task.reused", f"reused:{child.label}", data)
    elif result.status == "done":
        result = await _integrate(run, ports, site, child, result)
    if result.status == "done":
        site.scheduler.finish(task.id)
        await note_finished(run, ports, site, child)
        _publish(run, site, child, result)
    elif not await revise_after(run, ports, site, child, result):
        _fail(run, site, task, child.label, result.reason, result)


def _note_disputes(site: Site, task: Task, result: TaskResult) -> None:
    """Which faults the coder of a task calls wrong: those it was given, and the findings it left standing."""
    given = site.faults.pop(task.id, ())
    if result.status == "done" and result.declined:
        faults = (*(given if result.tree == result.base else ()), *(one.fault for one in result.findings if one.blocks))
        site.disputed |= dict.fromkeys(faults, (task.id, result.declined))


def _fail(run: Run, site: Site, task: Task, label: str, reason: str, result: TaskResult | None = None) -> None:
    site.failed.append(
        result or TaskResult(task=task.id, status="failed", base=site.tree, tree=site.tree, attempts=0, reason=reason)
    )
    site.scheduler.fail(task.id)
    run.emit("task.ended", f"ended:{label}", {"task": task.id, "status": "failed", "reason": reason})


def _publish(run: Run, site: Site, child: Child, result: TaskResult) -> None:
    """Put what a finished task has to say on the board, for those who use its contracts."""
    task = child.task
    notes = tuple(
        Note(task=task.id, tree=result.tree, requirements=task.requirements, text=text) for text in result.published
    )
    site.notes[task.id] = notes
    if notes:
        run.emit("note.published", f"published:{child.label}", {"task": task.id, "notes": notes})


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
    faults: Sequence[str] = (),
) -> Product:
    """Add one task over the product with orders from validation, a reviewer or a later decision, and do it.

    Args:
        faults: of validation, that the orders hold; the coder may dispute them.
        requirements: ids the task serves; empty = all.
    """
    number = 1 + sum(1 for task in site.plan.tasks if task.id.startswith(ORDERED))
    task = Task(
        id=f"{ORDERED}{number}",
        title=reason[:72],
        goal="Put right exactly what the orders say, and nothing else.",
        requirements=tuple(requirements or (item.id for item in site.intent.specification.requirements)),
    )
    site.orders[task.id] = tuple(orders)
    site.faults[task.id] = tuple(faults)
    plan = Plan(
        tasks=(*site.plan.tasks, task),
        contracts=site.plan.contracts,
        revision=site.plan.revision + 1,
        reason=reason,
        author=author,
        change="order",
    )
    adopt(run, site, plan)
    return await develop(run, ports, site)


async def _integrate(run: Run, ports: Ports, site: Site, child: Child, result: TaskResult) -> TaskResult:
    """Make a finished task part of the product: merge, test, review; go back to the coder when that fails."""
    task, label = child.task, child.label
    published = result.published
    tree, round, retests, rejections = result.tree, 1, 0, 0
    while result.status == "done":
        if round == 1:
            merged = await _merge(run, ports, site, label, result)
            if merged is None:
                return msgspec.structs.replace(result, status="failed", reason="conflicts with another task's files")
            tree = merged
        notes: tuple[str, ...] = ()
        unproven = bool(child.stubs) and not retests
        if (tree != result.tree or unproven) and retests < _MOST_RETESTS:
            retests += 1
            job = site.job(task, base=tree)
            evidence = await check_tree(run, ports, job, tree, name=f"development.retest:{label}:{round}")
            # What a person reads of an increment is the evidence for exactly its tree: the merged one.
            how = "real" if unproven else f"merged:{round}"
            log_evidence(run, task, result.attempts, tree, evidence, label=f":{label}:{how}")
            result = msgspec.structs.replace(result, report=evidence.report, findings=evidence.findings)
            if evidence.failures:
                notes = (repair.repair_note(evidence.report, evidence.findings),)
        if not notes:
            increment = await propose(run, ports, site, task, result, tree, round)
            decision = await review(run, site, increment, editors=result.editors)
            if decision.verdict == "edit":
                result = await take_edit(run, ports, site, task, result, increment, decision)
                tree, round = result.tree, round + 1
                continue
            if decision.verdict == "approve":
                site.accept(increment, decision)
                run.emit(
                    "task.ended",
                    f"ended:{label}",
                    {"task": task.id, "status": "done", "reason": "", "tree": increment.tree},
                )
                return msgspec.structs.replace(result, tree=increment.tree, published=result.published or published)
            rejections += 1
            notes = (rejection_note(decision.comment, rejections, result.declined),)
        round += 1
        id = await run.start(f"task:{label}.{round}", TASK, site.job(task, base=tree, notes=notes))
        _, result = await run.first([id], TaskResult)
        tree = result.tree
    return result


def rejection_note(comment: str, times: int, answer: str) -> str:
    """What the coder reads of a rejection; never the same twice, or a repeated one would get its recorded answer.

    Args:
        answer: why the coder changed nothing the last time; empty when it did.
    """
    note = f"A reviewer rejected this increment:\n{comment}\nDo what they ask."
    if times == 1:
        return note
    told = f"you changed nothing and said: {answer}" if answer else "your change did not satisfy them"
    return f"{note}\nThis is rejection {times}; after the one before, {told}"


async def _merge(run: Run, ports: Ports, site: Site, label: str, result: TaskResult) -> Tree | None:
    """The task's change on top of what came in meanwhile; None on conflict."""
    if result.base == site.tree:
        return result.tree

    def merge() -> str:
        return ports.repository.merge(result.base, site.tree, result.tree).tree or ""

    merged = await run.blocking(f"development.merge:{label}", merge, str)
    return Tree(merged) if merged else None
