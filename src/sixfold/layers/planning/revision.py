"""Changing a plan under way: what a change does, what it invalidates, and what need not be done again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast

from msgspec.structs import replace

from sixfold.domain.data import Digest, canonical, digest
from sixfold.domain.markdown import specification_text
from sixfold.domain.plan import Change, Contract, Kind, Plan, Task
from sixfold.domain.requirements import Specification
from sixfold.layers.planning.schedule import downstream


def apply(plan: Plan, change: Change, specification: Specification, *, author: str, cause: str = "") -> Plan:
    """The next revision. It may have faults; check it with `validation.faults`.

    New tasks take the place of the first task that is dropped; contracts that nobody names any more are left out.
    """
    named = {task.id: task for task in change.tasks}
    fresh = [task for task in change.tasks if all(task.id != old.id for old in plan.tasks)]
    tasks: list[Task] = []
    for old in plan.tasks:
        if old.id in change.drop:
            tasks, fresh = tasks + fresh, []
        else:
            tasks.append(named.get(old.id, old))
    tasks += fresh
    texts = {contract.id: contract for contract in (*plan.contracts, *change.contracts)}
    used = {id for task in tasks for id in (*task.provides, *task.consumes)}
    new = Plan(
        tasks=tuple(tasks),
        contracts=tuple(contract for id, contract in texts.items() if id in used),
        revision=plan.revision + 1,
        reason=" ".join(change.reason.split()),
        author=author,
        cause=cause,
    )
    changed = invalidated(plan, new, specification)
    if cause and cause not in changed and any(task.id == cause for task in new.tasks):
        changed = tuple(task.id for task in plan.tasks if task.id in {*changed, cause, *downstream(new, (cause,))})
    return replace(new, change=", ".join(kinds(plan, new)), invalidates=changed)


def kinds(old: Plan, new: Plan) -> tuple[Kind, ...]:
    """What a revision really does, read off the two plans; `retry` when it leaves the graph as it was."""
    before, after = {task.id: task for task in old.tasks}, {task.id: task for task in new.tasks}
    gone, fresh = [id for id in before if id not in after], [id for id in after if id not in before]
    heirs = {id: _owners(after, before[id]) for id in before if before[id] != after.get(id)}
    origins = {id: _owners(before, after[id]) for id in after if after[id] != before.get(id)}
    whole = [id for id in gone if not before[id].files]
    found = []
    if any(len(owners) > 1 for owners in heirs.values()) or (whole and len(fresh) > 1):
        found.append("split")
    if any(len(owners) > 1 for owners in origins.values()):
        found.append("merge")
    if any(not origins[id] for id in fresh) and not whole:
        found.append("add")
    if any(not heirs[id] for id in gone if before[id].files) or (whole and not fresh):
        found.append("drop")
    kept = [(before[id], after[id]) for id in before if id in after]
    if any(one.role != other.role for one, other in kept):
        found.append("role")
    if any(_differs(old, contract) for contract in new.contracts):
        found.append("contract")
    plain = [(one, other) for one, other in kept if replace(one, role=other.role) != other]
    if (plain or (gone and fresh)) and not {"split", "merge", "contract"} & set(found):
        found.append("task")
    return cast("tuple[Kind, ...]", tuple(found)) or ("retry",)


def _owners(tasks: Mapping[str, Task], task: Task) -> set[str]:
    return {other.id for other in tasks.values() if set(other.files) & set(task.files)}


def _differs(old: Plan, contract: Contract) -> bool:
    return any(other.id == contract.id and other != contract for other in old.contracts)


def definition(task: Task, plan: Plan, specification: Specification) -> Digest:
    """Names everything a task is told: order, role, model, contracts' texts, its slice of the specification."""
    contracts = {contract.id: contract for contract in plan.contracts}
    told = [contracts[id] for id in (*task.provides, *task.consumes) if id in contracts]
    only = task.requirements if len(plan.tasks) > 1 else None
    return digest(canonical([task, told, specification_text(specification, only=only)]))


def invalidated(old: Plan, new: Plan, specification: Specification) -> tuple[str, ...]:
    """Tasks of the old plan whose results no longer count as they stand, in the old plan's order.

    Those that are told something else now, and all that wait for them; dropped ones too.
    """
    before = {task.id: definition(task, old, specification) for task in old.tasks}
    after = {task.id: definition(task, new, specification) for task in new.tasks}
    changed = [id for id, named in after.items() if before.get(id) != named]
    reached = {*changed, *downstream(new, changed)}
    return tuple(task.id for task in old.tasks if task.id in reached or task.id not in after)


def difference(old: Plan, new: Plan, *, reason: str) -> Change:
    """What a person changed in a copy of the plan, so that it can be made on a later revision as well."""
    contracts = {contract.id: contract for contract in old.contracts}
    tasks = {task.id: task for task in old.tasks}
    wanted = {task.id for task in new.tasks}
    return Change(
        kind=kinds(old, new)[0],
        reason=reason,
        base=old.revision,
        contracts=tuple(contract for contract in new.contracts if contracts.get(contract.id) != contract),
        tasks=tuple(task for task in new.tasks if tasks.get(task.id) != task),
        drop=tuple(id for id in tasks if id not in wanted),
    )


def read_files(task: Task, plan: Plan, files: Mapping[str, str]) -> Digest:
    """Names the content a task builds on and wrote: its own files and those of its providers.

    Args:
        files: path → content id, of a whole tree.
    """
    paths = set(task.files)
    for id in plan.dependencies(task.id):
        paths |= set(plan.task(id).files)
    return digest(canonical(sorted((path, files[path]) for path in paths if path in files)))


def owned_by(tasks: Collection[Task]) -> set[str]:
    """All paths these tasks own."""
    return {path for task in tasks for path in task.files}
