"""Phase 1 of 4: input. From what a person typed and attached to a specification (paper, section 2.2).

A small, clear request costs one call and no question; anything else goes through the clarity check.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from sixfold.domain.code import Snapshot
from sixfold.domain.data import from_json
from sixfold.domain.flow import Intent, Revision
from sixfold.domain.ports import Ports
from sixfold.domain.requirements import Question, Request, Specification
from sixfold.domain.revising import revisions
from sixfold.domain.run import Decision, Options
from sixfold.layers.planning import lookup
from sixfold.layers.requirements import decide, specify, triage
from sixfold.layers.requirements.answer import read_specification
from sixfold.layers.synthesis import direct
from sixfold.workflow.run import Run

_MOST_CONTEXT_CHARS = 20_000


async def understand(run: Run, ports: Ports, request: Request, options: Options, snapshot: Snapshot) -> Intent:
    """Turn a request into an intent: look around, check clarity, ask, write the specification."""
    run.emit("phase.started", "phase:input", {"phase": "input"})
    found = await _look_up(run, ports, request, snapshot)
    route = await run.step("input.triage", partial(_triage, request, options, found.overview), triage.Triage)
    run.emit("clarity.checked", "clarity", {"route": route.route, "signals": route.signals})
    intent = None
    if route.route == "direct":
        intent = await _attempt(run, ports, request, found)
    if intent is None:
        intent = Intent(specification=await _clarify(run, ports, request, options, found))
    run.emit("specification.written", "specification", {"specification": intent.specification, "by": "model"})
    run.emit("phase.ended", "phase-ended:input", {"phase": "input"})
    return intent


async def _triage(request: Request, options: Options, overview: str) -> triage.Triage:
    """A step although it is pure: the words it looks for change with versions, and a resumed run must not."""
    return triage.route(request.text, options.clarify, bool(request.attachments), overview)


async def _look_up(run: Run, ports: Ports, request: Request, snapshot: Snapshot) -> lookup.Found:
    """Search the repository for what the request talks about; nothing to do in an empty folder."""
    if snapshot.kind == "empty":
        return lookup.Found()

    def search() -> lookup.Found:
        return lookup.look_up(
            ports.retriever, ports.repository, snapshot.tree, request.text, most_chars=_MOST_CONTEXT_CHARS
        )

    found = await run.blocking("input.look_up", search, lookup.Found)
    run.emit("context.found", "context:request", {"paths": found.paths, "chars": len(found.text)})
    return found


async def _attempt(run: Run, ports: Ports, request: Request, found: lookup.Found) -> Intent | None:
    """The direct attempt; None when the model finds the request unclear or too large after all."""

    async def attempt() -> direct.Direct:
        reading = partial(read_specification, most_questions=0)
        found_out, _ = await direct.attempt(ports.model, request, found.text, reading)
        return found_out

    answer = await run.step("input.attempt", attempt, direct.Direct)
    if answer.specification is None:
        run.emit("note", "note:unclear", {"text": f"not a direct task after all: {answer.unclear}"})
        return None
    return Intent(specification=answer.specification, candidate=answer.patch)


async def _clarify(run: Run, ports: Ports, request: Request, options: Options, found: lookup.Found) -> Specification:
    """The clarity check: one call for the decisions, the person's say, one call for the specification."""
    most_questions = 0 if options.clarify == "never" else options.max_questions

    async def decide_it() -> Specification:
        ledger = await decide.decide(ports.model, request, found.text, most_questions=most_questions)
        # Asked for the check expressly, a person also wants to say yes when there is nothing to ask.
        return decide.with_confirmation(ledger) if options.clarify == "always" else ledger

    ledger = await run.step("input.clarify", decide_it, Specification)
    run.emit("specification.drafted", "specification:draft", {"specification": ledger})
    for question in ledger.questions:
        run.emit("question.asked", f"question:{question.id}", {"question": question})
    decisions: tuple[Decision, ...] = ()
    if options.unanswered == "defer" and ledger.questions:
        text = "work goes on with the declared defaults; the answers are awaited before the release"
        run.emit("note", "note:deferred", {"text": text})
    else:
        decisions = await _answers(run, ledger.questions, options)
    settled = specify.settle(ledger, (*decisions, *_taken(run, "input", offers=0)))

    if ledger.requirements and not specify.changed(ledger, settled):
        return settled  # a run of an older version, whose draft was a whole specification already

    async def write() -> Specification:
        return await specify.specify(ports.model, request, found.text, settled, packages=options.packages)

    return await run.step("input.specify", write, Specification)


async def late_decisions(
    run: Run, ports: Ports, request: Request, intent: Intent, options: Options, *, round: int, offers: int
) -> Revision | None:
    """What people decided after the specification was written, folded in; None when it changes nothing.

    Under `--unanswered defer` this waits for the open answers.

    Args:
        round: of validation; names the step.
        offers: number of the release offer that comes next.
    """
    before = intent.specification
    if not before.questions and not before.assumptions:
        return None
    decisions: tuple[Decision, ...] = ()
    if options.unanswered == "defer" and any(item.status == "open" for item in before.questions):
        decisions = await _answers(run, before.questions, options)
    decisions = (*decisions, *_taken(run, str(round), offers=offers))
    settled = specify.settle(before, decisions)
    if not specify.changed(before, settled):
        return None

    async def consolidate() -> Specification:
        return await specify.consolidate(ports.model, request, before, decisions)

    written = await run.step(f"input.consolidate:{round}", consolidate, Specification)
    run.emit("specification.written", f"specification:late:{round}", {"specification": written, "by": "model"})
    return Revision(
        specification=written,
        requirements=specify.affected(before, written),
        changes=specify.changes(before, settled),
    )


def _taken(run: Run, place: str, *, offers: int) -> tuple[Decision, ...]:
    """What people decided unasked by now; written down first, because a resumed run must take up the same here."""
    found = revisions(run.events(), offers)
    taken = run.emit("decisions.taken", f"taken:{place}", {"decisions": found})
    return from_json(taken.data["decisions"], tuple[Decision, ...])


async def _answers(run: Run, questions: Sequence[Question], options: Options) -> tuple[Decision, ...]:
    """A decision for every question: a human's, or the declared default where the policy says so."""
    if options.unanswered == "default":
        for question in questions:
            decision = Decision(
                subject=f"question:{question.id}",
                verdict="default",
                value=question.default,
                who="policy:unanswered-default",
            )
            run.emit("decision.given", f"decision:{decision.subject}", {"decision": decision}, who=decision.who)
    # All questions are open at once: a person may answer them in any order, from any door.
    return tuple(await asyncio.gather(*(run.decision(f"question:{question.id}") for question in questions)))
