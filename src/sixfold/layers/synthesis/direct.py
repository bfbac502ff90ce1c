"""The direct attempt: a small request is specified and written in one call (AdaCoder's law: plan only on need)."""

from __future__ import annotations

from sixfold.domain.code import Patch
from sixfold.domain.data import Data
from sixfold.domain.model import Message, ModelRequest
from sixfold.domain.ports import Model
from sixfold.domain.prompts import render
from sixfold.domain.replies import Answered, Unreadable, ask, json_in
from sixfold.domain.requirements import Assumption, Entry, Request, Requirement, Specification
from sixfold.layers.synthesis.formats import blocks


class Draft(Data, frozen=True, kw_only=True):
    """The JSON part of a direct answer."""

    title: str = ""
    requirements: tuple[Requirement, ...] = ()
    entries: tuple[Entry, ...] = ()
    interface: str = ""
    assumptions: tuple[Assumption, ...] = ()
    unclear: str = ""


class Direct(Data, frozen=True, kw_only=True):
    """Specification and patch of a small request, or why it must be clarified first."""

    specification: Specification | None = None
    patch: Patch | None = None
    unclear: str = ""


def _parse(text: str) -> Direct:
    draft = json_in(text, Draft)
    if draft.unclear:
        return Direct(unclear=draft.unclear)
    if not draft.title or not draft.requirements:
        raise Unreadable("the JSON needs a title and at least one requirement")
    specification = Specification(
        title=draft.title,
        requirements=draft.requirements,
        entries=draft.entries,
        interface=draft.interface,
        assumptions=draft.assumptions,
        size="small",
    )
    return Direct(specification=specification, patch=blocks.parse(text))


async def attempt(model: Model, request: Request, context: str) -> tuple[Direct, Answered]:
    """Specify and write a small request in one call.

    Args:
        context: what was looked up in the repository, already fenced as data; empty for an empty folder.

    Raises:
        InvalidReply: unreadable after one correction round; otherwise as `Model.complete`.
    """
    parts = [f"The request:\n{request.text.strip()}"]
    if context:
        parts.append(context)
    question = ModelRequest(
        purpose="input.attempt",
        role="coder",
        system=render(__package__, "direct", format=blocks.INSTRUCTIONS),
        messages=(Message(author="user", text="\n\n".join(parts)),),
    )
    return await ask(model, question, _parse, scope="T1")
