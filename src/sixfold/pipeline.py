"""The order of the four phases: the only place that knows it."""

from __future__ import annotations

import msgspec

from sixfold.domain.code import Snapshot
from sixfold.domain.flow import Rework
from sixfold.domain.ports import Ports
from sixfold.domain.requirements import Request
from sixfold.domain.run import Options, Outcome
from sixfold.phases import development, input, orchestration, validation
from sixfold.workflow.run import Run

_MOST_TRIES = 2
"""Reworks of what validation found before the run ends with what is known; a person's decision grants as many again."""


async def generate(run: Run, ports: Ports, request: Request, options: Options, snapshot: Snapshot) -> Outcome:
    """A request becomes a validated branch, or an account of why it did not."""
    intent = await input.understand(run, ports, request, options, snapshot)
    plan = await orchestration.organise(run, ports, request, intent, options, snapshot)
    environment = await orchestration.prepare(run, ports, options, snapshot)
    site = await development.begin(run, ports, intent, plan, environment, options, snapshot)
    product = await development.develop(run, ports, site)
    locked = await validation.locked_tests(run)
    round, tries, offers = 0, 0, 0
    while True:
        round += 1
        seen, locked = await validation.examine(
            run,
            ports,
            intent,
            product,
            locked,
            environment,
            snapshot,
            round=round,
            options=options,
            known_failures=site.known_failures,
        )
        disputes = validation.disputes(seen, site.disputed)
        standing = validation.undisputed(seen, disputes)
        if standing and not product.failed and tries < _MOST_TRIES:
            tries += 1
            reason, author = "Put right what validation found", "rule:validation"
            orders = development.orders_of(seen)
            product = await development.rework(
                run, ports, site, orders, reason=reason, author=author, faults=seen.faults
            )
            continue
        late = await input.late_decisions(run, ports, request, intent, options, round=round, offers=offers + 1)
        if late is not None:
            tries = 0
            intent = site.intent = msgspec.structs.replace(intent, specification=late.specification)
            locked = await validation.write_again(run, ports, intent, locked, late, round=round)
            product = await development.rework(
                run,
                ports,
                site,
                development.orders_of_revision(site.plan, late),
                reason="A decision changed the specification",
                author="rule:late-decision",
                requirements=late.requirements,
            )
            continue
        offers += 1
        outcome = await validation.release(
            run, ports, intent, product, seen, options, snapshot, offers=offers, standing=standing, disputes=disputes
        )
        if not isinstance(outcome, Rework):
            return outcome
        if await development.edited(run, ports, site):
            product = await development.develop(run, ports, site)
        elif not outcome.revised:
            product = await development.rework(
                run, ports, site, (outcome.comment,), reason="Do what the reviewer asked", author=outcome.who
            )
