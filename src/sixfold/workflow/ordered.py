"""An engine that repeats a recorded run: races end as recorded, and as many steps run at once as asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from sixfold.domain.data import Json
from sixfold.workflow.engine import Engine


class OrderedEngine:
    """Decides races the way they were decided before, so that chance and speed change no result.

    Args:
        order: names of children (`task:T1`), in the order in which their parent took their results.
        workers: steps at once; 0 = no limit. Changes nothing but time.
    """

    def __init__(self, inner: Engine, order: Sequence[str] = (), *, workers: int = 0) -> None:
        self._inner = inner
        self._order = {name: place for place, name in reversed(list(enumerate(order)))}
        self._room = asyncio.Semaphore(workers) if workers else None

    async def step(self, name: str, action: Callable[[], Awaitable[Json]]) -> Json:
        if self._room is None:
            return await self._inner.step(name, action)
        room = self._room

        async def in_turn() -> Json:
            async with room:
                return await action()

        return await self._inner.step(name, in_turn)

    async def start(self, id: str, kind: str, payload: Json) -> None:
        await self._inner.start(id, kind, payload)

    async def first(self, ids: Sequence[str]) -> str:
        known = [id for id in ids if self._place(id) is not None]
        if len(ids) < 2 or not known:
            return await self._inner.first(ids)
        return await self._inner.first([min(known, key=lambda id: self._place(id) or 0)])

    async def result(self, id: str) -> Json:
        return await self._inner.result(id)

    def _place(self, id: str) -> int | None:
        return self._order.get(id.partition(":")[2])
