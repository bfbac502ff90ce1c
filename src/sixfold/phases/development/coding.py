"""One task, a child workflow: brief, patch, application, evidence, and the short repair ladder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from sixfold.domain.code import Objection
from sixfold.domain.data import Tree
from sixfold.domain.evidence import TestReport
from sixfold.domain.flow import Job, TaskResult
from sixfold.domain.ports import Ports
from sixfold.layers.refinement import diagnosis, repair
from sixfold.phases.development.checking import Evidence, check_tree, log_evidence, refused
from sixfold.phases.development.sampling import choose
from sixfold.phases.development.writing import Applied, Turn, Written, attempt, sample
from sixfold.workflow.run import Run

TASK = "task"
"""Kind of the child workflow that does one task."""


async def work(run: Run, ports: Ports, job: Job) -> TaskResult:
    """One task, from brief to evidence: attempt, check, and climb the short repair ladder when it fails."""
    task = job.assigned
    attempts: list[diagnosis.Attempt] = []
    seen: list[Evidence] = []
    turn = Turn(number=1, tree=job.base, notes=job.notes)
    while True:
        number, tree = turn.number, turn.tree
        run.emit(
            "task.started",
            f"started:{run.workflow}:{number}",
            {"task": task.id, "attempt": number, "title": task.title, "role": task.role, "base": tree},
        )
        applied, evidence = await _try(run, ports, job, turn, seen[-1:])
        if applied.objection is not None:
            return _objects(job, tree, number, applied.objection)
        if not applied.refusals:
            tree = applied.tree
        # Whether a finding that the coder calls wrong is one, validation and a person decide: it stands until then.
        disputed = bool(applied.declined) and evidence.failures == evidence.blocking
        # On stand-ins a failure proves little: the real parts will tell.
        if not evidence.failures or disputed or job.stubs:
            done = _result(job, tree, number, evidence)
            return msgspec.structs.replace(done, published=applied.published, declined=applied.declined)
        seen.append(evidence)
        attempts.append(_attempt_of(turn, applied, evidence))
        step = await run.step(f"development.diagnose:{number}", partial(_diagnose, job, attempts), diagnosis.Step)
        run.emit(
            "repair.decided",
            f"repair:{run.workflow}:{number}",
            {"task": task.id, "attempt": number, "strategy": step.strategy, "reason": step.reason},
        )
        if step.strategy == "stop":
            return _result(job, tree, number, evidence, failed=_known(step.reason, evidence))
        turn = _next_turn(job, tree, number + 1, step.strategy, seen)


def _next_turn(job: Job, tree: Tree, number: int, strategy: str, seen: Sequence[Evidence]) -> Turn:
    """Where the next attempt begins and what it is told about those before."""
    if strategy == "sample":
        return Turn(number=number, tree=job.base, notes=job.notes, strategy=strategy)
    if strategy in ("fresh", "expert"):
        lesson = repair.lesson([(item.report, item.findings) for item in seen])
        return Turn(number=number, tree=job.base, notes=(*job.notes, lesson), strategy=strategy)
    last = seen[-1]
    note = repair.repair_note(last.report, last.findings, doubtful=last.doubtful)
    return Turn(number=number, tree=tree, notes=(*job.notes, note), strategy=strategy)


async def _try(run: Run, ports: Ports, job: Job, turn: Turn, last: Sequence[Evidence]) -> tuple[Applied, Evidence]:
    """One attempt with its evidence: a single patch, or the best of several candidates.

    Args:
        last: the evidence of the attempt before; it holds for a repair that left the tree as it was.
    """
    if turn.number == 1 and len(job.candidates) > 1:
        # Readings of the request that the clarity check paid for already.
        ready = [Written(patch=patch, text="") for patch in job.candidates]
        return await choose(run, ports, job, turn, ready)
    if turn.strategy == "sample":
        return await choose(run, ports, job, turn, await sample(run, ports, job, turn))
    applied = await attempt(run, ports, job, turn)
    if applied.objection is not None:
        return applied, Evidence(report=TestReport(suite="unit"))
    if applied.refusals:
        return applied, refused(applied.refusals)
    if turn.strategy == "repair" and applied.tree == turn.tree and last:
        return applied, last[-1]
    evidence = await check_tree(run, ports, job, applied.tree, name=f"development.check:{turn.number}")
    log_evidence(run, job.assigned, turn.number, applied.tree, evidence)
    return applied, evidence


def _attempt_of(turn: Turn, applied: Applied, evidence: Evidence) -> diagnosis.Attempt:
    return diagnosis.Attempt(
        number=turn.number,
        patch=applied.signature,
        failure=diagnosis.failure_signature(evidence.report, evidence.findings),
        failures=evidence.failures,
        strategy=turn.strategy,
        passed=evidence.report.count("passed"),
        blocked=bool(evidence.report.problem),
        failing=diagnosis.failing_signatures(evidence.report),
        depth=diagnosis.depth(evidence.report),
    )


async def _diagnose(job: Job, attempts: Sequence[diagnosis.Attempt]) -> diagnosis.Step:
    """A step although it is pure: its thresholds change with versions, and a resumed run must not."""
    task = job.assigned
    return diagnosis.next_step(
        attempts,
        most_repairs=job.options.max_repairs,
        samples=job.options.candidates,
        divisible=len(task.requirements) > 1 or len(task.files) > 2,
        expert=bool(job.options.experts),
    )


def _known(reason: str, evidence: Evidence) -> str:
    """The reason a task ended without success, with the first failures that stand: what is known at the end."""
    failing = [case.id for case in evidence.report.cases if case.outcome in ("failed", "error")]
    if not failing:
        return reason
    more = f" and {len(failing) - 3} more" if len(failing) > 3 else ""
    return f"{reason}; {evidence.report.count('passed')} tests pass, failing: {', '.join(failing[:3])}{more}"


def _result(job: Job, tree: Tree, attempts: int, evidence: Evidence, *, failed: str = "") -> TaskResult:
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


def _objects(job: Job, tree: Tree, attempts: int, objection: Objection) -> TaskResult:
    """The coder says that a contract is wrong; whether it is, others decide."""
    reason = f"it says that contract {objection.contract} cannot be kept: {' '.join(objection.text.split())[:200]}"
    return TaskResult(
        task=job.task,
        status="failed",
        base=job.base,
        tree=tree,
        attempts=attempts,
        reason=reason,
        objection=objection,
    )
