"""Asking the models that take part in an evaluation: an unreadable answer is drawn again, a few times."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from sixfold.domain.errors import InvalidReply
from sixfold.domain.model import ModelRequest
from sixfold.domain.ports import Model
from sixfold.domain.replies import ask

T = TypeVar("T")
DRAWS = 3


async def ask_again(model: Model, request: ModelRequest, parse: Callable[[str], T]) -> T:
    """Ask; an answer that stays unreadable after its correction round is drawn anew.

    Answers are recorded: without a new draw, an evaluation that goes on would meet the same one for ever.

    Raises:
        InvalidReply: no draw could be read.
        ModelError, BudgetExceeded: as `Model.complete`.
    """
    for draw in range(DRAWS - 1):
        try:
            value, _ = await ask(model, msgspec.structs.replace(request, sample=draw), parse)
        except InvalidReply:
            continue
        return value
    value, _ = await ask(model, msgspec.structs.replace(request, sample=DRAWS - 1), parse)
    return value
