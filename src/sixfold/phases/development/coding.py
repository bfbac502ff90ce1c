"""One task, a child workflow: brief, patch, application, evidence, and the short repair ladder."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from sixfold.domain.code import Patch, Refusal
from sixfold.domain.data import Data, Digest, Tree
from sixfold.domain.evidence import TestReport
from sixfold.domain.flow import Job, TaskResult
from sixfold.domain.plan import Task
from sixfold.domain.ports import Ports
from sixfold.domain.words import words_of
from sixfold.layers.planning import context
from sixfold.layers.refinement import diagnosis, repair
from sixfold.layers.synthesis import apply, write
from sixfold.phases.development.checking import Evidence, check_tree, log_evidence
from sixfold.workflow.run import Run

TASK = "task"
"""Kind of the child workflow that does one task."""

_MOST_BRIEF_CHARS = 48_000


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


async def work(run: Run, ports: Ports, job: Job) -> TaskResult:
    """One task, from brief to evidence: attempt, check, and climb the short repair ladder when it fails."""
    task = job.plan.task(job.task)
    attempts: list[diagnosis.Attempt] = []
    seen: list[Evidence] = []
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
            evidence = await check_tree(run, ports, job, task, tree, name=f"development.check:{number}")
            log_evidence(run, task, number, tree, evidence)
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
        words = words_of(run.events()).person
        result = apply.apply(
            ports.repository, tree, written.patch, write_set=task.files, origin=job.origin, words=words
        )
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


def _refused(refusals: Sequence[Refusal]) -> Evidence:
    text = "; ".join(f"{refusal.path}: {refusal.reason}" for refusal in refusals)
    return Evidence(report=TestReport(suite="unit", problem=f"the patch was refused twice: {text}", exit_code=1))
