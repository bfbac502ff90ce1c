"""What the root of development knows: the product so far, the plan, what failed before the run began."""

from __future__ import annotations

from dataclasses import dataclass, field

from sixfold.domain.code import Increment, Snapshot
from sixfold.domain.data import Tree
from sixfold.domain.evidence import TestReport
from sixfold.domain.flow import Intent, Job, Product, TaskResult
from sixfold.domain.plan import Plan, Task
from sixfold.domain.ports import Environment, Ports
from sixfold.domain.run import Approval, Options
from sixfold.layers.testing import runner
from sixfold.workflow.run import Run


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
    done: set[str] = field(default_factory=set)
    increments: list[Increment] = field(default_factory=list)
    approvals: list[Approval] = field(default_factory=list)
    failed: list[TaskResult] = field(default_factory=list)

    def job(self, task: Task, *, notes: tuple[str, ...] = (), base: Tree | None = None) -> Job:
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
            candidate=self.intent.candidate if first else None,
            notes=notes,
            known_failures=self.known_failures,
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
                return await runner.run_tests(workspace, suite="existing")

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
