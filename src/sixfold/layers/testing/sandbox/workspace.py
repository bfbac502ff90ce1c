"""An open sandbox: runs commands beside one supervisor on one copy of a tree."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from sixfold.domain.data import Data, Json, Tree
from sixfold.domain.errors import SandboxUnavailable
from sixfold.domain.evidence import ExecResult, Limits
from sixfold.layers.testing.sandbox.channel import Channel, memory_file
from sixfold.layers.testing.sandbox.copies import Copy
from sixfold.layers.testing.sandbox.policy import clean_environment
from sixfold.layers.testing.sandbox.streams import Capture

StoppedBy = Literal["", "wall", "silence", "cpu", "memory", "processes", "output", "disk"]

FLOOD = 64
"""A stream that prints this many times its allowance (and 64 MiB at least) is ended rather than read on."""


class Places(Data, frozen=True, kw_only=True):
    """Where things lie as seen from inside."""

    work: str
    home: str
    temporary: str
    python: str


class IsolatedWorkspace:
    """The workspace of every backend that has a supervisor."""

    def __init__(self, channel: Channel, copy: Copy, places: Places, store: Callable[[Path], Tree]) -> None:
        self.folder = places.work
        self._channel = channel
        self._copy = copy
        self._places = places
        self._store = store

    async def exec(
        self,
        argv: Sequence[str],
        *,
        limits: Limits = Limits(),  # noqa: B008  (frozen)
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        cwd: str = ".",
    ) -> ExecResult:
        began = time.monotonic()
        out, err = Capture(limits.output_bytes), Capture(limits.output_bytes)
        given = memory_file(stdin) if stdin else os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            command = self._command(argv, limits, env, cwd)
            number, ended = self._channel.run(command, [given, out.write_end, err.write_end])
            os.close(given)
            given = -1
            out.started()
            err.started()
            try:
                stopped_by = await self._watch(number, ended, limits, out, err, began)
                outcome = ended.result()
            except ConnectionError as error:
                raise SandboxUnavailable("the sandbox ended while a command ran", why=self._channel.said()) from error
            finally:
                if not ended.done():
                    self._channel.kill(number)
                    await asyncio.wait({ended}, timeout=10)
        finally:
            if given >= 0:
                os.close(given)
            out.finish()
            err.finish()
        if outcome["problem"]:
            why = " ".join((outcome["problem"], err.text().strip()[-300:]))
            raise SandboxUnavailable("the isolation could not be set up; nothing ran", why=why)
        return _result(outcome, stopped_by, out, err, time.monotonic() - began)

    async def put(self, files: Mapping[str, bytes]) -> None:
        for path, content in sorted(files.items()):
            self._copy.put(path, content)

    async def get(self, path: str, *, most_bytes: int = 1 << 20) -> bytes | None:
        return self._copy.get(path, most_bytes)

    async def capture(self) -> Tree:
        return await asyncio.to_thread(self._capture)

    def _capture(self) -> Tree:
        self._copy.forget_git()
        return self._store(self._copy.work)

    def _command(self, argv: Sequence[str], limits: Limits, env: Mapping[str, str] | None, cwd: str) -> Json:
        places = self._places
        words = [places.python if argv[0] in ("python", "python3") else argv[0], *argv[1:]]
        return {
            "argv": words,
            "env": clean_environment(places.python, places.home, places.temporary, env),
            "cwd": os.path.normpath(os.path.join(places.work, cwd)),
            "cpu_s": limits.wall_s if limits.cpu_s is None else limits.cpu_s,
            "memory_bytes": limits.memory_bytes,
            "processes": limits.processes,
            "file_bytes": limits.file_bytes,
            "disk_bytes": limits.disk_bytes,
        }

    async def _watch(
        self, number: int, ended: asyncio.Future[Json], limits: Limits, out: Capture, err: Capture, began: float
    ) -> StoppedBy:
        """Wait for the end; kill at the first limit only we can see. Returns that limit."""
        while not ended.done():
            now = time.monotonic()
            left = began + limits.wall_s - now
            quiet_left = float("inf")
            if limits.silence_s is not None:
                quiet_left = max(out.last_at, err.last_at) + limits.silence_s - now
            flooded = max(out.seen_bytes, err.seen_bytes) > max(64 << 20, FLOOD * limits.output_bytes)
            stopped_by: StoppedBy = (
                "wall" if left <= 0 else "silence" if quiet_left <= 0 else "output" if flooded else ""
            )
            if stopped_by:
                self._channel.kill(number)
                await asyncio.wait({ended}, timeout=10)
                if not ended.done():  # a supervisor that does not answer is not trusted any further
                    await self._channel.close()
                return stopped_by
            await asyncio.wait({ended}, timeout=min(left, quiet_left, 1.0))
        return ""


def _result(outcome: Json, stopped_by: StoppedBy, out: Capture, err: Capture, wall_s: float) -> ExecResult:
    reason: StoppedBy = stopped_by or outcome["stopped_by"]
    return ExecResult(
        exit_code=137 if stopped_by else outcome["code"],
        stdout=out.text(),
        stderr=err.text(),
        timed_out=reason == "wall",
        stopped_by=reason,
        truncated=out.truncated or err.truncated,
        wall_s=round(wall_s, 4),
    )
