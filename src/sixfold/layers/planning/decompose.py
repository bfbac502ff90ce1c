"""Specification to task graph: one call, every fault of the answer sent back once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Literal

from sixfold.domain.data import Data
from sixfold.domain.markdown import specification_text
from sixfold.domain.model import Message, ModelRequest
from sixfold.domain.plan import Contract, Plan, Task
from sixfold.domain.ports import Model
from sixfold.domain.prompt import Prompt, untrusted
from sixfold.domain.replies import Unreadable, ask, json_in
from sixfold.domain.requirements import Specification
from sixfold.layers.planning.paths import is_test
from sixfold.layers.planning.validation import existing_note, faults

DECOMPOSE = Prompt.parse((Path(__file__).parent / "prompts" / "decompose.md").read_text(encoding="utf-8"))
_MOST_FAULTS_SHOWN = 20


class _Contract(Data, frozen=True, kw_only=True):
    id: str
    kind: Literal["python", "http", "cli", "schema", "file"] = "python"
    text: str
    existing: str | None = ""


class _Task(Data, frozen=True, kw_only=True):
    id: str
    title: str
    goal: str = ""
    role: str | None = "coder"
    files: tuple[str, ...]
    provides: tuple[str, ...] | None = ()
    consumes: tuple[str, ...] | None = ()
    requirements: tuple[str, ...] | None = ()
    check: tuple[str, ...] | str | None = ()


class _Plan(Data, frozen=True, kw_only=True):
    reason: str | None = ""
    contracts: tuple[_Contract, ...] | None = ()
    tasks: tuple[_Task, ...]


async def decompose(
    model: Model,
    specification: Specification,
    overview: str,
    context: str,
    *,
    existing_paths: Collection[str] = (),
    packages: Sequence[str] = (),
) -> Plan:
    """A plan without faults.

    Args:
        overview: map of the repository; empty for a new product.
        context: passages of the repository that bear on the specification; may be empty.
        existing_paths: files of the base tree.
        packages: names the product may depend on besides what its repository declares.

    Raises:
        InvalidReply: the second plan still has faults; `why` names them.
        ModelError, BudgetExceeded, ReplayDrift: as `Model.complete`.
    """
    plan, _ = await ask(
        model,
        decompose_request(specification, overview, context, packages=packages),
        lambda text: read_plan(text, specification, existing_paths),
    )
    return plan


def decompose_request(
    specification: Specification, overview: str, context: str, *, packages: Sequence[str] = ()
) -> ModelRequest:
    """The question that `decompose` asks; equal inputs give equal requests."""
    text = DECOMPOSE.render(
        specification=specification_text(specification),
        repository=untrusted("repository map", overview) if overview.strip() else "Empty: a new product.",
        context=untrusted("repository passages", context) if context.strip() else "No passages were looked up.",
        packages=", ".join(packages) or "none",
    )
    return ModelRequest(
        purpose="orchestration.plan",
        role="architect",
        system=DECOMPOSE.system,
        messages=(Message(author="user", text=text),),
    )


def read_plan(text: str, specification: Specification, existing_paths: Collection[str]) -> Plan:
    """The answer as a faultless plan.

    Raises:
        Unreadable: no JSON of the right form, or faults; all of them are named, so that one correction can mend them.
    """
    draft = json_in(text, _Plan)
    contracts = tuple(
        Contract(id=item.id.strip(), kind=item.kind, text=_contract_text(item)) for item in draft.contracts or ()
    )
    plan = Plan(
        tasks=tuple(_task(item) for item in draft.tasks),
        contracts=contracts,
        reason=" ".join((draft.reason or "").split()) or "first plan",
    )
    found = faults(plan, specification, existing_paths)
    if found:
        shown = "; ".join(f"({place}) {fault}" for place, fault in enumerate(found[:_MOST_FAULTS_SHOWN], start=1))
        raise Unreadable(f"the plan has {len(found)} fault(s): {shown}")
    return plan


def direct_plan(specification: Specification) -> Plan:
    """One task for everything, free to write where it must; what a small request deserves."""
    task = Task(
        id="T1",
        title=specification.title,
        goal=specification.summary,
        requirements=tuple(item.id for item in specification.requirements),
    )
    return Plan(tasks=(task,), reason="one deliverable: attempted directly", author="rule:direct")


def _task(draft: _Task) -> Task:
    files = _unique(_path(path) for path in draft.files)
    check = (draft.check,) if isinstance(draft.check, str) else draft.check or ()
    # Models also write a command here; its words that are owned or existing test paths are what was meant.
    paths = _unique(_path(word) for line in check for word in line.split() if "/" in word or word.endswith(".py"))
    return Task(
        id=draft.id.strip(),
        title=" ".join(draft.title.split()),
        goal=draft.goal.strip(),
        role=" ".join((draft.role or "coder").split()) or "coder",
        files=files,
        provides=_unique(draft.provides or ()),
        consumes=_unique(draft.consumes or ()),
        requirements=_unique(draft.requirements or ()),
        check=paths or tuple(path for path in files if is_test(path)),
    )


def _path(path: str) -> str:
    cleaned = path.strip()
    return cleaned[2:] if cleaned.startswith("./") else cleaned


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))


def _contract_text(draft: _Contract) -> str:
    path = _path(draft.existing or "")
    return f"{existing_note(path)}\n{draft.text.strip()}" if path else draft.text.strip()
