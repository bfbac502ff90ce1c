"""Layer 3's nouns: contract, task, plan (paper, section 2.2, orchestration phase)."""

from __future__ import annotations

from typing import Literal

from sixfold.domain.data import Data


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
    model: str = ""
    """Override of the role's model; empty = routing decides."""
    budget_tokens: int | None = None
    """Cap for this task, checked before each call; None = only the run's cap."""


class Plan(Data, frozen=True, kw_only=True):
    """A typed task graph. Edges are contracts: a task waits for the providers of what it consumes."""

    tasks: tuple[Task, ...]
    contracts: tuple[Contract, ...] = ()
    revision: int = 1
    reason: str = ""
    """Why this revision exists, one line."""
    author: str = "orchestrator"
    """`orchestrator`, `human:NAME`, `rule:…`."""

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
