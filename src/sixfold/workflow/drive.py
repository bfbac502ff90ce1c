"""Driving a run in this process until it ends, waits for a human, or pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from sixfold.domain.data import Json, from_json
from sixfold.domain.errors import SixfoldError
from sixfold.domain.events import Event
from sixfold.domain.run import Outcome
from sixfold.workflow.control import Control
from sixfold.workflow.engine import Engine
from sixfold.workflow.log import EventLog, note_pause

ROOT = "run"
"""Kind of the root workflow."""

_TICK_S = 0.1


@dataclass(frozen=True)
class Stop:
    """Why driving stopped."""

    status: Literal["ended", "waiting", "paused"]
    exit_code: int
    outcome: Outcome | None = None
    reason: BaseException | None = None
    """What parked the run, when it paused."""


async def drive(
    run: str,
    engine: Engine,
    log: EventLog,
    control: Control,
    *,
    listener: Callable[[Event], None] | None = None,
    door: Callable[[str], Awaitable[None]] | None = None,
    timeout_s: float | None = None,
) -> Stop:
    """Start (or continue) the root workflow and follow it.

    Args:
        listener: told every event, in order, including those other processes append.
        door: asked once for each open subject while a person is present; writes the decision, or leaves it waiting.
        timeout_s: wall seconds after which the run pauses; None = no limit.
    """
    await engine.start(run, ROOT, {})
    done = asyncio.ensure_future(_finish(engine, run))
    follower = _Follower(log, listener)
    loop = asyncio.get_running_loop()
    deadline = None if timeout_s is None else loop.time() + timeout_s
    asked: set[str] = set()
    try:
        while True:
            follower.advance()
            if done.done():
                outcome = from_json(done.result(), Outcome)
                return Stop(status="ended", exit_code=outcome.exit_code, outcome=outcome)
            if deadline is not None and loop.time() > deadline:
                return _pause(log, _timed_out(timeout_s), follower)
            # A subject stays open until its workflow wakes up and reads the decision: asked once is enough, and asking
            # on and on would keep that workflow from waking up.
            fresh = [subject for subject in control.subjects() if subject not in asked]
            if door is not None and fresh:
                asked.add(fresh[0])
                await door(fresh[0])
                continue
            if control.stuck() and not _decided(log, control.subjects()):
                reason = control.reason()
                if reason is not None:
                    return _pause(log, reason, follower)
                return _wait(log, control.subjects(), follower)
            control.changed.clear()
            waits = {done, asyncio.ensure_future(control.changed.wait())}
            _, pending = await asyncio.wait(waits, timeout=_TICK_S, return_when=asyncio.FIRST_COMPLETED)
            for waiter in pending - {done}:
                waiter.cancel()
    finally:
        follower.advance()
        done.cancel()


async def _finish(engine: Engine, run: str) -> Json:
    return await engine.result(run)


class _Follower:
    """Passes new events on, once each."""

    def __init__(self, log: EventLog, listener: Callable[[Event], None] | None) -> None:
        self._log = log
        self._listener = listener
        self._seen = len(log.read()) - 1

    def advance(self) -> None:
        for event in self._log.read(self._seen):
            self._seen = event.seq
            if self._listener is not None:
                self._listener(event)


def _timed_out(timeout_s: float | None) -> SixfoldError:
    error = SixfoldError(f"the time limit of {timeout_s:g} s is reached", next="sixfold resume --timeout-s N goes on")
    error.code = "timeout"
    error.exit_code = 4
    return error


def _decided(log: EventLog, subjects: tuple[str, ...]) -> bool:
    """True when a decision was written that its workflow has not read yet: something will still happen."""
    return any(log.find(f"decision:{subject}") is not None for subject in subjects)


def _pause(log: EventLog, reason: BaseException, follower: _Follower) -> Stop:
    """Record why the run stands still; everything recorded so far is kept."""
    exit_code = note_pause(log, reason)
    follower.advance()
    return Stop(status="paused", exit_code=exit_code, reason=reason)


def _wait(log: EventLog, subjects: tuple[str, ...], follower: _Follower) -> Stop:
    log.append("run.waiting", f"waiting:{log.next('run.waiting')}", {"subjects": subjects})
    follower.advance()
    return Stop(status="waiting", exit_code=3)
