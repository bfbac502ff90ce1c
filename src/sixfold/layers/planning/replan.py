"""A task came back without a result: one call decides how the plan changes; faults of the answer go back once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from msgspec.structs import replace

from sixfold.domain.code import Objection
from sixfold.domain.data import Data, canonical, to_json
from sixfold.domain.markdown import specification_text
from sixfold.domain.model import Message, ModelRequest
from sixfold.domain.plan import Change, Contract, Kind, Plan
from sixfold.domain.ports import Model
from sixfold.domain.prompt import Prompt, untrusted
from sixfold.domain.replies import Unreadable, ask, json_in
from sixfold.domain.requirements import Specification
from sixfold.layers.planning import revision
from sixfold.layers.planning.decompose import ContractDraft, TaskDraft, contract_text, task_of
from sixfold.layers.planning.validation import fault_list, faults

REPLAN = Prompt.parse((Path(__file__).parent / "prompts" / "replan.md").read_text(encoding="utf-8"))
_MOST_EVIDENCE_CHARS = 6_000


class _Change(Data, frozen=True, kw_only=True):
    change: Kind
    reason: str
    advice: str | None = ""
    drop: tuple[str, ...] | None = ()
    contracts: tuple[ContractDraft, ...] | None = ()
    tasks: tuple[TaskDraft, ...] | None = ()


async def replan(
    model: Model,
    specification: Specification,
    plan: Plan,
    cause: str,
    evidence: str,
    *,
    states: Mapping[str, str],
    objection: Objection | None = None,
    existing_paths: Collection[str] = (),
) -> Change:
    """A change that leaves a plan without faults and does what it says.

    Args:
        cause: the task that came back.
        evidence: how it ended, from the runner and the scanners.
        states: task id → how it stands.
        objection: what the task says of a contract.
        existing_paths: files of the present tree.

    Raises:
        InvalidReply: the second answer is faulty too; otherwise as `Model.complete`.
    """
    request = replan_request(specification, plan, cause, evidence, states=states, objection=objection)
    change, _ = await ask(
        model, request, lambda text: read_change(text, specification, plan, cause, existing_paths, states), scope=cause
    )
    return change


def replan_request(
    specification: Specification,
    plan: Plan,
    cause: str,
    evidence: str,
    *,
    states: Mapping[str, str],
    objection: Objection | None = None,
) -> ModelRequest:
    """The question that `replan` asks; equal inputs give equal requests."""
    told = [f"{cause} came back."]
    if objection is not None:
        told.append(f"It says that contract {objection.contract!r} is wrong:\n{untrusted(cause, objection.text)}")
    if evidence.strip():
        told.append(untrusted(f"evidence on {cause}", evidence[:_MOST_EVIDENCE_CHARS]))
    text = REPLAN.render(
        specification=specification_text(specification),
        revision=str(plan.revision),
        plan=untrusted("plan", _plan_text(plan, states)),
        evidence="\n".join(told),
    )
    return ModelRequest(
        purpose="development.replan",
        role="architect",
        system=REPLAN.system,
        messages=(Message(author="user", text=text),),
    )


def read_change(
    text: str,
    specification: Specification,
    plan: Plan,
    cause: str,
    existing_paths: Collection[str],
    states: Mapping[str, str],
) -> Change:
    """The answer as a change that may be made.

    Raises:
        Unreadable: no JSON of the right form, faults of the plan it leads to, or words and deeds that differ.
    """
    draft = json_in(text, _Change)
    change = Change(
        kind=draft.change,
        reason=" ".join(draft.reason.split()) or draft.change,
        base=plan.revision,
        contracts=tuple(
            Contract(id=item.id.strip(), kind=item.kind, text=contract_text(item)) for item in draft.contracts or ()
        ),
        tasks=tuple(task_of(item) for item in draft.tasks or ()),
        drop=tuple(draft.drop or ()),
        advice=(draft.advice or "").strip(),
    )
    if change.kind == "give_up":
        return replace(change, contracts=(), tasks=(), drop=())
    known = {task.id for task in plan.tasks}
    found = [f"there is no task {id!r} to drop" for id in change.drop if id not in known]
    found += [f"{task.id} is dropped and given as well" for task in change.tasks if task.id in change.drop]
    new = revision.apply(plan, change, specification, author="orchestrator", cause=cause)
    found += faults(new, specification, existing_paths)
    done = revision.kinds(plan, new)
    if not found and change.kind not in done:
        found.append(f"`change` says {change.kind}, but what is given does this: {', '.join(done)}")
    if not found and change.kind == "retry" and not change.advice:
        found.append("a retry needs `advice`: without it the same would happen again")
    if found:
        raise Unreadable(f"the changed plan has {fault_list(found)}")
    return change


def _plan_text(plan: Plan, states: Mapping[str, str]) -> str:
    lines = [f"contract {item.id} ({item.kind}):\n{item.text.strip()}\n" for item in plan.contracts]
    for task in plan.tasks:
        shown = {name: value for name, value in to_json(task).items() if value and name != "id"}
        lines.append(f"task {task.id} [{states.get(task.id, 'waiting')}]: {canonical(shown)}")
    return "\n".join(lines)
