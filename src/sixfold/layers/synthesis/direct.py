"""The direct attempt: a small request is specified and written in one call (AdaCoder's law: plan only on need)."""

from __future__ import annotations

from collections.abc import Callable

from sixfold.domain.code import Patch
from sixfold.domain.data import Data
from sixfold.domain.model import Message, ModelRequest
from sixfold.domain.ports import Model
from sixfold.domain.prompt import render_system
from sixfold.domain.replies import Answered, ask, json_in
from sixfold.domain.requirements import Request, Specification
from sixfold.layers.synthesis.formats import blocks


class _Unclear(Data, frozen=True, kw_only=True):
    """The model's way out of a direct attempt."""

    unclear: str = ""


class Direct(Data, frozen=True, kw_only=True):
    """Specification and patch of a small request, or why it must be clarified first."""

    specification: Specification | None = None
    patch: Patch | None = None
    unclear: str = ""


def _parse(text: str, read: Callable[[str], Specification]) -> Direct:
    unclear = json_in(text, _Unclear).unclear
    if unclear:
        return Direct(unclear=unclear)
    return Direct(specification=read(text), patch=blocks.parse(text))


async def attempt(
    model: Model, request: Request, context: str, read: Callable[[str], Specification], *, sample: int = 0
) -> tuple[Direct, Answered]:
    """Specify and write a small request in one call.

    Args:
        context: what was looked up in the repository, already fenced as data; empty for an empty folder.
        read: layer 1's reader of a specification in an answer.
        sample: index among readings of the same request.

    Raises:
        InvalidReply: unreadable after one correction round; otherwise as `Model.complete`.
    """
    parts = [f"The request:\n{request.text.strip()}"]
    if context:
        parts.append(context)
    question = ModelRequest(
        purpose="input.attempt",
        role="coder",
        system=render_system(__package__, "direct", format=blocks.INSTRUCTION),
        messages=(Message(author="user", text="\n\n".join(parts)),),
        sample=sample,
    )
    return await ask(model, question, lambda text: _parse(text, read), scope="T1")
