"""The order of the four phases: the only place that knows it."""

from __future__ import annotations

from sixfold.domain.code import Snapshot
from sixfold.domain.flow import Rework
from sixfold.domain.ports import Ports
from sixfold.domain.requirements import Request
from sixfold.domain.run import Options, Outcome
from sixfold.phases import development, input, orchestration, validation
from sixfold.workflow.run import Run

_MOST_ROUNDS = 3
"""Rounds of validation and rework before the run ends with what is known."""


async def generate(run: Run, ports: Ports, request: Request, options: Options, snapshot: Snapshot) -> Outcome:
    """A request becomes a validated branch, or an account of why it did not."""
    intent = await input.understand(run, ports, request, options, snapshot)
    plan = await orchestration.organise(run, ports, intent, options, snapshot)
    environment = await orchestration.prepare(run, ports, options, snapshot)
    site = await development.begin(run, ports, intent, plan, environment, options, snapshot)
    product = await development.develop(run, ports, site)
    locked = await validation.locked_tests(run)
    round = 1
    while True:
        seen, locked = await validation.examine(run, ports, intent, product, locked, environment, snapshot, round=round)
        round += 1
        if seen.faults and not product.failed and round <= _MOST_ROUNDS:
            reason, author = "Put right what validation found", "rule:validation"
            product = await development.rework(
                run, ports, site, development.orders_of(seen), reason=reason, author=author
            )
            continue
        late = await input.late_answers(run, ports, request, intent, options)
        if late is not None:
            intent = site.intent = late
            locked = await validation.write_again(run, ports, intent)
            orders, reason = ("Make the product fit the specification above.",), "An answer changed the specification"
            product = await development.rework(run, ports, site, orders, reason=reason, author="rule:late-answer")
            continue
        outcome = await validation.release(run, ports, intent, product, seen, options, snapshot)
        if not isinstance(outcome, Rework):
            return outcome
        if await development.edited(run, ports, site):
            product = await development.develop(run, ports, site)
            continue
        product = await development.rework(
            run, ports, site, (outcome.comment,), reason="Do what the reviewer asked", author=outcome.who
        )
