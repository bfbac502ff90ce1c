"""Layer 2's nouns: message, request to a model, reply, usage. *Model* always means a large language model."""

from __future__ import annotations

from typing import Literal

from sixfold.domain.data import Data, Digest, Json

Role = Literal["analyst", "architect", "coder", "tester", "reviewer", "expert", "user", "judge"]
"""Who a model is asked to be. Roles are routed to models by `--role ROLE=MODEL`; coders may carry a speciality.

`expert` is optional: a stronger model, asked once for a task on which the coder gave up.
`user` and `judge` exist in evaluations only: who plays the person, and who reads their questions afterwards.
"""


class Image(Data, frozen=True, kw_only=True):
    """A picture in a message, by blob."""

    digest: Digest
    media_type: str


class Message(Data, frozen=True, kw_only=True):
    """One turn of a conversation with a model."""

    author: Literal["user", "model"]
    text: str
    images: tuple[Image, ...] = ()


class ModelRequest(Data, frozen=True, kw_only=True):
    """Everything that determines an answer, and nothing else: no times, paths, run ids.

    Its canonical JSON without purpose and role (they say who asks; no model sees them) is, together with the model's
    name, the key of the cassette.
    """

    purpose: str
    """Step name, `<phase>.<verb>`, e.g. `development.write_patch`."""
    role: Role
    system: str
    messages: tuple[Message, ...]
    json_schema: Json = None
    """JSON Schema the answer should follow, for servers that can enforce it; the text is always parsed by us too."""
    max_output_tokens: int = 16_000
    temperature: float | None = None
    """None = the model's default."""
    sample: int = 0
    """Index among deliberate repetitions of the same question (candidates)."""


class Usage(Data, frozen=True, kw_only=True):
    """What calls cost. Sums are made with `+`."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    """None when any part has no known price: unknown is never counted as zero."""
    estimated: bool = False
    """True when the server reported no token counts and ours were estimated from the text."""

    def __add__(self, other: Usage) -> Usage:
        """Sum of two usages; an unknown price on a side that made calls makes the sum unknown."""
        if self.calls == 0:
            cost = other.cost_usd
        elif other.calls == 0:
            cost = self.cost_usd
        else:
            cost = None if self.cost_usd is None or other.cost_usd is None else self.cost_usd + other.cost_usd
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=cost,
            estimated=self.estimated or other.estimated,
        )


class ModelReply(Data, frozen=True, kw_only=True):
    """A model's answer."""

    text: str
    model: str
    """`provider:name` as configured; transports such as relay and command are named without paths."""
    usage: Usage
    finish: Literal["stop", "length", "refused"] = "stop"
    """`length`: the answer was cut at the output limit and must not be used as if it were whole."""
    request: Digest
    """Key of the request in the cassette."""
    replayed: bool = False
    """True when it came from the cassette and cost nothing now."""
