"""How well a run organised its work, read off its log and compared with an answer key."""

from __future__ import annotations

from sixfold.domain.data import Data
from sixfold.domain.plan import Plan
from sixfold.domain.view import RunView
from sixfold.evaluation.sample import Sample
from sixfold.layers.planning.roles import guidance
from sixfold.layers.planning.schedule import downstream


class Organisation(Data, frozen=True, kw_only=True):
    """The numbers of one run; shares between 0 and 1, None = cannot be said."""

    components: float | None = None
    """Share of the key's components that exactly one task owns and that share their task with none other."""
    edges: float | None = None
    """Jaccard: edges of the key and edges between components' tasks in the plan, both directions counted once."""
    accuracy: float | None = None
    """Mean of both: orchestration accuracy."""
    owned: float | None = None
    """Share of the key's components that exactly one task owns, also where it owns others beside them."""
    ordered: float | None = None
    """Share of the key's edges that the plan keeps: one task writes both ends, or the user's waits for the provider's,
    directly or not. With `owned` it does not hold against a plan that it puts small modules into one task."""
    roles: float | None = None
    """Share of the key's roles for which a task was given."""
    contracts_kept: float | None = None
    """Share of contracts nobody called wrong and no revision changed."""
    tasks: int = 0
    revisions: int = 0
    """After the first plan; rework orders are not counted."""
    overhead: float | None = None
    """Share of the run's tokens that went into planning and re-planning."""
    context_tokens: float | None = None
    """Input tokens a call of the coders."""


def organisation(view: RunView, sample: Sample) -> Organisation:
    """Compare a run's plan with the key: the last plan, without tasks that reworked the whole."""
    if not sample.components or view.plan is None:
        return Organisation()
    plan = view.plan
    divided = any(task.files for task in plan.tasks)  # neither a direct attempt nor a fixed line divides by component
    components, edges = (_found(plan, sample), _edges(plan, sample)) if divided else (None, None)
    owned, ordered = (_owned(plan, sample), _ordered(plan, sample)) if divided else (None, None)
    total = view.usage.input_tokens + view.usage.output_tokens
    planning = sum(_tokens(view, role) for role in ("architect",))
    coder = next((item.usage for item in view.by_role if item.name == "coder"), None)
    return Organisation(
        components=components,
        edges=edges,
        accuracy=None if components is None or edges is None else (components + edges) / 2,
        owned=owned,
        ordered=ordered,
        roles=_roles(plan, sample),
        contracts_kept=_kept(view),
        tasks=len([task for task in plan.tasks if not _whole(task.id)]),
        revisions=sum(1 for one in view.plans[1:] if one.change != "order"),
        overhead=planning / total if total else None,
        context_tokens=coder.input_tokens / coder.calls if coder and coder.calls else None,
    )


def _whole(id: str) -> bool:
    return id[:1] in "FD" and id[1:].isdecimal()


def _owners(plan: Plan, sample: Sample) -> dict[str, tuple[str, ...]]:
    """Component → tasks that own its module."""
    return {
        name: tuple(
            task.id
            for task in plan.tasks
            if any(path.rsplit("/", 1)[-1] == f"{name}.py" or f"/{name}/" in f"/{path}" for path in task.files)
        )
        for name in sample.components
    }


def _found(plan: Plan, sample: Sample) -> float:
    owners = _owners(plan, sample)
    alone = [
        name
        for name, ids in owners.items()
        if len(ids) == 1 and sum(ids[0] in others for others in owners.values()) == 1
    ]
    return len(alone) / len(sample.components)


def _owned(plan: Plan, sample: Sample) -> float:
    return sum(len(ids) == 1 for ids in _owners(plan, sample).values()) / len(sample.components)


def _ordered(plan: Plan, sample: Sample) -> float:
    owners = {name: ids[0] for name, ids in _owners(plan, sample).items() if ids}
    kept = 0
    for name, other in sample.edges:
        user, provider = owners.get(name), owners.get(other)
        if user is not None and provider is not None:
            kept += user == provider or user in downstream(plan, (provider,))
    return kept / len(sample.edges) if sample.edges else 1.0


def _edges(plan: Plan, sample: Sample) -> float:
    owners = {name: ids[0] for name, ids in _owners(plan, sample).items() if ids}
    between: set[tuple[str, str]] = set()
    for name, id in owners.items():
        needed = set(plan.dependencies(id))
        between |= {(name, other) for other, owner in owners.items() if owner in needed}
    key = set(sample.edges)
    return len(between & key) / len(between | key) if between | key else 1.0


def _roles(plan: Plan, sample: Sample) -> float | None:
    if not sample.roles:
        return None
    given = {guidance(task.role) for task in plan.tasks}
    return sum(guidance(role) in given for role in sample.roles) / len(sample.roles)


def _kept(view: RunView) -> float | None:
    if view.plan is None or not view.plan.contracts:
        return None
    first = {contract.id: contract.text for plan in reversed(view.plans) for contract in plan.contracts}
    same = [contract for contract in view.plan.contracts if first[contract.id] == contract.text]
    return len(same) / len(view.plan.contracts)


def _tokens(view: RunView, role: str) -> int:
    usage = next((item.usage for item in view.by_role if item.name == role), None)
    return usage.input_tokens + usage.output_tokens if usage else 0
