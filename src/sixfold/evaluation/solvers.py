"""Solvers: ways from a sample's brief to a product. A solver is data; two flows know how to follow it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from sixfold import wiring
from sixfold.config import Settings
from sixfold.domain.data import Data, Tree
from sixfold.domain.errors import InvalidReply, SixfoldError, UsageError
from sixfold.domain.fold import fold
from sixfold.domain.model import Message, ModelRequest
from sixfold.domain.ports import Model
from sixfold.domain.prompt import Prompt
from sixfold.domain.replies import ask
from sixfold.domain.run import Options
from sixfold.domain.view import RunView
from sixfold.evaluation.sample import Sample
from sixfold.layers.synthesis import apply
from sixfold.layers.synthesis.formats import blocks
from sixfold.wiring import Door, Laboratory

PLAIN = Prompt.parse((Path(__file__).parent / "prompts" / "plain.md").read_text(encoding="utf-8"))


class Solver(Data, frozen=True, kw_only=True):
    """One way to solve a sample."""

    name: str
    about: str
    flow: Literal["sixfold", "plain"] = "sixfold"
    """`sixfold`: a whole run. `plain`: one call to the coder's model, its files as they come."""
    clarify: Literal["auto", "always", "never"] = "auto"
    unanswered: Literal["wait", "default"] = "default"
    plan: Literal["auto", "direct", "static"] = "auto"
    user: bool = False
    """A simulated user answers questions and corrects assumptions."""
    reviewer: Literal["", "named", "checklist"] = ""
    """Who reads every increment and the release: the model in that role (without one a checklist), or a checklist."""
    answers_of: str = ""
    """The solver whose run of the same sample, when it is part of the evaluation, lends its answers: what both ask has
    one answer, so that the difference between them is what this one does otherwise."""
    told: bool = False
    """The whole intent comes with the request."""


SOLVERS = {
    solver.name: solver
    for solver in (
        Solver(name="clarity", about="the full flow; a simulated user is there", unanswered="wait", user=True),
        Solver(name="guess", about="the full flow without the clarity check: nobody is asked", clarify="never"),
        Solver(name="defaults", about="the full flow as `-y` runs it: questions take their defaults"),
        Solver(name="told", about="the full flow, given the whole intent: the ceiling", clarify="never", told=True),
        Solver(name="dynamic", about="a task graph that changes on evidence; nobody is asked", clarify="never"),
        Solver(name="static", about="a fixed line of roles; nobody is asked", clarify="never", plan="static"),
        Solver(name="direct", about="one task for everything; nobody is asked", clarify="never", plan="direct"),
        Solver(name="full", about="the full flow as `-y` runs it: every gate, nobody looks"),
        Solver(
            name="reviewed",
            about="the full flow; a reviewer reads every increment and the release",
            reviewer="named",
            answers_of="full",
        ),
        Solver(
            name="checked",
            about="the full flow; a checklist in code reads every increment and the release",
            reviewer="checklist",
            answers_of="full",
        ),
        Solver(name="plain", about="one call to the same model, nothing else", flow="plain"),
        Solver(name="plain-told", about="one call, given the whole intent", flow="plain", told=True),
    )
}


class Built(Data, frozen=True, kw_only=True):
    """How a run stands after it was driven."""

    run: str
    view: RunView
    stopped: str = ""
    """Why there is no end yet (budget, model, interruption); empty when the run ended, well or badly. A model whose
    answers cannot be read is an end: leaving such runs out would flatter the flow."""


def named(names: Sequence[str]) -> tuple[Solver, ...]:
    """Solvers by name, in the order given.

    Raises:
        UsageError: there is no such solver.
    """
    unknown = [name for name in names if name not in SOLVERS]
    if unknown or not names:
        raise UsageError(f"there is no solver {unknown[0] if unknown else ''!r}", next=f"one of {', '.join(SOLVERS)}")
    return tuple(SOLVERS[name] for name in dict.fromkeys(names))


def options_for(solver: Solver, options: Options) -> Options:
    """The options of a run that this solver starts; increments are reviewed only where a reviewer is there."""
    return msgspec.structs.replace(
        options,
        clarify=solver.clarify,
        plan=solver.plan if solver.plan != "auto" else options.plan,
        unanswered=solver.unanswered,
        review="all" if solver.reviewer else "none",
        approve_release=not (solver.user or solver.reviewer),
        apply=False,
        record="",
        replay="",
    )


def begin(
    settings: Settings, solver: Solver, sample: Sample, options: Options, folder: Path, *, lender: str = ""
) -> str:
    """The run of an attempt: the one noted in its folder, or a new one, noted before anything is spent.

    Args:
        folder: of the attempt.
        lender: run whose answers a new run takes over; empty = none.
    """
    note = folder / "run.txt"
    if note.exists():
        return note.read_text(encoding="utf-8").strip()
    checkout = folder / "checkout"
    checkout.mkdir(parents=True, exist_ok=True)
    brief = sample.told if solver.told else sample.brief
    run = wiring.start(settings, brief, (), checkout, options_for(solver, options))
    if lender:
        wiring.share_answers(settings, lender, run)
    note.write_text(run + "\n", encoding="utf-8")
    return run


def drive(settings: Settings, solver: Solver, run: str, options: Options, door: Door | None) -> Built:
    """Drive a run to its next stop. A run that was paused goes on, with the options (and budget) of today.

    Expected ends (a gate that failed, a budget that is used up, a model that does not answer) are values.
    """
    log = wiring.state_of(settings).log(run)
    paused = any(event.kind == "run.paused" for event in log.read())
    stopped = ""
    try:
        wiring.drive(settings, run, options=options_for(solver, options) if paused else None, door=door)
    except SixfoldError as error:
        stopped = error.what
    view = msgspec.structs.replace(fold(log.read()), run=run)
    if view.outcome is not None or (view.pause is not None and view.pause.code == InvalidReply.code):
        return Built(run=run, view=view)
    if view.pause is not None:
        stopped = view.pause.what
    return Built(run=run, view=view, stopped=stopped or f"{run} waits for {', '.join(view.waiting) or 'somebody'}")


def product_tree(view: RunView) -> Tree | None:
    """The last whole product a run made: what it released or offered, else what stood after its last increment.

    A run that failed its own gates has still built something; whether it was released is told apart from how good
    it is.
    """
    if view.tree is not None:
        return view.tree
    live = view.live_increments
    return live[-1].increment.tree if live else None


def keep_product(settings: Settings, view: RunView, folder: Path) -> None:
    """Put the product of a run into a folder, anew."""
    shutil.rmtree(folder, ignore_errors=True)
    tree = product_tree(view)
    if tree is None:
        folder.mkdir(parents=True)
    else:
        wiring.write_product(settings, view.run, tree, folder)


async def plain(model: Model, laboratory: Laboratory, solver: Solver, sample: Sample, folder: Path) -> str:
    """The plain flow: one call (and one correction round if it cannot be read), its files as they come.

    Returns:
        Why there is no product; empty when there is one.

    Raises:
        ModelError, BudgetExceeded: as `Model.complete`, but not for an unreadable answer: that ends the flow.
    """
    text = PLAIN.render(request=sample.told if solver.told else sample.brief)
    request = ModelRequest(
        purpose="evaluation.plain",
        role="coder",
        system=PLAIN.system,
        messages=(Message(author="user", text=text),),
        max_output_tokens=32_000,
    )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        patch, _ = await ask(model, request, blocks.parse)
    except InvalidReply as error:
        return error.what
    repository = laboratory.repository
    applied = apply.apply(repository, repository.empty(), patch)
    if not isinstance(applied, apply.Applied):
        return "; ".join(refusal.reason for refusal in applied)
    repository.checkout(applied.tree, folder)
    return ""
