"""A run as the phases see it: steps, events, waits and child tasks, over any engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from sixfold.domain.data import Json, from_json, to_json
from sixfold.domain.events import Event
from sixfold.domain.run import Decision
from sixfold.workflow.control import Control
from sixfold.workflow.engine import Engine
from sixfold.workflow.log import EventLog

T = TypeVar("T")

_POLL_S = 0.1


class Run:
    """One workflow of a run: the root, or a child task. Everything durable goes through here."""

    def __init__(self, id: str, engine: Engine, log: EventLog, control: Control, *, workflow: str = "") -> None:
        self.id = id
        self.workflow = workflow or id
        self._engine = engine
        self._log = log
        self._control = control

    def child(self, workflow: str) -> Run:
        """The same run, seen from inside another of its workflows."""
        return Run(self.id, self._engine, self._log, self._control, workflow=workflow)

    async def step(self, name: str, action: Callable[[], Awaitable[T]], kind: type[T]) -> T:
        """Run an action once and record its result.

        An error parks the workflow instead of ending it: the run pauses, and `resume` runs the action again.

        Args:
            name: `<phase>.<verb>`.
            action: may run more than once (crash before the record); effects must be idempotent.
            kind: type of the result, for decoding.
        """

        async def recorded() -> Json:
            try:
                return to_json(await action())
            except Exception as error:
                await self._control.park(self.workflow, error)
                raise AssertionError("a parked workflow does not come back") from error

        return from_json(await self._engine.step(name, recorded), kind)

    async def blocking(self, name: str, action: Callable[[], T], kind: type[T]) -> T:
        """`step` for an action that blocks (git, files): it runs in a thread."""

        async def threaded() -> T:
            return await asyncio.to_thread(action)

        return await self.step(name, threaded, kind)

    def emit(self, kind: str, key: str, data: Json, *, who: str = "sixfold") -> Event:
        """Append an event once; `key` names the work, so re-runs after a crash add nothing."""
        return self._log.append(kind, key, data, who=who)

    def events(self) -> list[Event]:
        """Everything that happened so far."""
        return self._log.read()

    async def decision(self, subject: str) -> Decision:
        """Wait, as long as it takes, for the first decision on a subject, from any door."""
        found = self._decided(subject)
        if found is not None:
            return found
        with self._control.waiting_for_human(self.workflow, subject):
            while True:
                found = self._decided(subject)
                if found is not None:
                    return found
                await asyncio.sleep(_POLL_S)

    def _decided(self, subject: str) -> Decision | None:
        event = self._log.find(f"decision:{subject}")
        return None if event is None else from_json(event.data["decision"], Decision)

    async def start(self, name: str, kind: str, payload: Json) -> str:
        """Start a child task; returns its workflow id, made from the run's id and `name`."""
        id = f"{self.id}:{name}"
        await self._engine.start(id, kind, to_json(payload))
        return id

    async def first(self, ids: Sequence[str], kind: type[T]) -> tuple[str, T]:
        """Wait for the first of these children to end; its id and result."""
        with self._control.waiting_for_children(self.workflow, ids):
            id = await self._engine.first(ids)
            return id, from_json(await self._engine.result(id), kind)


def decision_event(log: EventLog, decision: Decision) -> Event:
    """Write a decision into a run's log; the first one on a subject stands."""
    return log.append("decision.given", f"decision:{decision.subject}", {"decision": decision}, who=decision.who)
