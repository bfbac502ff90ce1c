"""Bounded retries of transient failures, in one place: the providers' own SDK retries are switched off."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sixfold.domain.data import Data
from sixfold.domain.errors import ModelUnavailable
from sixfold.layers.models.adapter import Transient

T = TypeVar("T")

Sleep = Callable[[float], Awaitable[None]]


class RetryPolicy(Data, frozen=True, kw_only=True):
    """How long we are patient with a server."""

    attempts: int = 5
    attempts_unreached: int = 3
    """Attempts while nothing answers at all: a wrong address does not heal by waiting."""
    first_delay_s: float = 0.5
    """Doubles with every attempt; up to half as much again is added by chance, so that parallel tasks spread out."""
    most_delay_s: float = 60.0
    """A server that asks for a longer pause is given up at once; the run pauses and can be resumed."""


PATIENT = RetryPolicy()


async def retry(attempt: Callable[[], Awaitable[T]], policy: RetryPolicy, sleep: Sleep) -> T:
    """Call `attempt` until it succeeds, fails for good, or patience ends.

    A `Retry-After` of the server is waited for exactly; else the delay grows exponentially.

    Raises:
        ModelUnavailable: the last failure, with the number of attempts made.
    """
    made = 0
    while True:
        made += 1
        try:
            return await attempt()
        except Transient as failure:
            most = policy.attempts if failure.reached else policy.attempts_unreached
            asked = failure.retry_after_s
            if made >= most or (asked is not None and asked > policy.most_delay_s):
                tried = f"{failure.what} ({made} attempts)" if made > 1 else failure.what
                raise ModelUnavailable(
                    tried, why=failure.why, next=failure.next, retry_after_s=failure.retry_after_s
                ) from failure
            grown = policy.first_delay_s * 2 ** (made - 1)
            # Chance here only spreads load; it reaches no recorded value.
            delay_s = asked if asked is not None else min(policy.most_delay_s, grown * random.uniform(1.0, 1.5))  # noqa: S311
        await sleep(delay_s)
