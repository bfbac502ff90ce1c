"""System-size requests: the decision ledger, what people say to it in time or later, and the specification after it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sixfold.domain.data import from_json
from sixfold.domain.flow import Intent, Revision
from sixfold.domain.ports import Ports
from sixfold.domain.requirements import Question, Request, Specification
from sixfold.domain.revising import revisions
from sixfold.domain.run import Decision, Options
from sixfold.layers.requirements import decide, specify
from sixfold.workflow.run import Run


async def clarify(run: Run, ports: Ports, request: Request, options: Options, context: str) -> Specification:
    """The clarity check: one call for the decisions, the person's say, one call for the specification."""
    most_questions = 0 if options.clarify == "never" else options.max_questions

    async def decide_it() -> Specification:
        ledger = await decide.decide(ports.model, request, context, most_questions=most_questions)
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
        decisions = await answers(run, ledger.questions, options)
    settled = specify.settle(ledger, (*decisions, *_taken(run, "input", offers=0)))

    if ledger.requirements and not specify.changed(ledger, settled):
        return settled  # a run of an older version, whose draft was a whole specification already

    async def write() -> Specification:
        return await specify.specify(ports.model, request, context, settled, packages=options.packages)

    return await run.step("input.specify", write, Specification)


async def late_decisions(
    run: Run, ports: Ports, request: Request, intent: Intent, options: Options, *, round: int, offers: int
) -> Revision | None:
    """What people decided after the specification was written, folded in; None when it changes nothing.

    Questions that were deferred are settled here: by the answer given, or as the policy of now says.

    Args:
        round: of validation; names the step.
        offers: number of the release offer that comes next.
    """
    before = intent.specification
    if not before.questions and not before.assumptions:
        return None
    decisions: tuple[Decision, ...] = ()
    # Open here means deferred, also when the run was resumed under another policy since: an answer given is not lost.
    if any(item.status == "open" for item in before.questions):
        decisions = await answers(run, before.questions, options)
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


async def answers(run: Run, questions: Sequence[Question], options: Options) -> tuple[Decision, ...]:
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
