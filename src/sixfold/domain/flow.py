"""What one phase hands to the next, and what a child task is told and reports. All of it is plain, storable data."""

from __future__ import annotations

from typing import Literal

from sixfold.domain.code import Increment, Objection, Patch
from sixfold.domain.data import Data, Tree
from sixfold.domain.evidence import Check, Component, Finding, TestReport
from sixfold.domain.plan import Note, Plan, Stub, Task
from sixfold.domain.ports import Environment
from sixfold.domain.requirements import Specification
from sixfold.domain.run import Approval, Options

ACCEPTANCE = "acceptance"
"""Kind and name of the child task that writes the blind tests: orchestration starts it, validation waits for it."""


class Intent(Data, frozen=True, kw_only=True):
    """What the input phase found out."""

    specification: Specification
    candidate: Patch | None = None
    """A patch that came with the direct attempt; the first candidate of development, already paid for."""
    candidates: tuple[Patch, ...] = ()
    """Several, where the clarity check drew them as readings of the request; development chooses by execution."""


class Revision(Data, frozen=True, kw_only=True):
    """The specification after decisions that came when it was already written."""

    specification: Specification
    requirements: tuple[str, ...] = ()
    """Ids that were changed or added; the rest of the product stands."""
    changes: tuple[str, ...] = ()
    """What was decided, one line each."""


class Job(Data, frozen=True, kw_only=True):
    """Everything a child task needs; it has no other memory."""

    specification: Specification
    plan: Plan
    task: str
    base: Tree
    origin: Tree
    """The tree the run began with: what stood there already is not this task's doing."""
    environment: Environment
    options: Options
    candidate: Patch | None = None
    candidates: tuple[Patch, ...] = ()
    """More than one: the first attempt chooses among them."""
    notes: tuple[str, ...] = ()
    """Orders that come with the task: a reviewer's comment, failing acceptance tests."""
    known_failures: tuple[str, ...] = ()
    """Tests that failed before the run changed anything."""
    published: tuple[Note, ...] = ()
    """What the providers of its contracts let it know."""
    may_decline: bool = False
    """The task was given back with orders over what stands: its coder may answer that they accuse what is right."""
    stubs: tuple[Stub, ...] = ()
    """Stand-ins for contracts whose providers are not done: laid over the tree while tests run. What is then handed in
    is tested again on the real thing before it counts."""
    again: bool = False
    """The task was finished before and is asked again after the plan changed: its files may fit as they stand."""

    @property
    def assigned(self) -> Task:
        """The task itself."""
        return self.plan.task(self.task)


class TaskResult(Data, frozen=True, kw_only=True):
    """How a child task ended. A task that gave up is a result, not an error."""

    task: str
    status: Literal["done", "failed"]
    base: Tree
    """The tree it started from."""
    tree: Tree
    attempts: int
    reason: str = ""
    report: TestReport | None = None
    findings: tuple[Finding, ...] = ()
    editors: tuple[str, ...] = ()
    """Who edited the result in review: `human:NAME`."""
    published: tuple[str, ...] = ()
    """Lines for those who use its contracts."""
    objection: Objection | None = None
    """Why it gave up, when a contract is to blame."""
    declined: str = ""
    """Why its coder changed nothing in the end."""


class Product(Data, frozen=True, kw_only=True):
    """What development made."""

    tree: Tree
    increments: tuple[Increment, ...] = ()
    approvals: tuple[Approval, ...] = ()
    failed: tuple[TaskResult, ...] = ()
    plan: Plan | None = None
    """The plan it was made by; validation tries its contracts."""


class Examination(Data, frozen=True, kw_only=True):
    """What validation saw of one tree."""

    tree: Tree
    checks: tuple[Check, ...] = ()
    reports: tuple[TestReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    unverified: tuple[str, ...] = ()
    mutation_score: float | None = None
    """Share of planted faults that the tests noticed; None when none could be planted."""
    components: tuple[Component, ...] = ()
    """Packages it was validated with."""
    faults: tuple[str, ...] = ()
    """What must be put right, as orders for the coder; empty = validated."""


class Rework(Data, frozen=True, kw_only=True):
    """A human rejected the release with a comment."""

    comment: str
    who: str
    revised: bool = False
    """The specification is to be changed first: a decision came in that it does not have."""
