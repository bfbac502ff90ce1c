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
from sixfold.layers.planning.validation import existing_note, fault_list, faults

DECOMPOSE = Prompt.parse((Path(__file__).parent / "prompts" / "decompose.md").read_text(encoding="utf-8"))


class ContractDraft(Data, frozen=True, kw_only=True):
    """A contract as a model writes it."""

    id: str
    kind: Literal["python", "http", "cli", "schema", "file"] = "python"
    text: str
    existing: str | None = ""


class TaskDraft(Data, frozen=True, kw_only=True):
    """A task as a model writes it."""

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
    contracts: tuple[ContractDraft, ...] | None = ()
    tasks: tuple[TaskDraft, ...]


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
        Contract(id=item.id.strip(), kind=item.kind, text=contract_text(item)) for item in draft.contracts or ()
    )
    plan = Plan(
        tasks=tuple(task_of(item) for item in draft.tasks),
        contracts=contracts,
        reason=" ".join((draft.reason or "").split()) or "first plan",
    )
    found = faults(plan, specification, existing_paths)
    if found:
        raise Unreadable(f"the plan has {fault_list(found)}")
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


_LINE = (
    ("architect", "Decide modules and their interfaces; write them down in DESIGN.md with exact signatures. No code."),
    ("database engineer", "Write what stores data, as DESIGN.md says. Nothing is stored? Write the data types."),
    ("back end engineer", "Write the rules and services, as DESIGN.md says."),
    ("front end engineer", "Write what a person or a program meets: pages, commands, entry points, packaging."),
    ("tester", "Write the missing tests for every requirement and correct what they show to be wrong."),
    ("reviewer", "Compare the whole with the specification and correct what differs."),
)
"""The fixed line of roles that MetaGPT and ChatDev run for every request (research: orchestration, 3.1)."""
_HAND_OVER = "Add a line to DESIGN.md on what you did, or that nothing was left to do."


def static_plan(specification: Specification) -> Plan:
    """The same roles in the same order for every request, each on what the one before left: the plan to compare with.

    Same sandbox, tests and gates as any plan; no write sets, so nothing runs side by side.
    """
    everything = tuple(item.id for item in specification.requirements)
    tasks, contracts = [], []
    for number, (role, goal) in enumerate(_LINE, start=1):
        last = number == len(_LINE)
        if not last:
            text = f"The files as the {role} left them in the tree."
            contracts.append(Contract(id=f"hand-over-{number}", kind="file", text=text))
        tasks.append(
            Task(
                id=f"T{number}",
                title=f"{specification.title}: {role}"[:72],
                goal=f"{specification.summary}\n{goal} {'' if number == 1 else _HAND_OVER}".strip(),
                role=role,
                provides=() if last else (f"hand-over-{number}",),
                consumes=(f"hand-over-{number - 1}",) if number > 1 else (),
                requirements=everything,
            )
        )
    return Plan(tasks=tuple(tasks), contracts=tuple(contracts), reason="fixed line of roles", author="rule:static")


def task_of(draft: TaskDraft) -> Task:
    """The task a model meant: white space, doubles and `./` put right."""
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


def contract_text(draft: ContractDraft) -> str:
    """The contract's text, with a first line that names the file when it is fulfilled already."""
    path = _path(draft.existing or "")
    return f"{existing_note(path)}\n{draft.text.strip()}" if path else draft.text.strip()
