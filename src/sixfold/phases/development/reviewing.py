"""A change before the reviewer: its evidence, its risks, and the decision of a person or of the policy."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from sixfold.domain.code import FileStat, Increment, Risk, Slice
from sixfold.domain.data import Digest, Tree
from sixfold.domain.flow import TaskResult
from sixfold.domain.plan import Task
from sixfold.domain.ports import Ports, Repository
from sixfold.domain.run import Decision
from sixfold.layers.planning.retrieval import symbols
from sixfold.layers.planning.retrieval.imports import import_graph
from sixfold.layers.refinement import slicing
from sixfold.layers.testing import risks
from sixfold.layers.testing.scanners.files import is_test
from sixfold.phases.development.checking import check_tree
from sixfold.phases.development.site import Site
from sixfold.workflow.run import Run

_EYES = frozenset({"security", "dependency", "process", "deletion", "failing"})
"""Risks that stop for a person under `--review risky`; the others are shown and pass."""


async def propose(
    run: Run, ports: Ports, site: Site, task: Task, result: TaskResult, tree: Tree, round: int
) -> Increment:
    """Put a tested change before the reviewer, with its evidence and its risks."""
    id = f"I{len(site.increments) + 1}" + (f".{round}" if round > 1 else "")

    models, prompt = _authors(run, task)
    models = (*models, *result.editors)

    def describe() -> Increment:
        files = ports.repository.changes(site.tree, tree)
        return Increment(
            id=id,
            task=task.id,
            title=task.title,
            base=site.tree,
            tree=tree,
            files=files,
            diff=ports.repository.put_blob(ports.repository.diff(site.tree, tree).encode()),
            requirements=task.requirements,
            risks=risks.risks(
                ports.repository, site.tree, tree, result.findings, (result.report,) if result.report else ()
            ),
            attempts=result.attempts,
            slices=_slices(ports.repository, site.tree, tree, files),
            models=models,
            prompt=prompt,
        )

    increment = await run.blocking(f"development.propose:{id}", describe, Increment)
    run.emit("increment.proposed", f"proposed:{id}", {"increment": increment})
    return increment


def _authors(run: Run, task: Task) -> tuple[tuple[str, ...], Digest | None]:
    """The models that worked on a task, and the request that the last patch answered."""
    called = [
        event.data
        for event in run.events()
        if event.kind == "model.called" and event.data.get("task") == task.id and event.data["role"] == "coder"
    ]
    # Samples are asked side by side: which of them was written last is chance, the smallest digest is not.
    last = [str(data["prompt"]) for data in called if data["purpose"] == called[-1]["purpose"] and data.get("prompt")]
    side_by_side = bool(called) and called[-1]["purpose"] == "development.sample"
    prompt = Digest(min(last) if side_by_side else last[-1]) if last else None
    return tuple(sorted({str(data["model"]) for data in called})), prompt


def _slices(repository: Repository, base: Tree, tree: Tree, files: tuple[FileStat, ...]) -> tuple[Slice, ...]:
    """The parts of a change above the bound, each with the tree it leads to; empty when it is one part."""
    text = {
        file.path: (repository.read(tree, file.path) or b"").decode(errors="replace")
        for file in files
        if not file.binary and file.status != "deleted"
    }
    known = {file.path for file in repository.files(tree)}
    facts = {path: symbols.file_facts(path, content).imports for path, content in text.items()}
    graph = import_graph({**dict.fromkeys(known, ()), **facts})
    parts = slicing.slices(files, graph, [file.path for file in files if is_test(file.path)])
    if len(parts) < 2:
        return ()
    lines = {file.path: 0 if is_test(file.path) else file.added + file.removed for file in files}
    # A renamed file stands under its new name: its old one goes with the first part.
    gone = {file.path: None for file in repository.files(base) if file.path not in known and file.path not in lines}
    found, reached = [], repository.write(base, gone)
    for place, part in enumerate(parts, 1):
        changes = {path: repository.read(tree, path) for path in part}
        reached = tree if place == len(parts) else repository.write(reached, changes)
        found.append(Slice(files=part, tree=reached, lines=sum(lines[path] for path in part)))
    return tuple(found)


async def take_edit(
    run: Run, ports: Ports, site: Site, task: Task, result: TaskResult, increment: Increment, decision: Decision
) -> TaskResult:
    """What a person made of an increment, tested again as if a coder had written it, under their name."""
    tree = Tree(decision.value)
    job = site.job(task, base=tree)
    evidence = await check_tree(run, ports, job, tree, name=f"development.retest:{increment.id}:edited")
    place = {"scope": task.id, "attempt": result.attempts, "tree": tree}
    run.emit("tests.ran", f"tests:{increment.id}:edited", {**place, "report": evidence.report})
    run.emit("scan.done", f"scan:{increment.id}:edited", {**place, "findings": evidence.findings})
    return replace(
        result,
        tree=tree,
        report=evidence.report,
        findings=evidence.findings,
        editors=tuple(dict.fromkeys((*result.editors, decision.who))),
    )


def let_pass(risks: Sequence[Risk]) -> str:
    """What the policy did not stop for, kind by kind with the first place of each: somebody may want to look later."""
    kinds: dict[str, list[Risk]] = {}
    for risk in risks:
        kinds.setdefault(risk.kind, []).append(risk)
    parts = []
    for kind, found in kinds.items():
        first = found[0]
        where = f"{first.path}:{first.line}" if first.line else first.path or first.text
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        parts.append(f"{kind} ({where}{more})")
    return ", ".join(parts)


async def review(run: Run, site: Site, increment: Increment, *, editors: Sequence[str] = ()) -> Decision:
    """A human's decision, or the policy's when it says that nobody needs to look.

    Args:
        editors: who edited this content; when its tests pass and no scanner objects, that is their approval of it.
    """
    subject = f"increment:{increment.id}"
    policy = site.options.review
    worrying = sorted({risk.kind for risk in increment.risks} & _EYES)
    if editors and not {risk.kind for risk in increment.risks} & {"failing", "security"}:
        decision = Decision(
            subject=subject, verdict="approve", comment="edited by them, and tested again", who=editors[-1]
        )
        run.emit("decision.given", f"decision:{subject}", {"decision": decision}, who=decision.who)
    elif not editors and (policy == "none" or (policy == "risky" and not worrying)):
        comment = "review is switched off" if policy == "none" else "no risk that needs a person"
        if increment.risks:
            comment += f"; let pass: {let_pass(increment.risks)}"
        decision = Decision(subject=subject, verdict="approve", comment=comment, who=f"policy:review-{policy}")
        run.emit("decision.given", f"decision:{subject}", {"decision": decision}, who=decision.who)
    return await run.decision(subject)
