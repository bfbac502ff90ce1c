"""A change before the reviewer: its evidence, its risks, and the decision of a person or of the policy."""

from __future__ import annotations

from sixfold.domain.code import Increment
from sixfold.domain.data import Tree
from sixfold.domain.flow import TaskResult
from sixfold.domain.plan import Task
from sixfold.domain.ports import Ports
from sixfold.domain.run import Decision
from sixfold.layers.testing import risks
from sixfold.phases.development.site import Site
from sixfold.workflow.run import Run

_EYES = frozenset({"security", "dependency", "process", "deletion", "failing"})
"""Risks that stop for a person under `--review risky`; the others are shown and pass."""


async def propose(
    run: Run, ports: Ports, site: Site, task: Task, result: TaskResult, tree: Tree, round: int
) -> Increment:
    """Put a tested change before the reviewer, with its evidence and its risks."""
    id = f"I{len(site.increments) + 1}" + (f".{round}" if round > 1 else "")

    def describe() -> Increment:
        return Increment(
            id=id,
            task=task.id,
            title=task.title,
            base=site.tree,
            tree=tree,
            files=ports.repository.changes(site.tree, tree),
            diff=ports.repository.put_blob(ports.repository.diff(site.tree, tree).encode()),
            requirements=task.requirements,
            risks=risks.risks(
                ports.repository, site.tree, tree, result.findings, (result.report,) if result.report else ()
            ),
            attempts=result.attempts,
        )

    increment = await run.blocking(f"development.propose:{id}", describe, Increment)
    run.emit("increment.proposed", f"proposed:{id}", {"increment": increment})
    return increment


async def review(run: Run, site: Site, increment: Increment) -> Decision:
    """A human's decision, or the policy's when it says that nobody needs to look."""
    subject = f"increment:{increment.id}"
    policy = site.options.review
    worrying = sorted({risk.kind for risk in increment.risks} & _EYES)
    if policy == "none" or (policy == "risky" and not worrying):
        let_pass = sorted({risk.kind for risk in increment.risks})
        comment = "review is switched off" if policy == "none" else "no risk that needs a person"
        if let_pass:
            comment += f"; let pass: {', '.join(let_pass)}"
        decision = Decision(subject=subject, verdict="approve", comment=comment, who=f"policy:review-{policy}")
        run.emit("decision.given", f"decision:{subject}", {"decision": decision}, who=decision.who)
    return await run.decision(subject)
