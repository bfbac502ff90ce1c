"""The plan changes while it is carried out: by the orchestrator on evidence, by a person, by a rule (paper, 2.2).

Every change is a revision with who, why and what it invalidates. What a revision undoes and what then turns out to be
told and to build on the same is not done again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from sixfold.domain.code import Edit, Patch
from sixfold.domain.data import Data, Digest, Tree, canonical, digest, from_json
from sixfold.domain.errors import InvalidReply
from sixfold.domain.flow import TaskResult
from sixfold.domain.plan import Change, Plan, Task
from sixfold.domain.ports import Ports
from sixfold.domain.run import Decision
from sixfold.layers.planning import replan, revision
from sixfold.layers.planning.validation import fault_list, faults
from sixfold.layers.refinement import repair
from sixfold.phases.development.checking import check_tree, log_evidence
from sixfold.phases.development.reviewing import propose, review
from sixfold.phases.development.site import ORDERED, Child, Ledger, Site
from sixfold.workflow.run import Run

_MOST_REVISIONS = 6
"""By the orchestrator, in a run."""
_MOST_TROUBLES = 2
"""Revisions on account of one task and what became of it."""


async def revise_after(run: Run, ports: Ports, site: Site, child: Child, result: TaskResult) -> bool:
    """Change the plan so that work can go on after a task came back without a result; False when nothing helps.

    The ladder's second rung: a direct attempt that fails is planned now, and what is good in it is kept.
    """
    task = child.task
    limited = site.troubles[task.id] >= _MOST_TROUBLES or site.replans >= _MOST_REVISIONS
    if site.options.plan != "auto" or task.id.startswith(ORDERED) or limited:
        return False
    states = {one.id: "done" for one in site.plan.tasks if one.id in site.scheduler.done}
    states |= {held.child.task.id: "written, to be tested" for held in site.held}
    states |= {one.task.id: "under way" for one in site.under_way.values()} | {task.id: "came back"}
    evidence = "\n".join((result.reason, repair.evidence(result.report, result.findings)))

    async def decide() -> Change:
        paths = await asyncio.to_thread(_paths, ports, site.tree)
        try:
            return await replan.replan(
                ports.model,
                site.intent.specification,
                site.plan,
                task.id,
                evidence,
                states=states,
                objection=result.objection,
                existing_paths=paths,
            )
        except InvalidReply as error:
            return Change(kind="give_up", reason=f"no usable change was proposed: {error.why}")

    change = await run.step(f"development.replan:{child.label}", decide, Change)
    if change.kind == "give_up":
        run.emit("note", f"give-up:{child.label}", {"text": f"{task.id}: the plan is not changed: {change.reason}"})
        return False
    plan = revision.apply(site.plan, change, site.intent.specification, author="orchestrator", cause=task.id)
    fresh = [new.id for new in plan.tasks if all(new.id != old.id for old in site.plan.tasks)]
    site.replans += 1
    site.troubles[task.id] += 1
    for id in fresh:
        site.drafts[id] = result.tree
        site.troubles[id] = site.troubles[task.id]
    adopt(run, site, plan)
    if any(one.id == task.id for one in plan.tasks):
        advice = (
            f"Earlier work on this task came back. The architect's advice:\n{change.advice}" if change.advice else ""
        )
        lesson = repair.lesson([(result.report, result.findings)]) if result.report and not result.objection else ""
        site.orders[task.id] = tuple(order for order in (advice, lesson) if order)
    site.scheduler.release(task.id)
    return True


def adopt(run: Run, site: Site, plan: Plan, *, edit: str = "") -> None:
    """Put a revision in force: what it invalidates is undone, exactly that."""
    undone = [id for id in plan.invalidates if id in site.scheduler.done]
    why = (
        f"The plan changed (revision {plan.revision}): {plan.reason}\n"
        "Your files stand as they were left; make them fit what is said above."
    )
    before = {task.id: site.definition(task) for task in site.plan.tasks}
    site.plan = plan
    for task in plan.tasks:
        if task.id in undone and before.get(task.id) != site.definition(task):
            site.orders[task.id] = (why,)
    data: dict[str, object] = {"plan": plan}
    if edit:
        data |= {"edit": edit, "turn": site.turn}
    who = plan.author if plan.author.startswith("human:") else "sixfold"
    run.emit("plan.made", f"plan:{plan.revision}", data, who=who)
    site.scheduler.revise(plan, undone=undone)
    site.failed = [result for result in site.failed if result.task in site.scheduler.failed]


class _Edits(Data, frozen=True, kw_only=True):
    """Human edits as they were read at one turn."""

    subjects: tuple[str, ...] = ()
    plans: tuple[Plan | None, ...] = ()
    refused: tuple[str, ...] = ()


async def take_edits(run: Run, ports: Ports, site: Site) -> bool:
    """Take up what people changed in the plan since the last look; True when there was something."""
    site.turn += 1

    def read() -> _Edits:
        found = [event for event in run.events() if event.kind == "decision.given"]
        # A replay knows beforehand which edits there will be, and at which look each was taken up.
        found = [event for event in found if event.data.get("turn", site.turn) == site.turn]
        decisions = [from_json(event.data["decision"], Decision) for event in found]
        decisions = [item for item in decisions if item.subject.startswith("plan:") and item.subject not in site.edits]
        plan, plans, refused = site.plan, [], []
        paths = _paths(ports, site.tree) if decisions else ()
        for decision in decisions:
            change = from_json(msgspec.json.decode(decision.value), Change)
            edited = revision.apply(plan, change, site.intent.specification, author=decision.who)
            wrong = faults(edited, site.intent.specification, paths)
            plan = plan if wrong else edited
            plans.append(None if wrong else edited)
            refused.append(fault_list(wrong) if wrong else "")
        return _Edits(subjects=tuple(item.subject for item in decisions), plans=tuple(plans), refused=tuple(refused))

    edits = await run.blocking(f"development.read_edits:{site.turn}", read, _Edits)
    for subject, plan, why in zip(edits.subjects, edits.plans, edits.refused, strict=True):
        site.edits.add(subject)
        if plan is None:
            run.emit("plan.refused", f"refused:{subject}", {"edit": subject, "turn": site.turn, "reason": why})
        else:
            await _retract(run, ports, site, plan)
            adopt(run, site, plan, edit=subject)
    return any(plan is not None for plan in edits.plans)


async def _retract(run: Run, ports: Ports, site: Site, plan: Plan) -> None:
    """Take the files of finished tasks that a revision drops out of the product, unless another task owns them now."""
    kept = revision.owned_by(plan.tasks)
    wanted = {task.id for task in plan.tasks}
    gone = [task for task in site.plan.tasks if task.id not in wanted and task.id in site.scheduler.done]
    paths = sorted(revision.owned_by(gone) - kept)
    if not paths:
        return

    def restore() -> str:
        return ports.repository.write(
            site.tree, {path: ports.repository.read(site.snapshot.tree, path) for path in paths}
        )

    tree = Tree(await run.blocking(f"development.retract:{plan.revision}", restore, str))
    title = f"Take back {', '.join(task.title for task in gone)}"[:72]
    task = Task(id=f"D{plan.revision}", title=title, goal=plan.reason)
    result = TaskResult(task=task.id, status="done", base=site.tree, tree=tree, attempts=0)
    increment = await propose(run, ports, site, task, result, tree, 1)
    decision = await review(run, site, increment)
    if decision.verdict == "approve":
        site.accept(increment, decision)


async def reused(run: Run, ports: Ports, site: Site, task: Task) -> bool:
    """Whether a task that was undone need not be done again: told the same, on the same files or with green tests."""
    before = site.finished.get(task.id)
    definition = site.definition(task)
    if before is None or before.definition != definition or site.orders.get(task.id):
        return False
    label = f"{task.id}:{site.plan.revision}:{site.turn}"
    files = await run.blocking(f"development.compare:{label}", lambda: _read(ports, site, task), str)
    how = "told the same and built on the same files"
    if files != before.files:
        job = site.job(task)
        evidence = await check_tree(run, ports, job, site.tree, name=f"development.recheck:{label}")
        log_evidence(run, task, site.turn, site.tree, evidence)
        if evidence.failures:
            site.orders[task.id] = (repair.repair_note(evidence.report, evidence.findings),)
            return False
        how = "told the same; its tests pass on what changed"
    site.finished[task.id] = Ledger(definition=definition, files=Digest(files))
    run.emit("task.reused", f"reused:{label}", {"task": task.id, "revision": site.plan.revision, "how": how})
    return True


async def note_finished(run: Run, ports: Ports, site: Site, child: Child) -> None:
    """Remember what a finished task was told and built on."""
    if len(site.plan.tasks) == 1:
        return  # nothing can depend on it
    files = await run.blocking(f"development.ledger:{child.label}", lambda: _read(ports, site, child.task), str)
    site.finished[child.task.id] = Ledger(definition=child.definition, files=Digest(files))


async def draft_of(run: Run, ports: Ports, site: Site, task: Task, label: str) -> Patch | None:
    """What a failed attempt wrote of the files that this task owns now: its first candidate, paid for already."""
    attempt = site.drafts.pop(task.id, None)
    if attempt is None or attempt == site.tree:
        return None

    def keep() -> Patch:
        edits = []
        for path in task.files:
            content = ports.repository.read(attempt, path)
            if content is not None and content != ports.repository.read(site.tree, path):
                edits.append(Edit(path=path, kind="write", content=content.decode(errors="replace")))
        return Patch(edits=tuple(edits), note="kept from an attempt that did not pass as a whole")

    patch = await run.blocking(f"development.keep:{label}", keep, Patch)
    return patch if patch.edits else None


def tried_before(site: Site, task: Task, orders: Sequence[str]) -> bool:
    """Whether exactly this was started before, on this tree: doing it again could only give the same."""
    named = digest(canonical([site.definition(task), site.tree, list(orders)]))
    if named in site.tried:
        return True
    site.tried.add(named)
    return False


def _paths(ports: Ports, tree: Tree) -> tuple[str, ...]:
    return tuple(entry.path for entry in ports.repository.files(tree))


def _read(ports: Ports, site: Site, task: Task) -> str:
    files = {entry.path: entry.digest for entry in ports.repository.files(site.tree)}
    return revision.read_files(task, site.plan, files)
