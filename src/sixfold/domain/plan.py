"""Layer 3's nouns: contract, task, plan (paper, section 2.2, orchestration phase)."""

from __future__ import annotations

from typing import Literal

from sixfold.domain.data import Data, Digest, Tree


class Contract(Data, frozen=True, kw_only=True):
    """An interface between tasks, frozen before parallel coding begins."""

    id: str
    """`C1`, or a telling name such as `store`."""
    kind: Literal["python", "http", "cli", "schema", "file"]
    text: str
    """Exact: Python signatures with types, HTTP routes with shapes, CLI usage, table columns, file format."""


class Task(Data, frozen=True, kw_only=True):
    """A node of the plan: one deliverable, small enough to review."""

    id: str
    """`T1`, `T2`, …"""
    title: str
    goal: str
    role: str = "coder"
    """Speciality of the coder: `back end`, `front end`, `database`, `security`, … or plain `coder`."""
    files: tuple[str, ...] = ()
    """Write set: paths the task owns. Empty only for a direct task, which may write anywhere but tests it was given."""
    provides: tuple[str, ...] = ()
    """Contract ids."""
    consumes: tuple[str, ...] = ()
    """Contract ids; the dependencies follow from who provides them."""
    requirements: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    """Paths of the test files that must pass for the task to close; empty = every test in the tree."""


class Plan(Data, frozen=True, kw_only=True):
    """A typed task graph. Edges are contracts: a task waits for the providers of what it consumes."""

    tasks: tuple[Task, ...]
    contracts: tuple[Contract, ...] = ()
    revision: int = 1
    reason: str = ""
    """Why this revision exists, one line."""
    author: str = "orchestrator"
    """`orchestrator`, `human:NAME`, `rule:…`."""
    change: str = ""
    """What this revision does to the one before: kinds of `Change`, `order` (rework), joined by commas."""
    cause: str = ""
    """Task whose failure or objection led to it; empty when none did."""
    invalidates: tuple[str, ...] = ()
    """Tasks whose results, finished or under way, no longer count as they stand: the changed ones and all that wait
    for them. What turns out unchanged is reused."""

    def task(self, id: str) -> Task:
        """The task of that id; KeyError when there is none."""
        for task in self.tasks:
            if task.id == id:
                return task
        raise KeyError(id)

    def contract(self, id: str) -> Contract:
        """The contract of that id; KeyError when there is none."""
        for contract in self.contracts:
            if contract.id == id:
                return contract
        raise KeyError(id)

    def dependencies(self, id: str) -> tuple[str, ...]:
        """Ids of the tasks that provide what task `id` consumes, in plan order, without itself."""
        wanted = set(self.task(id).consumes)
        return tuple(task.id for task in self.tasks if task.id != id and wanted & set(task.provides))


Kind = Literal["retry", "split", "merge", "add", "drop", "role", "contract", "task", "give_up"]
"""What can be done to a plan under way. `task`: another goal, other files or checks; `give_up`: nothing helps."""


class Change(Data, frozen=True, kw_only=True):
    """What one revision changes; everything it does not name stays as it is."""

    kind: Kind
    reason: str
    base: int = 0
    """Revision it was made for."""
    contracts: tuple[Contract, ...] = ()
    """Changed and new ones, whole."""
    tasks: tuple[Task, ...] = ()
    """Changed and new ones, whole."""
    drop: tuple[str, ...] = ()
    """Task ids."""
    advice: str = ""
    """For whoever does the failed task again."""


class Stub(Data, frozen=True, kw_only=True):
    """A stand-in for contracts whose provider is not done. It lies over a tree while tests run, never in it."""

    path: str
    """Of the provider's file that it stands in for."""
    contracts: tuple[str, ...]
    text: str


class Note(Data, frozen=True, kw_only=True):
    """What a finished task lets those know who use its contracts: the only way from task to task besides contracts."""

    task: str
    tree: Tree
    """The tree that the task left, which the note speaks of."""
    requirements: tuple[str, ...] = ()
    text: str


class Reading(Data, frozen=True, kw_only=True):
    """A read receipt: what a task was handed of another's."""

    kind: Literal["contract", "note"]
    id: str
    """Contract id, or the id of the task that published the note."""
    digest: Digest
    """Of the text that was handed over."""
