"""What the model cloud asks of every way to reach a model, and the two measures they share."""

from __future__ import annotations

from typing import Literal, Protocol

from sixfold.domain.errors import ModelUnavailable
from sixfold.domain.model import ModelRequest, Usage
from sixfold.domain.ports import Model

Charges = Literal["per_call", "once", "never"]
"""`per_call`: every request that is sent may be charged. `once`: asked again after a crash, the same request is found
again and charged once. `never`: nothing is asked now (a cassette)."""

IMAGE_TOKENS = 1_600
"""What the hosted models charge at most for one picture of ordinary size."""


class Adapter(Model, Protocol):
    """One way to reach one model. It makes a single attempt; retries, budget and recording are the cloud's."""

    charges: Charges

    def identify(self, request: ModelRequest) -> str:
        """The model's name in the cassette key: `provider:name`, `relay`, `command:PROGRAM`. Never a path or a key."""
        ...

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Price in US dollars, None when unknown."""
        ...

    async def aclose(self) -> None:
        """Give back connections. The adapter may be used again afterwards."""
        ...


class Transient(ModelUnavailable):
    """One attempt failed in a way that may pass by itself.

    Attributes:
        reached: False when the request never left (refused connection, unknown host).
        billed: True when the server had the request and may charge for an answer that we never got.
    """

    def __init__(
        self,
        what: str,
        *,
        why: str = "",
        next: str = "",
        retry_after_s: float | None = None,
        reached: bool = True,
        billed: bool = False,
    ) -> None:
        super().__init__(what, why=why, next=next, retry_after_s=retry_after_s)
        self.reached = reached
        self.billed = billed


def most_input_tokens(request: ModelRequest) -> int:
    """An upper estimate of a request's size, for reservations: a token is seldom shorter than three bytes."""
    return -(-_request_bytes(request) // 3) + IMAGE_TOKENS * _images(request)


def estimate_usage(request: ModelRequest, text: str, cost_usd: float | None = None) -> Usage:
    """Usage of an exchange whose server counted nothing: four bytes a token, flagged as an estimate."""
    return Usage(
        calls=1,
        input_tokens=-(-_request_bytes(request) // 4) + IMAGE_TOKENS * _images(request),
        output_tokens=-(-len(text.encode()) // 4),
        cost_usd=cost_usd,
        estimated=True,
    )


def render(request: ModelRequest) -> str:
    """A request as one plain text, for answerers that take a single prompt."""
    turns = [request.system] if request.system else []
    several = len(request.messages) > 1
    for message in request.messages:
        heading = {"user": "[user]", "model": "[you answered]"}[message.author]
        turns.append(f"{heading}\n{message.text}" if several else message.text)
        turns.extend("[a picture was attached here; it cannot be shown in plain text]" for _ in message.images)
    return "\n\n".join(turns) + "\n"


def _request_bytes(request: ModelRequest) -> int:
    return len(request.system.encode()) + sum(len(message.text.encode()) for message in request.messages)


def _images(request: ModelRequest) -> int:
    return sum(len(message.images) for message in request.messages)
