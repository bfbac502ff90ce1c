"""A model that follows a script."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal

from sixfold.domain.data import canonical, digest
from sixfold.domain.errors import SixfoldError
from sixfold.domain.model import ModelReply, ModelRequest, Usage

Answer = str | ModelReply | SixfoldError | Callable[[ModelRequest], str]
"""A text, a whole reply (for its usage and finish), an error to raise, or a function of the request."""


class ScriptEnded(AssertionError):
    """The script has no answer for a request: the test asked more than it planned."""


class Rule:
    """Answers for the requests it matches, used up in order.

    Args:
        answers: one a call.
        purpose: exact purpose, e.g. `development.write_patch`; None = any.
        pattern: regular expression searched in system text and messages; empty = any.
        repeat: give the last answer again and again instead of ending.
    """

    def __init__(self, *answers: Answer, purpose: str | None = None, pattern: str = "", repeat: bool = False) -> None:
        self._answers = list(answers)
        self._purpose = purpose
        self._pattern = re.compile(pattern, re.DOTALL)
        self._repeat = repeat

    @property
    def left(self) -> int:
        """Answers not yet given; 0 for a repeating rule that gave each once."""
        return len(self._answers) - (1 if self._repeat and len(self._answers) == 1 else 0)

    def answer(self, request: ModelRequest) -> Answer | None:
        """The next answer if this rule matches and has one."""
        text = "\n".join([request.system, *(message.text for message in request.messages)])
        if not self._answers or (self._purpose not in (None, request.purpose)) or not self._pattern.search(text):
            return None
        return self._answers[0] if self._repeat and len(self._answers) == 1 else self._answers.pop(0)


class ScriptedModel:
    """Implements the port `Model`, and what the model cloud asks of an adapter, from rules; the first match answers.

    Args:
        rules: tried in order; a plain text stands for a rule that answers any one request.
        name: the model's name in replies and cassette keys.
        usd_per_token: price of a token, None = unknown.

    Attributes:
        requests: every request seen, in order.
    """

    charges: Literal["per_call", "once", "never"] = "per_call"

    def __init__(
        self, rules: Sequence[Rule | str], *, name: str = "scripted", usd_per_token: float | None = 0.0
    ) -> None:
        self._rules = [rule if isinstance(rule, Rule) else Rule(rule) for rule in rules]
        self._name = name
        self._usd_per_token = usd_per_token
        self.requests: list[ModelRequest] = []

    def identify(self, request: ModelRequest) -> str:
        """The scripted model's name."""
        return self._name

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Price of an exchange."""
        return None if self._usd_per_token is None else self._usd_per_token * (input_tokens + output_tokens)

    async def aclose(self) -> None:
        """Nothing to give back."""

    async def complete(self, request: ModelRequest, *, scope: str = "") -> ModelReply:
        self.requests.append(request)
        for rule in self._rules:
            answer = rule.answer(request)
            if answer is None:
                continue
            if isinstance(answer, SixfoldError):
                raise answer
            if isinstance(answer, ModelReply):
                return answer
            return self._reply(request, answer if isinstance(answer, str) else answer(request))
        last = request.messages[-1].text if request.messages else ""
        raise ScriptEnded(f"no answer left for {request.purpose} ({request.role}): {last[:300]!r}")

    def finish(self) -> None:
        """Check that the whole script was used.

        Raises:
            ScriptEnded: answers are left over.
        """
        left = sum(rule.left for rule in self._rules)
        if left:
            raise ScriptEnded(f"{left} scripted answers were never asked for")

    def _reply(self, request: ModelRequest, text: str) -> ModelReply:
        tokens = len(request.system) + sum(len(message.text) for message in request.messages)
        usage = Usage(
            calls=1,
            input_tokens=tokens // 4,
            output_tokens=len(text) // 4,
            cost_usd=self.cost(tokens // 4, len(text) // 4),
        )
        key = digest(canonical({"model": self._name, "request": request}))
        return ModelReply(text=text, model=self._name, usage=usage, request=key)
