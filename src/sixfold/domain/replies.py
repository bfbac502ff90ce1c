"""Reading what a model wrote: JSON in an answer, and one correction round when it cannot be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from sixfold.domain.data import Data, from_json
from sixfold.domain.errors import InvalidData, InvalidReply
from sixfold.domain.model import Message, ModelReply, ModelRequest, Usage
from sixfold.domain.ports import Model

T = TypeVar("T")

_FENCE = re.compile(r"^[ \t]*```(?:json|JSON)?[ \t]*\n(.*?)^[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE)


class Unreadable(Exception):
    """An answer does not have the form that was asked for. The text goes back to the model once, as it is."""


def json_in(text: str, kind: type[T]) -> T:
    """The first JSON object of an answer (fenced, or the outermost braces) as `kind`.

    Raises:
        Unreadable: there is none, or it does not fit; says where.
    """
    candidates = [match.group(1) for match in _FENCE.finditer(text)]
    first, last = text.find("{"), text.rfind("}")
    if 0 <= first < last:
        candidates.append(text[first : last + 1])
    problem = "the answer holds no JSON object"
    for candidate in candidates:
        try:
            return from_json(msgspec.json.decode(candidate), kind)
        except (msgspec.DecodeError, InvalidData) as error:
            problem = str(error)
    raise Unreadable(problem)


class Answered(Data, frozen=True, kw_only=True):
    """What a (possibly corrected) exchange cost."""

    replies: tuple[ModelReply, ...]

    @property
    def usage(self) -> Usage:
        """Sum over the exchange."""
        total = Usage()
        for reply in self.replies:
            total = total + reply.usage
        return total


async def ask(model: Model, request: ModelRequest, parse: Callable[[str], T], *, scope: str = "") -> tuple[T, Answered]:
    """Ask, parse, and on an unreadable answer ask once more with the reason.

    Args:
        parse: turns the answer's text into a value, or raises `Unreadable` with one line for the model.
        scope: task id for the cost book.

    Raises:
        InvalidReply: the second answer was unreadable too.
        ModelError, BudgetExceeded, ReplayDrift: as `Model.complete`.
    """
    reply = await model.complete(request, scope=scope)
    try:
        if reply.finish == "length":
            raise Unreadable("the answer was cut at the output limit; answer again, shorter, and complete")
        return parse(reply.text), Answered(replies=(reply,))
    except Unreadable as problem:
        follow_up = Message(
            author="user", text=f"Your answer could not be used: {problem}. Answer again, whole, in the form asked for."
        )
        again = msgspec.structs.replace(
            request, messages=(*request.messages, Message(author="model", text=reply.text), follow_up)
        )
    second = await model.complete(again, scope=scope)
    try:
        if second.finish == "length":
            raise Unreadable("it was cut at the output limit again")
        return parse(second.text), Answered(replies=(reply, second))
    except Unreadable as problem:
        raise InvalidReply(
            f"the {request.role} model's answer to {request.purpose} could not be read",
            why=str(problem),
            next="try another model with -m, or `sixfold resume` to ask again",
        ) from problem
