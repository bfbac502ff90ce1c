"""Several candidates for one task: each applied and tested, the survivors executed against each other, one chosen.

One candidate is enough until difficulty earns more: a task that was stuck also after a fresh start, or a clarity
check that already paid for several readings. No model is asked which candidate is better.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from sixfold.domain.code import Refusal
from sixfold.domain.data import Data, Tree
from sixfold.domain.divergence import Candidate, Divergence
from sixfold.domain.flow import Job
from sixfold.domain.ports import Ports, Workspace
from sixfold.layers.synthesis import selection
from sixfold.layers.testing import divergence
from sixfold.phases.development.checking import Evidence, check_tree, log_evidence, refused
from sixfold.phases.development.writing import Applied, Turn, Written, apply_patch
from sixfold.workflow.run import Run

_MOST_INPUTS = 40
_MOST_FILE_BYTES = 100_000
_MOST_LOOKED_BYTES = 8_000


class _Compared(Data, frozen=True, kw_only=True):
    """What the survivors did on distinguishing inputs, one entry a public boundary."""

    divergences: tuple[Divergence, ...] = ()


async def choose(run: Run, ports: Ports, job: Job, turn: Turn, written: Sequence[Written]) -> tuple[Applied, Evidence]:
    """Apply and test every candidate on the task's base, and return the best by executed evidence."""
    task, number = job.assigned, turn.number
    ground = msgspec.structs.replace(turn, tree=job.base)
    applied: list[Applied] = []
    seen: list[Evidence] = []
    for place, each in enumerate(written, 1):
        label = f".s{place}"
        one = _as_candidate(await apply_patch(run, ports, job, ground, each, label=label))
        if one.refusals:
            evidence = refused(one.refusals)
        else:
            twin = next((i for i, other in enumerate(applied) if not other.refusals and other.tree == one.tree), None)
            evidence = (
                seen[twin]
                if twin is not None
                else await check_tree(run, ports, job, one.tree, name=f"development.check:{number}{label}")
            )
            log_evidence(run, task, number, one.tree, evidence, label=label)
        applied.append(one)
        seen.append(evidence)
    names = [f"s{place}" for place in range(1, len(written) + 1)]
    standings = [_standing(name, evidence) for name, evidence in zip(names, seen, strict=True)]
    alive = selection.survivors(standings)
    trees = {name: one.tree for name, one in zip(names, applied, strict=True) if name in alive and not one.refusals}

    async def compare() -> _Compared:
        return _Compared(divergences=await compare_trees(ports, job, trees))

    compared = _Compared()
    if len(set(trees.values())) > 1:
        compared = await run.step(f"development.compare:{number}", compare, _Compared)
    chosen = selection.select(standings, compared.divergences)
    run.emit(
        "candidates.compared",
        f"compared:{run.workflow}:{number}",
        {
            "task": task.id,
            "attempt": number,
            "candidates": standings,
            "chosen": chosen.name,
            "ranking": chosen.ranking,
            "reason": chosen.reason,
        },
    )
    place = names.index(chosen.name)
    return applied[place], seen[place]


def _as_candidate(applied: Applied) -> Applied:
    """An objection to a contract is no code: beside other candidates it counts as refused."""
    if applied.objection is None:
        return applied
    refusal = Refusal(path=f"contract {applied.objection.contract}", reason="it objects instead of answering")
    return msgspec.structs.replace(applied, refusals=(refusal,), objection=None)


def _standing(name: str, evidence: Evidence) -> selection.Standing:
    failed = [case for case in evidence.report.cases if case.outcome in ("failed", "error")]
    own = [case for case in failed if case.id in evidence.own]
    properties = [case for case in own if case.requirements and case.counterexample]
    return selection.Standing(
        name=name,
        examples=len(failed) - len(own),
        properties=len(properties),
        findings=sum(1 for each in evidence.findings if each.severity == "error" and not each.baseline),
        own=len(own) - len(properties),
        blocked=bool(evidence.report.problem),
    )


async def compare_trees(ports: Ports, job: Job, trees: dict[str, Tree]) -> tuple[Divergence, ...]:
    """Execute the survivors on generated inputs of each public boundary that all of them have."""

    def sources() -> dict[str, dict[str, str]]:
        return {name: _texts(ports, tree) for name, tree in trees.items()}

    files = await asyncio.to_thread(sources)
    found = []
    for boundary in divergence.boundaries(job.specification):
        programs = {name: divergence.program(texts, boundary) for name, texts in files.items()}
        candidates = [Candidate(name=name, source=text) for name, text in programs.items() if text is not None]
        if len(candidates) < len(trees):
            continue
        async with ports.sandbox.open(ports.repository.empty(), environment=job.environment) as workspace:
            if await _all_answer(workspace, candidates, boundary):
                found.append(
                    await divergence.diverge(
                        workspace,
                        candidates,
                        boundary.target,
                        examples=boundary.examples,
                        most_inputs=_MOST_INPUTS,
                        shown=False,
                    )
                )
    return tuple(found)


async def _all_answer(workspace: Workspace, candidates: Sequence[Candidate], boundary: divergence.Boundary) -> bool:
    """Whether the engine can talk to every candidate; a service may listen in a way it cannot stand in for."""
    if boundary.target.kind not in ("service", "http"):
        return True
    (first,) = await divergence.compare(workspace, candidates, boundary.target, boundary.examples[:1])
    return all(outcome.kind == "answered" for part in first.parts for outcome in part.outcomes)


def _texts(ports: Ports, tree: Tree) -> dict[str, str]:
    """The files of a tree that are plain text, by path."""
    found = {}
    for file in ports.repository.files(tree):
        content = ports.repository.read(tree, file.path) if file.mode not in ("120000", "160000") else None
        if content is None or b"\0" in content[:_MOST_LOOKED_BYTES] or len(content) > _MOST_FILE_BYTES:
            continue
        found[file.path] = content.decode(errors="replace")
    return found
