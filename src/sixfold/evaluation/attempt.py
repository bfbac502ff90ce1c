"""One attempt: a sample solved by a solver, scored and judged. Runs in a process of its own, any number of times.

The attempt's folder holds everything it knows:

    run.txt           the run of the full flow
    journal.jsonl     what the simulated user read and said
    reviews.jsonl     what the reviewer was offered and decided
    models/           recorded answers and costs of user, judge and plain flow
    product/          what was built
    recording/        the run's answers and decisions, which replay without a model
    judgement.json    the judge's words, as evidence
    result.json       written last; an attempt that has one is not made again
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import msgspec

from sixfold import wiring
from sixfold.config import Settings
from sixfold.domain.data import Data, Digest
from sixfold.domain.errors import BudgetExceeded, ModelError, SixfoldError
from sixfold.domain.model import Usage
from sixfold.domain.requirements import Requirement
from sixfold.domain.run import Budget, Decision, Options
from sixfold.domain.view import RunView
from sixfold.evaluation import solvers
from sixfold.evaluation.judge import Judgement, Line, judge
from sixfold.evaluation.organisation import Organisation, organisation
from sixfold.evaluation.reviewer import (
    ModelReviewer,
    Reviewed,
    Reviewer,
    ReviewerDoor,
    RuleReviewer,
    read_reviews,
)
from sixfold.evaluation.sample import Sample
from sixfold.evaluation.scanned import Scanned, scan
from sixfold.evaluation.scorer import Score, score
from sixfold.evaluation.solvers import Solver
from sixfold.evaluation.user import ModelReader, Noted, Reader, UserDoor, read_journal
from sixfold.wiring import Accounted

EVALUATION_SHARE = 0.2
"""Of an attempt's cap: what the simulated user and the judge may use of it."""


class Job(Data, frozen=True, kw_only=True):
    """Everything the process of an attempt needs."""

    sample: Sample
    solver: Solver
    epoch: int = 1
    settings: Settings
    models: tuple[tuple[str, str], ...]
    """(role, model) of the flow, of `user` and of `judge`."""
    options: Options
    judged: bool
    scanned: bool = False
    """Whether scanners look at the product."""
    lender: str = ""
    """Run whose answers a new run takes over (`Solver.answers_of`); empty = none."""
    folder: Path


class Understanding(Data, frozen=True, kw_only=True):
    """What a flow understood of the intent, as far as it put it in words."""

    lines: tuple[Line, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    judgement: Judgement | None = None
    """None when nobody judged."""


class Attempt(Data, frozen=True, kw_only=True):
    """How an attempt ended; the record of the eval log."""

    schema_version: int = 1
    sample: str
    version: Digest
    """Of the sample's text."""
    solver: str
    epoch: int = 1
    state: Literal["done", "stopped"]
    """`stopped` counts nowhere; the next call goes on with it."""
    problem: str = ""
    run: str = ""
    lender: str = ""
    """Run whose answers this one took over where it asked the same; they are counted in `usage` as its own."""
    validated: bool = False
    """The flow itself says that it is done; always false for the plain flow, which says nothing."""
    score: Score | None = None
    journal: tuple[Noted, ...] = ()
    reviews: tuple[Reviewed, ...] = ()
    scanned: Scanned | None = None
    """None when nobody looked."""
    understanding: Understanding = Understanding()
    tasks: int = 0
    organisation: Organisation = Organisation()
    usage: Usage = Usage()
    """Of the flow."""
    evaluation_usage: Usage = Usage()
    """Of the simulated user, the reviewer and the judge: not the flow's cost."""
    wall_s: float = 0.0
    """Of the flow; time spent waiting for a person is left out."""


def work(job: Job, reader: Reader | None = None) -> Attempt:
    """Make an attempt, or go on with it. What was paid for is on disk and is not paid again.

    Args:
        reader: the user, instead of a model in that role.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    try:
        made = _plain(job) if job.solver.flow == "plain" else _full(job, reader)
    except (ModelError, BudgetExceeded) as error:
        made = _stopped(job, error)
    if made.state == "done":
        write(job.folder / "result.json", made)
    return made


def write(path: Path, value: Data) -> None:
    """Write a value as JSON, whole or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")
    draft.replace(path)


def _attempt(job: Job, state: Literal["done", "stopped"], **fields: object) -> Attempt:
    base = Attempt(
        sample=job.sample.id, version=job.sample.digest, solver=job.solver.name, epoch=job.epoch, state=state
    )
    return msgspec.structs.replace(base, **fields)


def _stopped(job: Job, error: SixfoldError) -> Attempt:
    return _attempt(job, "stopped", problem=error.what + (f" ({error.why})" if error.why else ""))


def _own_models(job: Job, share: float) -> tuple[tuple[tuple[str, str], ...], Budget]:
    budget = job.options.budget
    return job.models, Budget(
        usd=None if budget.usd is None else budget.usd * share,
        tokens=None if budget.tokens is None else int(budget.tokens * share),
    )


def _owner(job: Job) -> str:
    return f"evaluation-{job.sample.id}-{job.solver.name}-{job.epoch}"


def _plain(job: Job) -> Attempt:
    """One call, scored; its cost is the flow's."""

    async def solve() -> Attempt:
        laboratory = await wiring.open_laboratory(job.settings, job.folder / "laboratory")
        models, budget = _own_models(job, 1.0)
        place, waits_s = job.folder / "models", list[float]()
        async with wiring.open_models(models, place, owner=_owner(job), budget=budget, took_s=waits_s.append) as model:
            product = job.folder / "product"
            problem = await solvers.plain(model, laboratory, job.solver, job.sample, product)
            wall_s, usage = sum(waits_s), model.spent()
        found = await score(laboratory, job.sample, product, job.folder / "bench")
        seen = await scan(laboratory, job.sample, product) if job.scanned else None
        measured = {"score": found, "scanned": seen, "usage": usage, "wall_s": round(wall_s, 1)}
        return _attempt(job, "done", problem=problem, **measured)

    return asyncio.run(solve())


def _full(job: Job, reader: Reader | None) -> Attempt:
    """A whole run with whoever is at its door, scored and judged."""
    models, budget = _own_models(job, EVALUATION_SHARE)
    own = ("user", "judge")
    share = 1 - EVALUATION_SHARE
    options = msgspec.structs.replace(
        job.options,
        models=tuple(pair for pair in models if pair[0] not in own),
        budget=Budget(
            usd=None if job.options.budget.usd is None else job.options.budget.usd * share,
            tokens=None if job.options.budget.tokens is None else int(job.options.budget.tokens * share),
        ),
    )
    run = solvers.begin(job.settings, job.solver, job.sample, options, job.folder, lender=job.lender)
    journal = job.folder / "journal.jsonl"
    door: wiring.Door | None = _LateDoor(job, run, budget, reader) if job.solver.user else None
    if job.solver.reviewer:
        door = ReviewerDoor(job.settings, run, lambda: _reviewer(job, budget), job.folder / "reviews.jsonl")
    built = solvers.drive(job.settings, job.solver, run, options, door)
    if built.stopped:
        return _attempt(job, "stopped", problem=built.stopped, run=run)
    solvers.keep_product(job.settings, built.view, job.folder / "product")
    wiring.keep_recording(job.settings, run, job.folder / "recording")
    noted = read_journal(journal)

    async def examine() -> tuple[Score, Scanned | None, Understanding, Usage]:
        laboratory = await wiring.open_laboratory(job.settings, job.folder / "laboratory")
        found = await score(laboratory, job.sample, job.folder / "product", job.folder / "bench")
        seen = await scan(laboratory, job.sample, job.folder / "product") if job.scanned else None
        async with wiring.open_models(job.models, job.folder / "models", owner=_owner(job), budget=budget) as model:
            understood = await _understanding(job, model, built.view, noted)
            return found, seen, understood, model.spent()

    found, seen, understood, evaluation_usage = asyncio.run(examine())
    outcome = built.view.outcome
    return _attempt(
        job,
        "done",
        problem=outcome.reason if outcome else built.view.pause.what if built.view.pause else "",
        run=run,
        lender=job.lender,
        validated=bool(outcome and outcome.status == "validated"),
        score=found,
        journal=noted,
        reviews=read_reviews(job.folder / "reviews.jsonl"),
        scanned=seen,
        understanding=understood,
        tasks=len(built.view.tasks),
        organisation=organisation(built.view, job.sample),
        usage=built.view.usage,
        evaluation_usage=evaluation_usage,
        wall_s=round(built.view.wall_s, 1),
    )


@contextlib.asynccontextmanager
async def _reviewer(job: Job, budget: Budget) -> AsyncIterator[Reviewer]:
    """The model that was named for this role; the checklist when none was, or when it is what the solver wants."""
    if job.solver.reviewer == "checklist" or "reviewer" not in dict(job.models):
        yield RuleReviewer()
        return
    async with wiring.open_models(job.models, job.folder / "models", owner=_owner(job), budget=budget) as model:
        yield ModelReviewer(model)


async def _understanding(job: Job, model: Accounted, view: RunView, noted: tuple[Noted, ...]) -> Understanding:
    """Lines and requirements, with the judge's verdict where a judge is wanted."""
    lines = lines_of(view, noted)
    requirements = view.specification.requirements if view.specification else ()
    if not job.judged:
        return Understanding(lines=lines, requirements=requirements)
    verdict = await judge(model, job.sample, lines, noted, requirements)
    write(job.folder / "judgement.json", verdict)
    return Understanding(lines=lines, requirements=requirements, judgement=verdict)


def lines_of(view: RunView, noted: tuple[Noted, ...]) -> tuple[Line, ...]:
    """What stood before the person: every question, and every assumption, as it read when it was first shown.

    Without a person, the assumptions are those of the final specification: they are on record, though nobody read them.
    """
    if noted:
        shown = {(item.id, item.line): item for item in noted if item.kind != "rejection"}
        lines: list[Line] = []
        taken: set[str] = set()
        for item in shown.values():
            id = item.id if item.id not in taken else f"{item.id}'{len(taken)}"
            taken.add(id)
            lines.append(Line(id=id, kind="question" if item.kind == "question" else "assumption", text=item.line))
        return tuple(lines)
    from_view = [Line(id=item.id, kind="question", text=item.text) for item in view.questions]
    if view.specification is not None:
        from_view += [Line(id=item.id, kind="assumption", text=item.text) for item in view.specification.assumptions]
    return tuple(from_view)


class _LateDoor:
    """Opens the user's model when the first subject comes up: inside the loop that drives the run."""

    def __init__(self, job: Job, run: str, budget: Budget, reader: Reader | None) -> None:
        self._job = job
        self._run = run
        self._budget = budget
        self._reader = reader

    async def ask(self, subject: str, view: RunView) -> Decision | None:
        job, journal = self._job, self._job.folder / "journal.jsonl"
        if self._reader is not None:
            return await UserDoor(job.settings, self._run, self._reader, journal).ask(subject, view)
        place, owner = job.folder / "models", _owner(job)
        async with wiring.open_models(job.models, place, owner=owner, budget=self._budget) as model:
            reader = ModelReader(model, job.sample)
            return await UserDoor(job.settings, self._run, reader, journal).ask(subject, view)
