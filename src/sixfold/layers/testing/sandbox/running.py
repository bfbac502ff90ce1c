"""One command on its way: its streams, its limits, its end. And the service, a command that is not waited for."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable
from typing import Literal

from sixfold.domain.data import Json
from sixfold.domain.errors import SandboxUnavailable
from sixfold.domain.evidence import ExecResult, Limits
from sixfold.layers.testing.sandbox.channel import Supervision, memory_file
from sixfold.layers.testing.sandbox.streams import Capture

StoppedBy = Literal["", "wall", "silence", "cpu", "memory", "processes", "output", "disk"]

FLOOD = 64
"""A stream that prints this many times its allowance (and 64 MiB at least) is ended rather than read on."""

TICK_S = 0.05
"""How far the kernel's count of CPU time, taken by ticks, may run ahead of the clock."""

END_S = 10
"""Longest a kill may take to be reported; after that the whole sandbox is ended."""


class Running:
    """A command that was started; `result` must be awaited exactly once."""

    def __init__(self, channel: Supervision, command: Json, limits: Limits, stdin: bytes) -> None:
        """Start it.

        Raises:
            SandboxUnavailable: the sandbox is gone; nothing ran.
        """
        self.channel = channel
        self.limits = limits
        self.began = time.monotonic()
        with contextlib.ExitStack() as stack:
            given = memory_file(stdin) if stdin else os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            stack.callback(os.close, given)
            self.out, self.err = Capture(limits.output_bytes), Capture(limits.output_bytes)
            stack.callback(self.out.started)
            stack.callback(self.err.started)
            try:
                self.number, self.ended = channel.run(command, [given, self.out.write_end, self.err.write_end])
            except BaseException:
                self.out.discard()
                self.err.discard()
                raise

    def kill(self) -> None:
        """End the command and everything it started."""
        self.channel.kill(self.number)

    async def result(self) -> ExecResult:
        """Wait for the end, kill at the first limit only we can see, and tell what happened."""
        try:
            stopped_by = await self._watch()
            outcome = self.ended.result()
        except ConnectionError as error:
            raise SandboxUnavailable("the sandbox ended while a command ran", why=self.channel.said()) from error
        finally:
            if not self.ended.done():  # cancelled
                self.kill()
                await asyncio.wait({self.ended}, timeout=END_S)
            self.out.finish()
            self.err.finish()
        if outcome["problem"]:
            why = " ".join((outcome["problem"], self.err.text().strip()[-300:])).strip()
            raise SandboxUnavailable("the isolation could not be set up; nothing ran", why=why)
        wall_s = time.monotonic() - self.began
        reason = out_of_time(stopped_by or outcome["stopped_by"], wall_s, self.limits)
        return ExecResult(
            exit_code=137 if stopped_by or reason == "wall" else outcome["code"],
            stdout=self.out.text(),
            stderr=self.err.text(),
            timed_out=reason == "wall",
            stopped_by=reason,
            truncated=self.out.truncated or self.err.truncated,
            wall_s=round(wall_s, 4),
        )

    async def _watch(self) -> StoppedBy:
        while not self.ended.done():
            now = time.monotonic()
            left = self.began + self.limits.wall_s - now
            quiet_left = float("inf")
            if self.limits.silence_s is not None:
                quiet_left = max(self.out.last_at, self.err.last_at) + self.limits.silence_s - now
            flooded = max(self.out.seen_bytes, self.err.seen_bytes) > max(64 << 20, FLOOD * self.limits.output_bytes)
            broken: StoppedBy = "wall" if left <= 0 else "silence" if quiet_left <= 0 else "output" if flooded else ""
            if broken:
                self.kill()
                await asyncio.wait({self.ended}, timeout=END_S)
                if not self.ended.done():  # a supervisor that does not answer is not trusted any further
                    await self.channel.close()
                return broken
            await asyncio.wait({self.ended}, timeout=min(left, quiet_left, 1.0))
        return ""


def out_of_time(stopped_by: StoppedBy, wall_s: float, limits: Limits) -> StoppedBy:
    """Why it was stopped, told the same each time: a busy loop meets its CPU limit when the clock does."""
    return "wall" if stopped_by == "cpu" and wall_s > limits.wall_s - TICK_S else stopped_by


class RunningService:
    """A command that keeps running beside later ones: a server under test."""

    def __init__(self, running: Running, exists: Callable[[str], Awaitable[bool]], *, loopback: bool) -> None:
        self._running = running
        self._exists = exists
        self._loopback = loopback
        self._result = asyncio.ensure_future(running.result())

    async def wait_ready(self, *, port: int | None = None, path: str | None = None, timeout_s: float = 30.0) -> bool:
        """Wait until the port accepts connections and the path exists; False when it ended or time is up before."""
        if port is not None and not self._loopback:
            raise SandboxUnavailable(
                "this sandbox has no loopback, so no service can be reached in it",
                why="without a network namespace an open loopback would be the host's",
                next="install bubblewrap, or allow unprivileged user namespaces",
            )
        deadline = time.monotonic() + timeout_s
        while not self._result.done():
            there = path is None or await self._exists(path)
            if there and (port is None or await self._running.channel.answers(port)):
                return True
            if time.monotonic() > deadline:
                return False
            await asyncio.wait({self._result}, timeout=0.02)
        return False

    @property
    def ended(self) -> bool:
        """Whether it is over, with everything it started."""
        return self._result.done()

    def logs(self) -> tuple[str, str]:
        """What it printed so far: standard output and standard error."""
        return self._running.out.text(), self._running.err.text()

    async def stop(self) -> ExecResult:
        """End it, and everything it started; returns what it did. May be called again."""
        if not self._result.done():
            self._running.kill()
        return await self._result
