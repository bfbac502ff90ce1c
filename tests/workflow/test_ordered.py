"""A replay decides races as they were decided, whatever finishes first now."""

from __future__ import annotations

import asyncio

from sixfold.domain.data import Json
from sixfold.workflow.engine import MemoryEngine
from sixfold.workflow.ordered import OrderedEngine


async def test_children_are_taken_in_the_recorded_order_and_not_as_they_finish() -> None:
    finished = asyncio.Event()

    async def child(id: str, payload: Json) -> Json:
        if id == "r:task:slow":
            await finished.wait()
        else:
            finished.set()
        return id

    inner = MemoryEngine({"child": child})
    engine = OrderedEngine(inner, ["task:slow", "task:quick"])
    ids = ["r:task:quick", "r:task:slow"]
    for id in ids:
        await engine.start(id, "child", {})
    assert await engine.first(ids) == "r:task:slow"
    assert await OrderedEngine(inner).first(ids) in ids
    await inner.close()


async def test_no_more_steps_run_at_once_than_there_are_workers() -> None:
    busy, most = 0, 0

    async def act() -> Json:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0)
        busy -= 1
        return None

    engine = OrderedEngine(MemoryEngine({}), workers=2)
    await asyncio.gather(*(engine.step("s", act) for _ in range(6)))
    assert most == 2
