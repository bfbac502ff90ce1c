"""Which task to start next: a central ready set that is kept, not searched (LLMCompiler's dispatch, arXiv 2312.04511).

A task may start when the tasks that provide what it consumes are done and nobody under way may write its files. Of
those that may, the one with the longest chain of work behind it goes first. All steps of a run together cost
O((tasks + contracts used) · log tasks); equal calls in equal order give equal answers.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from sixfold.domain.plan import Plan, Task


def _alike(task: Task) -> float:
    return 1.0


class Scheduler:
    """The ready set of a plan under way.

    Args:
        plan: without faults.
        done: ids of tasks that ended well already.
        weigh: expected work of a task, in any unit; decides only who goes first.
    """

    def __init__(self, plan: Plan, done: Collection[str] = (), *, weigh: Callable[[Task], float] = _alike) -> None:
        self.done: set[str] = set(done)
        self.failed: set[str] = set()
        self.running: dict[str, Task] = {}
        """As they were when they started: a revision changes the plan, not what is being written."""
        self._weigh = weigh
        self._tasks: dict[str, Task] = {}
        self._place: dict[str, int] = {}
        self._provider: dict[str, str] = {}
        self._consumers: dict[str, dict[str, None]] = {}
        self._missing: dict[str, set[str]] = {}
        self._level: dict[str, float] = {}
        self._ready: list[tuple[float, int, str]] = []
        self._held = _Held()
        self._blocked: dict[str, list[str]] = {}
        """Path → tasks that wait until nobody under way holds it."""
        self.revise(plan)

    def take(self) -> Task | None:
        """Start the next task: it counts as running from now on. None when nothing may start at present."""
        while self._ready:
            priority, _, id = self._ready[0]
            if not self._waits(id) or self._missing[id] or priority != -self._level[id]:
                heapq.heappop(self._ready)  # started, changed or dropped since it was put here
                continue
            task = self._tasks[id]
            if self.running and (not task.files or self._held.everything):
                return None  # a task without a write set runs alone, and comes before whatever ranks below it
            obstacle = self._held.obstacle(task.files)
            heapq.heappop(self._ready)
            if obstacle is not None:
                self._blocked.setdefault(obstacle, []).append(id)
                continue
            self.running[id] = task
            self._held.hold(task.files)
            return task
        return None

    def early(self) -> tuple[Task, ...]:
        """Tasks that could begin before those they wait for are done and would bring the end nearer by it.

        They lie on the critical path, everybody they wait for is under way, and nobody under way may write their files.
        """
        if self._held.everything:
            return ()
        found = []
        for id in self._critical():
            task, missing = self._tasks[id], self._missing[id]
            under_way = bool(missing) and all(other in self.running for other in missing)
            if self._waits(id) and under_way and task.files and self._held.obstacle(task.files) is None:
                found.append(task)
        return tuple(found)

    def start_early(self, id: str) -> None:
        """A task of `early` counts as running from now on."""
        self.running[id] = self._tasks[id]
        self._held.hold(self._tasks[id].files)

    def finish(self, id: str) -> None:
        """A running task is part of the product: what waited for it alone may start."""
        self._leave(id)
        self.done.add(id)
        for other in self._dependents(id):
            self._missing[other].discard(id)
            self._offer(other)

    def fail(self, id: str) -> None:
        """A running task was given up: it does not start again, and what waits for it keeps waiting."""
        self._leave(id)
        self.failed.add(id)

    def release(self, id: str) -> None:
        """A running task ended without a result that counts; it may start again."""
        self._leave(id)
        self._offer(id)

    def revise(self, plan: Plan, undone: Collection[str] = ()) -> None:
        """Go on with another plan. Costs what changed, and one look at each task.

        Args:
            undone: ids whose results no longer count; together with new and changed tasks that failed before, they
                may start (again). A task under way keeps its write set until it ends, dropped or not.
        """
        changed = [task for task in plan.tasks if self._tasks.get(task.id) is not task]
        changed = [task for task in changed if self._tasks.get(task.id) != task]
        wanted = {task.id for task in plan.tasks}
        gone = [id for id in self._tasks if id not in wanted]
        touched: set[str] = set()
        for id in (*gone, *(task.id for task in changed if task.id in self._tasks)):
            touched |= self._unlink(id)
        for task in changed:
            touched |= self._link(task)
        for place, task in enumerate(plan.tasks):
            self._place[task.id] = place
        self.done -= {*gone, *undone}
        self.failed -= {*gone, *undone, *(task.id for task in changed)}
        affected = dict.fromkeys((*(task.id for task in changed), *(id for id in undone if id in self._tasks)))
        for contract in sorted(touched):
            affected.update(self._consumers.get(contract, {}))
        for id in undone:
            affected.update(dict.fromkeys(self._dependents(id)))
        for id in affected:
            self._missing[id] = {other for other in self._needs(id) if other not in self.done}
        self._rank([*affected, *(self._provider[item] for item in sorted(touched) if item in self._provider)])
        for id in affected:
            self._offer(id)

    def waiting(self) -> Iterator[Task]:
        """Tasks that are neither done, nor given up, nor under way, in plan order."""
        return (self._tasks[id] for id in sorted(self._tasks, key=self._place.__getitem__) if self._waits(id))

    def _critical(self) -> list[str]:
        """Unfinished tasks on a longest chain of unfinished work, providers first."""
        left = [id for id in self._tasks if id not in self.done and id not in self.failed]
        longest = max((self._level[id] for id in left), default=0.0)
        chain = dict.fromkeys(sorted((id for id in left if self._level[id] == longest), key=self._place.__getitem__))
        work = list(chain)
        for id in work:
            behind = self._level[id] - self._weigh(self._tasks[id])
            fresh = [other for other in self._dependents(id) if self._level[other] == behind and other not in chain]
            chain.update(dict.fromkeys(fresh))
            work += fresh
        return [id for id in chain if id not in self.done and id not in self.failed]

    def _waits(self, id: str) -> bool:
        known = id in self._tasks
        return known and id not in self.done and id not in self.failed and id not in self.running

    def _offer(self, id: str) -> None:
        if self._waits(id) and not self._missing[id]:
            heapq.heappush(self._ready, (-self._level[id], self._place[id], id))

    def _leave(self, id: str) -> None:
        for path in self._held.let_go(self.running.pop(id).files):
            for other in self._blocked.pop(path, ()):
                self._offer(other)

    def _needs(self, id: str) -> list[str]:
        providers = (self._provider.get(contract) for contract in self._tasks[id].consumes)
        return list(dict.fromkeys(other for other in providers if other is not None and other != id))

    def _dependents(self, id: str) -> list[str]:
        task = self._tasks.get(id)
        provided = task.provides if task is not None else ()
        return list(dict.fromkeys(o for contract in provided for o in self._consumers.get(contract, ()) if o != id))

    def _link(self, task: Task) -> set[str]:
        self._tasks[task.id] = task
        for contract in task.provides:
            self._provider[contract] = task.id
        for contract in task.consumes:
            self._consumers.setdefault(contract, {})[task.id] = None
        return set(task.provides)

    def _unlink(self, id: str) -> set[str]:
        task = self._tasks.pop(id)
        for contract in task.provides:
            if self._provider.get(contract) == id:
                del self._provider[contract]
        for contract in task.consumes:
            self._consumers.get(contract, {}).pop(id, None)
        return {*task.provides, *task.consumes}

    def _rank(self, changed: Iterable[str]) -> None:
        """Bring the length of the chain behind each task up to date, from the changed ones towards the first."""
        work = list(dict.fromkeys(changed))
        while work:
            id = work.pop()
            if id not in self._tasks:
                continue
            behind = max((self._level.get(other, 0.0) for other in self._dependents(id)), default=0.0)
            level = self._weigh(self._tasks[id]) + behind
            if level == self._level.get(id):
                continue
            self._level[id] = level
            self._offer(id)
            work += self._needs(id)


class _Held:
    """Paths that tasks under way may write."""

    def __init__(self) -> None:
        self.everything = 0
        """Tasks under way that may write anywhere."""
        self._files: Counter[str] = Counter()
        self._folders: Counter[str] = Counter()

    def obstacle(self, files: Collection[str]) -> str | None:
        """A path whose release may let these files be written; None when they may be written now."""
        for path in map(str.casefold, files):
            if path in self._files or path in self._folders:
                return path
            for folder in _folders(path):
                if folder in self._files:
                    return folder
        return None

    def hold(self, files: Collection[str]) -> None:
        self.everything += not files
        for path in map(str.casefold, files):
            self._files[path] += 1
            self._folders.update(_folders(path))

    def let_go(self, files: Collection[str]) -> list[str]:
        """The paths that nobody holds any more, folders included."""
        self.everything -= not files
        freed = []
        for path in map(str.casefold, files):
            freed += _less(self._files, (path,)) + _less(self._folders, _folders(path))
        return freed


def _less(counts: Counter[str], keys: Iterable[str]) -> list[str]:
    freed = []
    for key in keys:
        counts[key] -= 1
        if not counts[key]:
            del counts[key]
            freed.append(key)
    return freed


def _folders(path: str) -> list[str]:
    return [path[:place] for place, sign in enumerate(path) if sign == "/"]


def edges(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Task id → ids of the tasks it waits for, in the order of what it consumes. One pass over the plan."""
    provider = {contract: task.id for task in plan.tasks for contract in task.provides}
    return {
        task.id: tuple(
            dict.fromkeys(
                provider[contract]
                for contract in task.consumes
                if contract in provider and provider[contract] != task.id
            )
        )
        for task in plan.tasks
    }


def downstream(plan: Plan, ids: Collection[str]) -> tuple[str, ...]:
    """Ids of every task that waits for one of `ids`, directly or not, in plan order: what a change invalidates."""
    dependents: dict[str, list[str]] = {}
    for id, needs in edges(plan).items():
        for other in needs:
            dependents.setdefault(other, []).append(id)
    reached = set(ids)
    work = list(ids)
    while work:
        for other in dependents.get(work.pop(), ()):
            if other not in reached:
                reached.add(other)
                work.append(other)
    return tuple(task.id for task in plan.tasks if task.id in reached and task.id not in ids)


def critical_path(plan: Plan, seconds: Mapping[str, float] | None = None) -> tuple[str, ...]:
    """The chain of tasks that decides how long the plan takes at least, first task first.

    Args:
        seconds: expected duration by task id; without any, every task counts the same.
    """
    needs = edges(plan)
    if seconds is None:
        seconds = dict.fromkeys(needs, 1.0)
    length: dict[str, float] = {}
    last: dict[str, str] = {}
    for id in _providers_first(needs):
        before = max(needs[id], key=lambda other: length.get(other, 0.0), default=None)
        length[id] = seconds.get(id, 0.0) + (length.get(before, 0.0) if before is not None else 0.0)
        if before is not None:
            last[id] = before
    chain = [max(length, key=lambda id: length[id])] if length else []
    while chain and chain[-1] in last:
        chain.append(last[chain[-1]])
    return tuple(reversed(chain))


def _providers_first(needs: Mapping[str, Collection[str]]) -> list[str]:
    """Every id after those it waits for; ids in a circle are left out."""
    dependents: dict[str, list[str]] = {}
    missing = {id: len(others) for id, others in needs.items()}
    for id, others in needs.items():
        for other in others:
            dependents.setdefault(other, []).append(id)
    ordered = [id for id, count in missing.items() if not count]
    for id in ordered:
        for other in dependents.get(id, ()):
            missing[other] -= 1
            if not missing[other]:
                ordered.append(other)
    return ordered
