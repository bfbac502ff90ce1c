"""What the root of development knows: the product so far, the plan, who is at work, what failed before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sixfold.domain.code import Increment, Patch, Snapshot
from sixfold.domain.data import Digest, Tree, digest
from sixfold.domain.evidence import TestReport
from sixfold.domain.flow import Intent, Job, Product, TaskResult
from sixfold.domain.plan import Note, Plan, Reading, Stub, Task
from sixfold.domain.ports import Environment, Ports
from sixfold.domain.run import Approval, Decision, Options
from sixfold.layers.planning import revision
from sixfold.layers.planning.schedule import Scheduler
from sixfold.layers.testing import runner
from sixfold.phases.development.checking import other_languages, together
from sixfold.workflow.run import Run

ORDERED = "F"
"""First letter of tasks that were added over the product with orders from validation, a reviewer or a decision."""


@dataclass(frozen=True)
class Child:
    """A task under way, as it was told."""

    label: str
    """`T2`, when it is done again `T2~2`."""
    task: Task
    definition: Digest
    stubs: tuple[str, ...] = ()
    """Contracts that were stand-ins when it began."""


@dataclass(frozen=True)
class Held:
    """What a task handed in that was written on stand-ins, until those it waits for are done."""

    child: Child
    result: TaskResult


@dataclass(frozen=True)
class Ledger:
    """What a finished task was told and built on; the same again need not be done again."""

    definition: Digest
    files: Digest


@dataclass
class Site:
    """Development under way, as the root sees it. Rebuilt from recorded results after a crash."""

    intent: Intent
    environment: Environment
    options: Options
    snapshot: Snapshot
    plan: Plan
    tree: Tree
    known_failures: tuple[str, ...] = ()
    increments: list[Increment] = field(default_factory=list)
    approvals: list[Approval] = field(default_factory=list)
    failed: list[TaskResult] = field(default_factory=list)
    under_way: dict[str, Child] = field(default_factory=dict)
    """By workflow id."""
    turn: int = 0
    """How often the root has looked around; names its steps."""
    finished: dict[str, Ledger] = field(default_factory=dict)
    """By task id; kept when a revision undoes the task."""
    notes: dict[str, tuple[Note, ...]] = field(default_factory=dict)
    """What finished tasks published."""
    orders: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What goes with the next start of a task."""
    drafts: dict[str, Tree] = field(default_factory=dict)
    """Tasks of a split → the tree of the attempt that failed: what is good in it is kept."""
    troubles: Counter[str] = field(default_factory=Counter)
    """Task → how often the plan was changed on its account, its forebears' included."""
    replans: int = 0
    """Revisions the orchestrator made."""
    tried: set[Digest] = field(default_factory=set)
    """Everything that was started, by content: the same is never started twice."""
    faults: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What validation found, by the task that is to put it right."""
    disputed: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Faults a coder was given and calls wrong → (task, what it says)."""
    early: set[Digest] = field(default_factory=set)
    """Definitions of tasks that were looked at for an early start: each is at most once."""
    held: list[Held] = field(default_factory=list)
    """Written on stand-ins and not yet tested on the real parts, in the order in which they came back."""
    edits: set[str] = field(default_factory=set)
    """Subjects of the human edits that were taken up."""

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self.plan)
        self._starts: Counter[str] = Counter()

    def label(self, task: Task) -> str:
        """A name for the next start of a task."""
        self._starts[task.id] += 1
        number = self._starts[task.id]
        return task.id if number == 1 else f"{task.id}~{number}"

    def definition(self, task: Task) -> Digest:
        """Everything the task is told now."""
        return revision.definition(task, self.plan, self.intent.specification)

    def overtaken(self, child: Child) -> bool:
        """Whether the plan changed under a task that was at work."""
        now = next((task for task in self.plan.tasks if task.id == child.task.id), None)
        return now is None or self.definition(now) != child.definition

    def published(self, task: Task) -> tuple[Note, ...]:
        """The notes that a task needs: those of whom it uses."""
        return tuple(note for id in self.plan.dependencies(task.id) for note in self.notes.get(id, ()))

    def readings(self, task: Task) -> tuple[Reading, ...]:
        """What a task is handed of others, by content."""
        contracts = [self.plan.contract(id) for id in task.consumes]
        return (
            *(Reading(kind="contract", id=item.id, digest=digest(item.text)) for item in contracts),
            *(Reading(kind="note", id=note.task, digest=digest(note.text)) for note in self.published(task)),
        )

    def job(
        self,
        task: Task,
        *,
        notes: Sequence[str] = (),
        base: Tree | None = None,
        candidate: Patch | None = None,
        stubs: Sequence[Stub] = (),
    ) -> Job:
        """The order for one task, starting from the present tree or another one."""
        first = base is None and not notes and len(self.plan.tasks) == 1
        return Job(
            specification=self.intent.specification,
            plan=self.plan,
            task=task.id,
            base=base or self.tree,
            origin=self.snapshot.tree,
            environment=self.environment,
            options=self.options,
            candidate=self.intent.candidate if first else candidate,
            candidates=self.intent.candidates if first else (),
            notes=tuple(notes),
            known_failures=self.known_failures,
            published=self.published(task),
            stubs=tuple(stubs),
            again=base is None and task.id in self.finished,
            may_decline=bool(notes) and (base is not None or task.id.startswith(ORDERED)),
        )

    def accept(self, increment: Increment, decision: Decision) -> None:
        """An approved increment is part of the product."""
        self.tree = increment.tree
        self.increments.append(increment)
        self.approvals.append(
            Approval(
                subject=decision.subject,
                verdict="approve",
                who=decision.who,
                tree=increment.tree,
                comment=decision.comment,
            )
        )

    def product(self) -> Product:
        """What stands so far."""
        return Product(
            tree=self.tree,
            increments=tuple(self.increments),
            approvals=tuple(self.approvals),
            failed=tuple(self.failed),
            plan=self.plan,
        )


async def begin(
    run: Run, ports: Ports, intent: Intent, plan: Plan, environment: Environment, options: Options, snapshot: Snapshot
) -> Site:
    """Set the site up: what fails already in the repository is not this run's fault, but it is written down."""
    run.emit("phase.started", "phase:development", {"phase": "development"})
    known: tuple[str, ...] = ()
    if snapshot.kind != "empty":

        async def before() -> TestReport:
            async with ports.sandbox.open(snapshot.tree, environment=environment) as workspace:
                report = await runner.run_tests(workspace, suite="existing")
            for more in await other_languages(ports, snapshot.tree, snapshot.tree, environment, options):
                report = together(report, more)
            return report

        report = await run.step("development.test_before", before, TestReport)
        run.emit(
            "tests.ran", "tests:before", {"scope": "before", "attempt": 0, "tree": snapshot.tree, "report": report}
        )
        known = tuple(case.id for case in report.cases if case.outcome in ("failed", "error"))
    return Site(
        intent=intent,
        environment=environment,
        options=options,
        snapshot=snapshot,
        plan=plan,
        tree=snapshot.tree,
        known_failures=known,
    )
