"""What durable execution promises, and an engine without durability for tests, benchmarks and embedding.

A *workflow* is a handler running under an id; its steps are recorded in call order. After a crash the handler runs
again from the top and recorded steps return what they returned before. So a handler must be deterministic between
steps: no clock, no chance, no set order.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from sixfold.domain.data import Json

Handler = Callable[[str, Json], Awaitable[Json]]
"""Called with the workflow's id and its payload; returns plain JSON."""


class Engine(Protocol):
    """Runs workflows and records their steps."""

    async def step(self, name: str, action: Callable[[], Awaitable[Json]]) -> Json:
        """Run `action` once and record its plain-JSON result, or return the recorded one.

        At-least-once: a crash between the action's effect and the record runs it again, so effects carry an
        idempotency key. Must be called from inside a workflow.
        """
        ...

    async def start(self, id: str, kind: str, payload: Json) -> None:
        """Start a child workflow under a deterministic id; a second start of the same id does nothing."""
        ...

    async def first(self, ids: Sequence[str]) -> str:
        """Wait until one of these child workflows has ended; recorded, so a re-run sees the same order."""
        ...

    async def result(self, id: str) -> Json:
        """The result of an ended child workflow."""
        ...


class MemoryEngine:
    """Runs everything in this process and forgets it. Same interface, no durability."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers
        self._tasks: dict[str, asyncio.Task[Json]] = {}

    async def step(self, name: str, action: Callable[[], Awaitable[Json]]) -> Json:
        return await action()

    async def start(self, id: str, kind: str, payload: Json) -> None:
        if id not in self._tasks:
            self._tasks[id] = asyncio.ensure_future(self._handlers[kind](id, payload))

    async def first(self, ids: Sequence[str]) -> str:
        done, _ = await asyncio.wait([self._tasks[id] for id in ids], return_when=asyncio.FIRST_COMPLETED)
        return next(id for id in ids if self._tasks[id] in done)

    async def result(self, id: str) -> Json:
        return await self._tasks[id]

    async def close(self) -> None:
        """Cancel what still runs."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


@asynccontextmanager
async def in_memory(run: str, database: str | Path, handlers: Mapping[str, Handler]) -> AsyncIterator[MemoryEngine]:
    """An engine for work that can simply be done again, such as a replay: nothing to load, nothing to keep.

    Args:
        run: not used, as `database` is not: the signature is that of the durable engine's.
        handlers: kind → handler.
    """
    engine = MemoryEngine(handlers)
    try:
        yield engine
    finally:
        await engine.close()
