"""A human signs exactly what was shown, and exactly that goes on a branch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sixfold.domain.code import Snapshot
from sixfold.domain.data import Tree
from sixfold.domain.evidence import Dispute
from sixfold.domain.flow import Examination, Intent, Product, Rework
from sixfold.domain.ports import Ports
from sixfold.domain.revising import revisions, taken_back
from sixfold.domain.run import Decision, Options, Outcome, ReleaseOffer
from sixfold.layers.refinement import branch
from sixfold.layers.requirements import specify
from sixfold.workflow.run import Run


def disputes(seen: Examination, said: Mapping[str, tuple[str, str]]) -> tuple[Dispute, ...]:
    """Findings that stand although their coder was asked about them and called them wrong.

    Failing tests and checks cannot be disputed: they are evidence, and nobody can sign them away.

    Args:
        said: faults that coders call wrong → (task, what it says).
    """
    standing = [finding for finding in seen.findings if finding.blocks and finding.fault in said]
    return tuple(Dispute(finding=one, task=said[one.fault][0], text=said[one.fault][1]) for one in standing)


def undisputed(seen: Examination, disputes: Sequence[Dispute]) -> tuple[str, ...]:
    """Faults that no person can be asked to sign away."""
    called_wrong = {dispute.finding.fault for dispute in disputes}
    return tuple(fault for fault in seen.faults if fault not in called_wrong)


async def release(
    run: Run,
    ports: Ports,
    intent: Intent,
    product: Product,
    seen: Examination,
    options: Options,
    snapshot: Snapshot,
    *,
    offers: int,
    standing: Sequence[str],
    disputes: Sequence[Dispute] = (),
) -> Outcome | Rework:
    """Offer the product for signature and, once signed, put exactly that tree on a branch.

    Args:
        offers: number of this offer, from 1.
        standing: faults that nobody can sign away; with one nothing is offered.
        disputes: findings that block, but for the person who decides about them here.
    """
    if standing or product.failed:
        reasons = [f"task {result.task} failed: {result.reason}" for result in product.failed] + list(standing)
        run.emit("phase.ended", "phase-ended:validation", {"phase": "validation"})
        return Outcome(status="failed", exit_code=5, tree=product.tree, reason=reasons[0], usage=ports.costs.spent())
    offer = ReleaseOffer(
        tree=seen.tree,
        checks=seen.checks,
        findings=seen.findings,
        unverified=seen.unverified,
        mutation_score=seen.mutation_score,
        components=seen.components,
        disputed=tuple(disputes),
        again=_offered_before(run, seen.tree, offers),
    )
    run.emit("release.proposed", offer.subject, {"offer": offer})
    if (fresh := _outdated(run, intent, offers)) is not None:
        # It came in just before the offer was made; a later one takes the offer back where it is given.
        take_back = taken_back(offer.subject, fresh)
        run.emit("decision.given", f"decision:{take_back.subject}", {"decision": take_back}, who=take_back.who)
    decision = await _sign(run, options, offer)
    if decision.verdict != "approve":
        revised = _outdated(run, intent, offers + 1) is not None
        return Rework(comment=decision.comment or decision.value, who=decision.who, revised=revised)

    signed_at = run.decided_at(decision.subject)

    def publish() -> branch.Published:
        return branch.publish(ports.repository, run.id, intent.specification, product, snapshot, decision, signed_at)

    published = await run.blocking("validation.publish", publish, branch.Published)
    for commit in published.commits:
        run.emit("commit.made", f"commit:{commit.increment}", commit)
    place = {"branch": published.branch, "commit": published.head, "tree": published.tree}
    run.emit("branch.made", f"branch:{published.branch}", place)
    run.emit("phase.ended", "phase-ended:validation", {"phase": "validation"})
    return Outcome(
        status="validated",
        exit_code=0,
        tree=published.tree,
        commit=published.head,
        branch=published.branch,
        usage=ports.costs.spent(),
    )


def _offered_before(run: Run, tree: Tree, offers: int) -> int:
    """How often a tree was offered before the offer of this number."""
    before = [event.data["offer"]["tree"] for event in run.events() if event.kind == "release.proposed"][: offers - 1]
    return before.count(tree)


def _outdated(run: Run, intent: Intent, offers: int) -> Decision | None:
    """The last decision that the specification does not have yet; None when it has all."""
    written = intent.specification
    fresh = [one for one in revisions(run.events(), offers) if specify.changed(written, specify.settle(written, [one]))]
    return fresh[-1] if fresh else None


async def _sign(run: Run, options: Options, offer: ReleaseOffer) -> Decision:
    """The decision on an offer; what was said in advance does not hold for findings nobody could know of then."""
    subject = offer.subject
    if options.approve_release and not offer.disputed:
        decision = Decision(subject=subject, verdict="approve", comment="approved in advance", who="option:-y")
        run.emit("decision.given", f"decision:{subject}", {"decision": decision}, who=decision.who)
    return await run.decision(subject)
