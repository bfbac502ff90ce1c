"""What is wrong with a proposed plan, found before a token is spent on its tasks (literature: MAST, section 3.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from sixfold.domain.plan import Contract, Plan, Task
from sixfold.domain.requirements import Specification
from sixfold.layers.planning.paths import is_test, path_fault

MOST_FILES = 12
"""Of one task, tests not counted; the prompt asks for fewer."""
MOST_REQUIREMENTS = 15
MOST_TASKS = 30
_MOST_FAULTS_SHOWN = 20
_UNTESTED = (".toml", ".cfg", ".ini", ".md", ".txt", ".yml", ".yaml", ".json", ".css", ".html", ".svg", ".lock")
_EXISTING = "Already in the repository: "


def existing_note(path: str) -> str:
    """First line of a contract that the base tree fulfils already."""
    return f"{_EXISTING}{path}"


def fault_list(found: Sequence[str]) -> str:
    """`2 fault(s): (1) … (2) …`, for a model or a person who is to mend them all at once."""
    shown = "; ".join(f"({place}) {fault}" for place, fault in enumerate(found[:_MOST_FAULTS_SHOWN], start=1))
    return f"{len(found)} fault(s): {shown}"


def faults(plan: Plan, specification: Specification, existing_paths: Collection[str]) -> tuple[str, ...]:
    """Every fault as one line that says what to change; an empty tuple means the plan may run.

    Args:
        plan: with or without write sets; a task without one is legal only alone.
        specification: whose requirements must all be covered.
        existing_paths: files of the base tree.
    """
    found = [*_shape_faults(plan)]
    if not plan.tasks:
        return tuple(found)
    found += _contract_faults(plan, existing_paths)
    found += _ownership_faults(plan, existing_paths)
    found += _coverage_faults(plan, specification)
    for task in plan.tasks:
        found += _task_faults(plan, task, existing_paths)
    if not found:
        cycle = _cycle(plan)
        if cycle:
            found.append(f"tasks wait for each other in a circle: {' → '.join(cycle)}; cut a contract")
    return tuple(found)


def _shape_faults(plan: Plan) -> list[str]:
    found = []
    if not plan.tasks:
        found.append("there is no task")
    if len(plan.tasks) > MOST_TASKS:
        found.append(f"{len(plan.tasks)} tasks are too many; at most {MOST_TASKS}")
    for kind, ids in (("task", [item.id for item in plan.tasks]), ("contract", [item.id for item in plan.contracts])):
        found += [f"{kind} id {id!r} is used {count} times" for id, count in Counter(ids).items() if count > 1]
        if "" in ids:
            found.append(f"a {kind} has an empty id")
    return found


def _contract_faults(plan: Plan, existing_paths: Collection[str]) -> list[str]:
    found = []
    known = {contract.id for contract in plan.contracts}
    providers = Counter(id for task in plan.tasks for id in task.provides)
    consumed = {id for task in plan.tasks for id in task.consumes}
    for task in plan.tasks:
        found += [f"{task.id} names contract {id!r}, which is not in `contracts`" for id in _foreign(task, known)]
        both = sorted(set(task.provides) & set(task.consumes))
        found += [f"{task.id} both provides and consumes {id!r}" for id in both]
    for contract in plan.contracts:
        existing = existing_path(contract)
        if not contract.text.strip():
            found.append(f"contract {contract.id!r} has no text")
        if providers[contract.id] > 1:
            found.append(f"contract {contract.id!r} is provided by {providers[contract.id]} tasks; exactly one must")
        if existing and existing not in existing_paths:
            found.append(f"contract {contract.id!r} is said to exist in {existing!r}, which is not in the repository")
        if not existing and not providers[contract.id] and contract.id in consumed:
            found.append(f"contract {contract.id!r} is consumed but no task provides it")
    return found


def existing_path(contract: Contract) -> str:
    """The file that fulfils a contract already; empty when a task must provide it."""
    first = contract.text.split("\n", 1)[0]
    return first.removeprefix(_EXISTING).strip() if first.startswith(_EXISTING) else ""


def _foreign(task: Task, known: Collection[str]) -> list[str]:
    return [id for id in dict.fromkeys((*task.provides, *task.consumes)) if id not in known]


def _ownership_faults(plan: Plan, existing_paths: Collection[str]) -> list[str]:
    found = []
    owners: dict[str, list[str]] = {}
    folders = {path.casefold() for path in existing_paths}
    for task in plan.tasks:
        for path in task.files:
            fault = path_fault(path)
            if fault:
                found.append(f"{task.id}: {path!r} cannot be written: {fault}")
            owners.setdefault(path.casefold(), []).append(task.id)
    found += [
        f"{path!r} is owned by {' and '.join(ids)}; one file, one task" for path, ids in owners.items() if len(ids) > 1
    ]
    for path in owners:
        parents = {path[:place] for place, sign in enumerate(path) if sign == "/"}
        found += [
            f"{path!r} lies under {item!r}, which is a file" for item in sorted(parents & (set(owners) | folders))
        ]
    return found


def _coverage_faults(plan: Plan, specification: Specification) -> list[str]:
    wanted = [item.id for item in specification.requirements]
    covered = {id for task in plan.tasks for id in task.requirements}
    found = [f"requirement {id} is in no task" for id in wanted if id not in covered]
    found += [
        f"{task.id} names requirement {id}, which the specification does not have"
        for task in plan.tasks
        for id in task.requirements
        if id not in wanted
    ]
    return found


def _task_faults(plan: Plan, task: Task, existing_paths: Collection[str]) -> list[str]:
    found = []
    code = [path for path in task.files if not is_test(path)]
    tests = [path for path in task.files if is_test(path)]
    if not task.files and len(plan.tasks) > 1:
        found.append(f"{task.id} owns no file; only a plan of one task may leave `files` empty")
    if len(code) > MOST_FILES:
        found.append(f"{task.id} owns {len(code)} files besides tests; at most {MOST_FILES}: split it")
    if len(task.requirements) > MOST_REQUIREMENTS and len(plan.tasks) > 1:
        found.append(f"{task.id} carries {len(task.requirements)} requirements; at most {MOST_REQUIREMENTS}: split it")
    if any(not path.endswith(_UNTESTED) for path in _testable(code)) and not tests and not task.check:
        found.append(f"{task.id} writes code but owns no test file and names none in `check`")
    owned = {path for other in plan.tasks for path in other.files}
    found += [
        f"{task.id}: check {path!r} is neither a file of a task nor in the repository"
        for path in task.check
        if path not in owned and path not in existing_paths
    ]
    available = {task.id, *_ancestors(plan, task.id)}
    late = [path for path in task.check if path in owned and not any(path in plan.task(id).files for id in available)]
    found += [f"{task.id}: check {path!r} belongs to a task it does not wait for" for path in late]
    return found


def _testable(paths: Sequence[str]) -> list[str]:
    return [path for path in paths if path.rsplit("/", 1)[-1] not in ("__init__.py", "__main__.py", "py.typed")]


def _ancestors(plan: Plan, id: str) -> set[str]:
    """Every task that `id` waits for, directly or not."""
    seen: set[str] = set()
    waiting = [id]
    while waiting:
        for other in plan.dependencies(waiting.pop()):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen


def _cycle(plan: Plan) -> tuple[str, ...]:
    """A circle of waiting tasks, first task repeated at the end; empty when there is none."""
    remaining = {task.id: set(plan.dependencies(task.id)) for task in plan.tasks}
    while True:
        free = [id for id, needs in remaining.items() if not needs & remaining.keys()]
        if not free:
            break
        for id in free:
            del remaining[id]
    if not remaining:
        return ()
    path = [next(iter(remaining))]
    while path[-1] not in path[:-1]:
        path.append(next(id for id in plan.dependencies(path[-1]) if id in remaining))
    return tuple(path[path.index(path[-1]) :])
