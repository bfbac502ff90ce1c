"""Phase 1 of 4: input. From what a person typed and attached to a specification (paper, section 2.2).

A small, clear request costs one call and no question; anything else goes through the clarity check.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sixfold.domain.data import Data
from sixfold.domain.flow import Intent
from sixfold.domain.ports import Ports
from sixfold.domain.requirements import Question, Request, Specification
from sixfold.domain.run import Decision, Options
from sixfold.domain.code import Snapshot
from sixfold.layers.planning import context as repository_context
from sixfold.layers.requirements import clarify, specify, triage
from sixfold.layers.synthesis import direct
from sixfold.workflow.run import Run

_MOST_CONTEXT_CHARS = 24_000
_MOST_DIRECT_CONTEXT_CHARS = 12_000


class _Context(Data, frozen=True, kw_only=True):
    overview: str = ""
    passages: str = ""
    paths: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return "\n\n".join(part for part in (self.overview, self.passages) if part)


async def understand(run: Run, ports: Ports, request: Request, options: Options, snapshot: Snapshot) -> Intent:
    """Turn a request into an intent: look around, check clarity, ask, write the specification."""
    run.emit("phase.started", "phase:input", {"phase": "input"})
    found = await _look_up(run, ports, request, snapshot)
    route = triage.route(
        request.text,
        clarify=options.clarify,
        has_attachments=bool(request.attachments),
        repository_overview=found.overview,
    )
    run.emit("clarity.checked", "clarity", {"route": route.route, "signals": route.signals})
    intent = None
    if route.route == "direct":
        intent = await _attempt(run, ports, request, found)
    if intent is None:
        intent = Intent(specification=await _clarify(run, ports, request, options, found))
    run.emit("specification.written", "specification", {"specification": intent.specification, "by": "model"})
    run.emit("phase.ended", "phase-ended:input", {"phase": "input"})
    return intent


async def _look_up(run: Run, ports: Ports, request: Request, snapshot: Snapshot) -> _Context:
    """Search the repository for what the request talks about; nothing to do in an empty folder."""
    if snapshot.kind == "empty":
        return _Context()

    def search() -> _Context:
        overview, passages, paths = repository_context.for_request(
            ports.retriever, ports.repository, snapshot.tree, request.text, most_chars=_MOST_CONTEXT_CHARS
        )
        return _Context(overview=overview, passages=passages, paths=paths)

    found = await run.blocking("input.look_up", search, _Context)
    run.emit("context.found", "context:request", {"paths": found.paths, "chars": len(found.text)})
    return found


async def _attempt(run: Run, ports: Ports, request: Request, found: _Context) -> Intent | None:
    """The direct attempt; None when the model finds the request unclear or too large after all."""

    async def attempt() -> direct.Direct:
        answer, _ = await direct.attempt(ports.model, request, found.text[:_MOST_DIRECT_CONTEXT_CHARS])
        return answer

    answer = await run.step("input.attempt", attempt, direct.Direct)
    if answer.specification is None:
        run.emit("note", "note:unclear", {"text": f"not a direct task after all: {answer.unclear}"})
        return None
    return Intent(specification=clarify.tidy(answer.specification), candidate=answer.patch)


async def _clarify(run: Run, ports: Ports, request: Request, options: Options, found: _Context) -> Specification:
    """The clarity check: one draft on defaults, a few questions, one consolidated specification."""
    most_questions = 0 if options.clarify == "never" else options.max_questions

    async def draft_it() -> Specification:
        return await clarify.clarify(ports.model, request, found.text, most_questions=most_questions)

    draft = await run.step("input.clarify", draft_it, Specification)
    run.emit("specification.drafted", "specification:draft", {"specification": draft})
    for question in draft.questions:
        run.emit("question.asked", f"question:{question.id}", {"question": question})
    decisions = await _answers(run, draft.questions, options)
    if not decisions:
        return draft
    if specify.settled_by_defaults(draft, decisions):
        return specify.settle(draft, decisions)

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
