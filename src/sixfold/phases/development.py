"""Phase 3 of 4: development. Ready tasks in parallel, each from a fresh context; evidence; review; increments.

A task is a child workflow (`work`). The root integrates results one after another: merge, test again when something
else came in between, review, and only then are they part of the product (paper, section 2.2).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec

from sixfold.domain.code import Increment, Patch, Refusal, Snapshot
from sixfold.domain.data import Data, Digest, Tree
from sixfold.domain.evidence import Finding, TestReport
from sixfold.domain.flow import Examination, Intent, Job, Product, TaskResult
from sixfold.domain.plan import Plan, Task
from sixfold.domain.ports import Environment, Ports
from sixfold.domain.run import Approval, Decision, Options
from sixfold.layers.planning import context, schedule
from sixfold.layers.refinement import diagnosis, repair
from sixfold.layers.synthesis import apply, write
from sixfold.layers.testing import risks, runner, scanning, system
from sixfold.layers.testing.harness.listing import is_test_file
from sixfold.workflow.run import Run

TASK = "task"
"""Kind of the child workflow that does one task."""

_EYES = frozenset({"security", "dependency", "process", "deletion", "failing"})
"""Risks that stop for a person under `--review risky`; the others are shown and pass."""

_MOST_BRIEF_CHARS = 48_000
_MOST_RETESTS = 2


class _Written(Data, frozen=True, kw_only=True):
    """A patch and the answer it was read from."""

    patch: Patch
    text: str


class _Applied(Data, frozen=True, kw_only=True):
    """The tree after a patch, or why the patch was refused."""

    tree: Tree
    signature: Digest
    files: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()


class _Evidence(Data, frozen=True, kw_only=True):
    """What the tests and the quick scanners say about one tree."""

    report: TestReport
    findings: tuple[Finding, ...] = ()

    @property
    def failures(self) -> int:
        blocking = sum(1 for finding in self.findings if finding.severity == "error" and not finding.baseline)
        return self.report.count("failed") + self.report.count("error") + bool(self.report.problem) + blocking


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


async def develop(run: Run, ports: Ports, site: Site) -> Product:
    """Do all tasks of the plan; the product holds what was finished and names what was not."""
    running: dict[str, Task] = {}
    while True:
        under_way = [task.id for task in running.values()]
        gone = {result.task for result in site.failed}
        for task in schedule.ready(site.plan, site.done, running=under_way):
            if task.id in gone or len(running) >= site.options.parallel:
                continue
            running[await run.start(f"task:{task.id}", TASK, site.job(task))] = task
        if not running:
            break
        id, result = await run.first(list(running), TaskResult)
        await _integrate(run, ports, site, running.pop(id), result)
    for task in site.plan.tasks:
        if task.id not in site.done and all(task.id != result.task for result in site.failed):
            reason = "not begun: a task it builds on failed"
            site.failed.append(
                TaskResult(task=task.id, status="failed", base=site.tree, tree=site.tree, attempts=0, reason=reason)
            )
            run.emit("task.ended", f"ended:{task.id}", {"task": task.id, "status": "failed", "reason": reason})
    run.emit("phase.ended", "phase-ended:development", {"phase": "development"})
    return site.product()


def orders_of(seen: Examination) -> tuple[str, ...]:
    """What validation found, as an order."""
    return (repair.fault_note(seen.faults),)


async def rework(run: Run, ports: Ports, site: Site, orders: Sequence[str], *, reason: str, author: str) -> Product:
    """Add one task over the whole product with orders from validation or from a reviewer, and do it."""
    number = 1 + sum(1 for task in site.plan.tasks if task.id.startswith("F"))
    task = Task(
        id=f"F{number}",
        title=reason[:72],
        goal="Put right exactly what the orders say, and nothing else.",
        requirements=tuple(requirement.id for requirement in site.intent.specification.requirements),
    )
    site.plan = Plan(
        tasks=(*site.plan.tasks, task),
        contracts=site.plan.contracts,
        revision=site.plan.revision + 1,
        reason=reason,
        author=author,
    )
    run.emit("plan.made", f"plan:{site.plan.revision}", {"plan": site.plan})
    id = await run.start(f"task:{task.id}", TASK, site.job(task, notes=tuple(orders)))
    _, result = await run.first([id], TaskResult)
    await _integrate(run, ports, site, task, result)
    return site.product()


async def _integrate(run: Run, ports: Ports, site: Site, task: Task, result: TaskResult) -> None:
    """Make a finished task part of the product: merge, test, review; go back to the coder when that fails."""
    tree, round, retests = result.tree, 1, 0
    while result.status == "done":
        if round == 1:
            merged = await _merge(run, ports, site, task, result)
            if merged is None:
                result = msgspec.structs.replace(result, status="failed", reason="conflicts with another task's files")
                break
            tree = merged
        notes: tuple[str, ...] = ()
        if tree != result.tree and retests < _MOST_RETESTS:
            retests += 1
            job = site.job(task, base=tree)
            evidence = await _check(run, ports, job, task, tree, name=f"development.retest:{task.id}:{round}")
            result = msgspec.structs.replace(result, report=evidence.report, findings=evidence.findings)
            if evidence.failures:
                notes = (repair.repair_note(evidence.report, evidence.findings),)
        if not notes:
            increment = await _propose(run, ports, site, task, result, tree, round)
            decision = await _review(run, site, increment)
            if decision.verdict == "approve":
                _accept(site, task, increment, decision)
                run.emit(
                    "task.ended",
                    f"ended:{task.id}",
                    {"task": task.id, "status": "done", "reason": "", "tree": increment.tree},
                )
                return
            notes = (f"A reviewer rejected this increment:\n{decision.comment}\nDo what they ask.",)
        round += 1
        id = await run.start(f"task:{task.id}.{round}", TASK, site.job(task, base=tree, notes=notes))
        _, result = await run.first([id], TaskResult)
        tree = result.tree
    site.failed.append(result)
    run.emit("task.ended", f"ended:{task.id}", {"task": task.id, "status": "failed", "reason": result.reason})


async def _merge(run: Run, ports: Ports, site: Site, task: Task, result: TaskResult) -> Tree | None:
    """The task's change on top of what came in meanwhile; None on conflict."""
    if result.base == site.tree:
        return result.tree

    def merge() -> str:
        return ports.repository.merge(result.base, site.tree, result.tree).tree or ""

    merged = await run.blocking(f"development.merge:{task.id}", merge, str)
    return Tree(merged) if merged else None


async def _propose(
    run: Run, ports: Ports, site: Site, task: Task, result: TaskResult, tree: Tree, round: int
) -> Increment:
    """Put a tested change before the reviewer, with its evidence and its risks."""
    id = f"I{len(site.increments) + 1}" + (f".{round}" if round > 1 else "")

    def describe() -> Increment:
        return Increment(
            id=id,
            task=task.id,
            title=task.title,
            base=site.tree,
            tree=tree,
            files=ports.repository.changes(site.tree, tree),
            diff=ports.repository.put_blob(ports.repository.diff(site.tree, tree).encode()),
            requirements=task.requirements,
            risks=risks.risks(
                ports.repository, site.tree, tree, result.findings, (result.report,) if result.report else ()
            ),
            attempts=result.attempts,
        )

    increment = await run.blocking(f"development.propose:{id}", describe, Increment)
    run.emit("increment.proposed", f"proposed:{id}", {"increment": increment})
    return increment


async def _review(run: Run, site: Site, increment: Increment) -> Decision:
    """A human's decision, or the policy's when it says that nobody needs to look."""
    subject = f"increment:{increment.id}"
    policy = site.options.review
    worrying = sorted({risk.kind for risk in increment.risks} & _EYES)
    if policy == "none" or (policy == "risky" and not worrying):
        let_pass = sorted({risk.kind for risk in increment.risks})
        comment = "review is switched off" if policy == "none" else "no risk that needs a person"
        if let_pass:
            comment += f"; let pass: {', '.join(let_pass)}"
        decision = Decision(subject=subject, verdict="approve", comment=comment, who=f"policy:review-{policy}")
        run.emit("decision.given", f"decision:{subject}", {"decision": decision}, who=decision.who)
    return await run.decision(subject)


def _accept(site: Site, task: Task, increment: Increment, decision: Decision) -> None:
    site.tree = increment.tree
    site.done.add(task.id)
    site.increments.append(increment)
    site.approvals.append(
        Approval(
            subject=decision.subject,
            verdict="approve",
            who=decision.who,
            tree=increment.tree,
            comment=decision.comment,
        )
    )


async def work(run: Run, ports: Ports, job: Job) -> TaskResult:
    """One task, from brief to evidence: attempt, check, and climb the short repair ladder when it fails."""
    task = job.plan.task(job.task)
    attempts: list[diagnosis.Attempt] = []
    seen: list[_Evidence] = []
    tree, strategy, notes = job.base, "first", job.notes
    while True:
        number = len(attempts) + 1
        run.emit(
            "task.started",
            f"started:{run.workflow}:{number}",
            {"task": task.id, "attempt": number, "title": task.title, "role": task.role, "base": tree},
        )
        applied = await _attempt(run, ports, job, task, tree, number, notes)
        if applied.refusals:
            evidence = _refused(applied.refusals)
        else:
            tree = applied.tree
            evidence = await _check(run, ports, job, task, tree, name=f"development.check:{number}")
            _log_evidence(run, task, number, tree, evidence)
        if not evidence.failures:
            return _result(job, tree, number, evidence)
        seen.append(evidence)
        attempts.append(
            diagnosis.Attempt(
                number=number,
                patch=applied.signature,
                failure=diagnosis.failure_signature(evidence.report, evidence.findings),
                failures=evidence.failures,
                strategy=strategy,
            )
        )
        step = await run.step(f"development.diagnose:{number}", partial(_diagnose, job, attempts), diagnosis.Step)
        run.emit(
            "repair.decided",
            f"repair:{run.workflow}:{number}",
            {"task": task.id, "attempt": number, "strategy": step.strategy, "reason": step.reason},
        )
        if step.strategy == "stop":
            return _result(job, tree, number, evidence, failed=step.reason)
        strategy = step.strategy
        if step.strategy == "fresh":
            tree = job.base
            notes = (*job.notes, repair.lesson([(item.report, item.findings) for item in seen]))
        else:
            notes = (*job.notes, repair.repair_note(evidence.report, evidence.findings))


async def _diagnose(job: Job, attempts: Sequence[diagnosis.Attempt]) -> diagnosis.Step:
    """A step although it is pure: its thresholds change with versions, and a resumed run must not."""
    return diagnosis.next_step(attempts, most_repairs=job.options.max_repairs)


def _result(job: Job, tree: Tree, attempts: int, evidence: _Evidence, *, failed: str = "") -> TaskResult:
    return TaskResult(
        task=job.task,
        status="failed" if failed else "done",
        base=job.base,
        tree=tree,
        attempts=attempts,
        reason=failed,
        report=evidence.report,
        findings=evidence.findings,
    )


async def _attempt(
    run: Run, ports: Ports, job: Job, task: Task, tree: Tree, number: int, notes: tuple[str, ...]
) -> _Applied:
    """Get a patch and apply it; a refused patch is corrected once, cheaply."""
    if number == 1 and job.candidate is not None:
        written = _Written(patch=job.candidate, text="")
    else:
        written = await _write(run, ports, job, task, tree, f"development.write_patch:{number}", notes, sample=0)
    applied = await _apply(run, ports, job, task, tree, written, number)
    if not applied.refusals:
        return applied
    again = (*notes, write.previous_answer(written.text), write.correction(applied.refusals))
    written = await _write(run, ports, job, task, tree, f"development.correct_patch:{number}", again, sample=0)
    return await _apply(run, ports, job, task, tree, written, number, corrected=True)


async def _write(
    run: Run, ports: Ports, job: Job, task: Task, tree: Tree, name: str, notes: tuple[str, ...], *, sample: int
) -> _Written:
    def brief_of() -> str:
        changed = () if task.files else ports.repository.changes(job.origin, tree)
        return context.brief(
            task,
            job.plan,
            job.specification,
            ports.repository,
            tree,
            ports.retriever,
            most_chars=_MOST_BRIEF_CHARS,
            focus=[file.path for file in changed if file.status != "deleted"],
        )

    async def ask() -> _Written:
        brief = await asyncio.to_thread(brief_of)
        patch, answered = await write.write_patch(
            ports.model,
            brief,
            role=task.role,
            purpose=name.rpartition(":")[0],
            scope=task.id,
            notes=notes,
            sample=sample,
        )
        return _Written(patch=patch, text=answered.replies[-1].text)

    return await run.step(name, ask, _Written)


async def _apply(
    run: Run, ports: Ports, job: Job, task: Task, tree: Tree, written: _Written, number: int, *, corrected: bool = False
) -> _Applied:
    def apply_it() -> _Applied:
        result = apply.apply(ports.repository, tree, written.patch, write_set=task.files)
        signature = diagnosis.patch_signature(written.patch)
        if isinstance(result, apply.Applied):
            return _Applied(tree=result.tree, files=result.files, signature=signature)
        return _Applied(tree=tree, refusals=result, signature=signature)

    label = f"{number}{'.corrected' if corrected else ''}"
    applied = await run.blocking(f"development.apply_patch:{label}", apply_it, _Applied)
    key = f"{run.workflow}:{label}"
    if applied.refusals:
        run.emit(
            "patch.refused",
            f"refused:{key}",
            {"task": task.id, "attempt": number, "refusals": applied.refusals},
        )
    else:
        run.emit(
            "patch.applied",
            f"applied:{key}",
            {"task": task.id, "attempt": number, "tree": applied.tree, "files": applied.files},
        )
    return applied


def _refused(refusals: Sequence[Refusal]) -> _Evidence:
    text = "; ".join(f"{refusal.path}: {refusal.reason}" for refusal in refusals)
    return _Evidence(report=TestReport(suite="unit", problem=f"the patch was refused twice: {text}", exit_code=1))


async def _check(run: Run, ports: Ports, job: Job, task: Task, tree: Tree, *, name: str) -> _Evidence:
    """Run the tests and the quick scanners on a tree."""
    whole = len(job.plan.tasks) == 1

    async def own_tests() -> TestReport:
        has_tests, older = await asyncio.to_thread(_tests_in, ports, job.origin, tree)
        if not has_tests and not task.check:
            return TestReport(suite="unit")
        async with ports.sandbox.open(tree, environment=job.environment) as workspace:
            return await runner.run_tests(workspace, suite="existing" if older else "unit", paths=task.check)

    async def examples() -> TestReport | None:
        # A single task is the whole product, so the examples of the specification apply already.
        if not whole or not any(requirement.examples for requirement in job.specification.requirements):
            return None
        async with ports.sandbox.open(tree, environment=job.environment) as workspace:
            return await system.run_examples(workspace, job.specification)

    async def check() -> _Evidence:
        # Side by side, each suite on a copy of its own.
        report, executed, findings = await asyncio.gather(
            own_tests(), examples(), scanning.new_findings(ports.scanners, ports.repository, job.origin, tree)
        )
        if executed is not None:
            report = _together(report, executed)
        return _Evidence(report=_forgive(report, job.known_failures), findings=findings)

    evidence = await run.step(name, check, _Evidence)
    if not evidence.report.cases and not evidence.report.problem and task.files and not whole:
        problem = "the task brought no test that runs"
        return msgspec.structs.replace(evidence, report=msgspec.structs.replace(evidence.report, problem=problem))
    return evidence


def _tests_in(ports: Ports, origin: Tree, tree: Tree) -> tuple[bool, bool]:
    """Whether a tree holds tests, and whether some of them are older than the run."""
    has, older = (any(is_test_file(file.path) for file in ports.repository.files(each)) for each in (tree, origin))
    return has, older


def _together(unit: TestReport, executed: TestReport) -> TestReport:
    return msgspec.structs.replace(
        unit,
        cases=unit.cases + executed.cases,
        exit_code=unit.exit_code or executed.exit_code,
        problem=unit.problem or executed.problem,
        output=(unit.output + "\n" + executed.output).strip(),
        wall_s=unit.wall_s + executed.wall_s,
    )


def _forgive(report: TestReport, known: Sequence[str]) -> TestReport:
    """Tests that failed before the run changed anything are shown as skipped, not as this run's failures."""
    if not known:
        return report
    cases = tuple(
        msgspec.structs.replace(case, outcome="skipped", message="failed before this run began")
        if case.id in known and case.outcome in ("failed", "error")
        else case
        for case in report.cases
    )
    failing = any(case.outcome in ("failed", "error") for case in cases)
    return msgspec.structs.replace(report, cases=cases, exit_code=report.exit_code if failing else 0)


def _log_evidence(run: Run, task: Task, number: int, tree: Tree, evidence: _Evidence) -> None:
    key = f"{run.workflow}:{number}"
    place = {"scope": task.id, "attempt": number, "tree": tree}
    run.emit("tests.ran", f"tests:{key}", {**place, "report": evidence.report})
    run.emit("scan.done", f"scan:{key}", {**place, "findings": evidence.findings})
