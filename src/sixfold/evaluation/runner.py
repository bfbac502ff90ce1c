"""Runs attempts side by side, each in a process of its own, within one budget."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field

import msgspec

from sixfold.config import Settings
from sixfold.domain.model import Usage
from sixfold.domain.run import Budget, Options
from sixfold.evaluation.attempt import Attempt, Job, work
from sixfold.evaluation.eval_log import EvalLog, header_of
from sixfold.evaluation.sample import Sample
from sixfold.evaluation.solvers import SOLVERS, Solver

Tell = Callable[[str], None]
Place = tuple[Sample, Solver, int]
"""Sample, solver and epoch: which attempt."""


@dataclass(frozen=True)
class Setup:
    """One evaluation, as asked for."""

    name: str
    version: str
    samples: tuple[Sample, ...]
    solvers: tuple[Solver, ...]
    settings: Settings
    models: tuple[tuple[str, str], ...]
    """(role, model) pairs, `user` and `judge` among them."""
    options: Options
    log: EvalLog
    budget: Budget = field(default_factory=Budget)
    """Of the whole evaluation, in all its sittings; shared out evenly among the attempts that are left."""
    epochs: int = 1
    parallel: int = 1
    judged: bool = False
    scanned: bool = False
    tell: Tell = field(default=lambda line: None)


def run(setup: Setup) -> tuple[Attempt, ...]:
    """Make every attempt that is not done yet; returns those that were stopped on the way.

    Raises:
        SixfoldError: what concerns all attempts (no sandbox, a full disk, another evaluation in the folder).
    """
    setup.log.open(header_of(setup.name, setup.version, setup.models, setup.solvers, setup.samples))
    left: list[Place] = []
    spent = Usage()
    for epoch in range(1, setup.epochs + 1):
        for sample in setup.samples:
            for solver in setup.solvers:
                done = setup.log.done(setup.log.place(sample, solver, epoch))
                if done is None:
                    left.append((sample, solver, epoch))
                else:
                    spent = spent + done.usage + done.evaluation_usage
    total = len(left)
    setup.tell(f"{total} attempts to make, {len(setup.log.attempts())} done before")
    if not left:
        return ()
    # A process an attempt: the durable engine is one to a process, and what a run leaves behind ends with it.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        min(setup.parallel, total), mp_context=context, initializer=_end_with_parent, max_tasks_per_child=1
    )
    stopped: list[Attempt] = []
    held: dict[Future[Attempt], tuple[Place, Budget]] = {}
    try:
        while left or held:
            while len(held) < setup.parallel and (next_one := ready(left, [place for place, _ in held.values()])):
                left.remove(next_one)
                share = cap(setup.budget, spent, [share for _, share in held.values()], 1 + len(left))
                held[pool.submit(work, _job(setup, *next_one, share))] = (next_one, share)
            finished, _ = wait(held, return_when=FIRST_COMPLETED)
            for future in finished:
                del held[future]
                attempt = future.result()
                spent = spent + attempt.usage + attempt.evaluation_usage
                setup.tell(_line(attempt, total - len(left) - len(held), total))
                if attempt.state == "stopped":
                    stopped.append(attempt)
                    # Without the answers it was to have, an attempt would be another experiment: it waits, too.
                    left = [place for place in left if not _rests_on(place, attempt)]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return tuple(stopped)


def ready(left: Sequence[Place], held: Sequence[Place]) -> Place | None:
    """The next attempt to make, in order; one that takes over answers waits until they are given."""
    open_ones = {(sample.id, solver.name, epoch) for sample, solver, epoch in (*left, *held)}
    return next((place for place in left if (place[0].id, place[1].answers_of, place[2]) not in open_ones), None)


def _rests_on(place: Place, attempt: Attempt) -> bool:
    sample, solver, epoch = place
    return (sample.id, solver.answers_of, epoch) == (attempt.sample, attempt.solver, attempt.epoch)


def _end_with_parent() -> None:
    """End this process when the evaluation is gone: everything it did is on disk, and nobody waits for it."""

    def follow() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(130)

    threading.Thread(target=follow, name="parent", daemon=True).start()


def _job(setup: Setup, sample: Sample, solver: Solver, epoch: int, share: Budget) -> Job:
    return Job(
        sample=sample,
        solver=solver,
        epoch=epoch,
        settings=setup.settings,
        models=setup.models,
        options=msgspec.structs.replace(setup.options, budget=share),
        judged=setup.judged,
        scanned=setup.scanned,
        lender=_lender(setup, sample, solver, epoch),
        folder=setup.log.place(sample, solver, epoch).absolute(),
    )


def _lender(setup: Setup, sample: Sample, solver: Solver, epoch: int) -> str:
    """The run whose answers an attempt takes over, when the evaluation has made it."""
    if not solver.answers_of:
        return ""
    lent = setup.log.done(setup.log.place(sample, SOLVERS[solver.answers_of], epoch))
    return lent.run if lent is not None else ""


def cap(budget: Budget, spent: Usage, held: Sequence[Budget], left: int) -> Budget:
    """An even share of what nobody has spent or holds."""
    tokens = usd = None
    if budget.tokens is not None:
        used = spent.input_tokens + spent.output_tokens + sum(cap.tokens or 0 for cap in held)
        tokens = max(0, (budget.tokens - used) // left)
    if budget.usd is not None:
        usd = max(0.0, (budget.usd - (spent.cost_usd or 0.0) - sum(cap.usd or 0.0 for cap in held)) / left)
    return Budget(usd=usd, tokens=tokens)


def _line(attempt: Attempt, number: int, total: int) -> str:
    head = f"[{number}/{total}] {attempt.sample} · {attempt.solver}"
    if attempt.state == "stopped":
        return f"{head}: stopped: {attempt.problem}"
    found = attempt.score
    met = "-" if found is None or found.rows_met is None else f"{found.rows_met:.0%}"
    tokens = attempt.usage.input_tokens + attempt.usage.output_tokens
    released = "released" if attempt.validated else "not released" if attempt.run else "no gate"
    return f"{head}: {met} of the rows met, {released}, {attempt.usage.calls} calls, {tokens:,} tokens"
