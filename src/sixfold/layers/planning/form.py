"""The plan as a text a person can edit (TOML), and back."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence

from sixfold.domain.data import Data, from_json
from sixfold.domain.errors import InvalidData
from sixfold.domain.plan import Contract, Plan, Task

_HEAD = """\
# The plan of {run}, revision {revision}. Change it, save, and leave the editor; save it empty to change nothing.
# Each task: one deliverable. `files`: what it alone may write; `provides` and `consumes`: contract ids, which make the
# order; `check`: test files that must pass. Remove a block to drop a task, copy one (with a new id) to add or split.
# What you change, and what waits for it, is done again; everything else stays.
"""
_STRINGS = ("id", "title", "role")
_LISTS = ("files", "provides", "consumes", "requirements", "check")


class _Form(Data, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: str
    contract: tuple[Contract, ...] = ()
    task: tuple[Task, ...] = ()


class Unfit(ValueError):
    """The text is no plan; the message says where, in one line."""


def plan_form(plan: Plan, *, run: str, states: Mapping[str, str]) -> str:
    """The plan as text.

    Args:
        states: task id → how it stands, shown beside each task.
    """
    parts = [_HEAD.format(run=run, revision=plan.revision), 'reason = ""  # why you change it; kept with the revision']
    for contract in plan.contracts:
        parts.append(
            f"[[contract]]\nid = {_quoted(contract.id)}\nkind = {_quoted(contract.kind)}\ntext = {_text(contract.text)}"
        )
    for task in plan.tasks:
        lines = [f"[[task]]  # {states.get(task.id, 'waiting')}"]
        lines += [f"{name} = {_quoted(getattr(task, name))}" for name in _STRINGS]
        lines.append(f"goal = {_text(task.goal)}")
        lines += [f"{name} = {_list(getattr(task, name))}" for name in _LISTS]
        parts.append("\n".join(lines))
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def read_form(text: str, plan: Plan) -> tuple[Plan, str] | None:
    """The edited plan and the person's reason; None when nothing is changed. Faults of the graph are not looked for.

    Raises:
        Unfit: not TOML, an unknown key, a value of the wrong type, or no reason.
    """
    if not text.strip():
        return None
    try:
        written = tomllib.loads(text)
        form = from_json(written, _Form)
    except tomllib.TOMLDecodeError as error:
        raise Unfit(f"not readable as TOML: {error}") from error
    except InvalidData as error:
        raise Unfit(str(error)) from error
    for block, kind in (("contract", Contract), ("task", Task)):
        for item in written.get(block, ()):
            strange = sorted(set(item) - set(kind.__struct_fields__))
            if strange:
                raise Unfit(f"{block} {item.get('id', '')} has no {', '.join(strange)}")
    edited = Plan(tasks=form.task, contracts=tuple(map(_stripped, form.contract)), revision=plan.revision)
    if (edited.tasks, edited.contracts) == (plan.tasks, tuple(map(_stripped, plan.contracts))):
        return None
    if not form.reason.strip():
        raise Unfit("`reason` is empty: say in one line why the plan changes")
    return edited, " ".join(form.reason.split())


def with_faults(text: str, faults: Sequence[str]) -> str:
    """The form with what is wrong on top, as comments, so that it can be put right where it was left."""
    kept = [line for line in text.splitlines() if not line.startswith("#! ")]
    marked = [f"#! {' '.join(fault.split())}" for fault in faults]
    return "\n".join([*marked, *kept]) + "\n"


def _stripped(contract: Contract) -> Contract:
    return Contract(id=contract.id, kind=contract.kind, text=contract.text.strip())


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, but for one character that TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _text(text: str) -> str:
    plain = all(sign in "\n\t" or sign.isprintable() for sign in text)
    if "\n" not in text or not plain or "'''" in text or text.endswith("'"):
        return _quoted(text)
    return f"'''\n{text}'''"


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, values))}]"
