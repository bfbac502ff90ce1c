"""Phase 1 of 4: input. From what a person typed and attached to a specification (paper, section 2.2).

A small, clear request costs one call and no question; anything else goes through the clarity check.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from sixfold.domain.code import Snapshot
from sixfold.domain.flow import Intent
from sixfold.domain.ports import Ports
from sixfold.domain.requirements import Question, Request, Specification
from sixfold.domain.run import Decision, Options
from sixfold.layers.planning import lookup
from sixfold.layers.requirements import clarify, specify, triage
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
    """The clarity check: one draft on defaults, a few questions, one consolidated specification."""
    most_questions = 0 if options.clarify == "never" else options.max_questions

    async def draft_it() -> Specification:
        return await clarify.clarify(
            ports.model, request, found.text, most_questions=most_questions, packages=options.packages
        )

    draft = await run.step("input.clarify", draft_it, Specification)
    run.emit("specification.drafted", "specification:draft", {"specification": draft})
    for question in draft.questions:
        run.emit("question.asked", f"question:{question.id}", {"question": question})
    if options.unanswered == "defer" and draft.questions:
        text = "work goes on with the declared defaults; the answers are awaited before the release"
        run.emit("note", "note:deferred", {"text": text})
        return draft
    return await _settle(run, ports, request, draft, await _answers(run, draft.questions, options))


async def late_answers(run: Run, ports: Ports, request: Request, intent: Intent, options: Options) -> Intent | None:
    """Under `--unanswered defer`, wait for the answers now; None when the defaults were right."""
    if options.unanswered != "defer" or all(item.status != "open" for item in intent.specification.questions):
        return None
    decisions = await _answers(run, intent.specification.questions, options)
    settled = await _settle(run, ports, request, intent.specification, decisions)
    run.emit("specification.written", "specification:late", {"specification": settled, "by": "model"})
    return Intent(specification=settled) if specify.changed(specify.settle(intent.specification, decisions)) else None


async def _settle(
    run: Run, ports: Ports, request: Request, draft: Specification, decisions: Sequence[Decision]
) -> Specification:
    """The specification after the answers; a call is made only when an answer changes what was drafted."""
    settled = specify.settle(draft, decisions)
    if not specify.changed(settled):
        return settled

    async def consolidate() -> Specification:
        return await specify.consolidate(ports.model, request, draft, decisions)

    return await run.step("input.specify", consolidate, Specification)


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
