"""An open sandbox: runs commands beside one supervisor on one copy of a tree."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence

from msgspec import structs

from sixfold.domain.data import Json, Tree
from sixfold.domain.errors import SandboxUnavailable
from sixfold.domain.evidence import ExecResult, Limits
from sixfold.layers.testing.sandbox.channel import Supervision
from sixfold.layers.testing.sandbox.files import Files
from sixfold.layers.testing.sandbox.inside import Places
from sixfold.layers.testing.sandbox.policy import clean_environment
from sixfold.layers.testing.sandbox.running import Running, RunningService, out_of_time

BATCH_LIMITS = Limits(wall_s=5.0, memory_bytes=1 << 30, output_bytes=1 << 16)


class IsolatedWorkspace:
    """The workspace of every backend that has a supervisor."""

    files: Files
    """How files get in and out; set before anything runs."""

    def __init__(self, channel: Supervision, places: Places, *, loopback: bool) -> None:
        self.folder = places.work
        self.loopback = loopback
        self._services: list[RunningService] = []
        self._channel = channel
        self._places = places
        self._commands = 0

    async def exec(
        self,
        argv: Sequence[str],
        *,
        limits: Limits = Limits(),
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        cwd: str = ".",
    ) -> ExecResult:
        self._commands += 1
        try:
            return await Running(self._channel, self._command(argv, limits, env, cwd), limits, stdin).result()
        finally:
            self._commands -= 1

    async def start(
        self,
        argv: Sequence[str],
        *,
        limits: Limits = Limits(),
        env: Mapping[str, str] | None = None,
        cwd: str = ".",
    ) -> RunningService:
        running = Running(self._channel, self._command(argv, limits, env, cwd), limits, b"")
        service = RunningService(running, self.files.exists, loopback=self.loopback)
        self._services.append(service)
        return service

    async def batch(
        self,
        sources: Sequence[str],
        *,
        prelude: str = "",
        limits: Limits = BATCH_LIMITS,
        env: Mapping[str, str] | None = None,
        workers: int = 0,
        scratch: bool = False,
    ) -> tuple[ExecResult, ...]:
        if not sources:
            return ()
        workers = min(workers or os.cpu_count() or 1, len(sources))
        wanted = {
            "sources": list(sources),
            "prelude": prelude,
            "workers": workers,
            "scratch": scratch,
            "dumpable": not self._places.hides_memory,
            "wall_s": limits.wall_s,
            "cpu_s": limits.wall_s if limits.cpu_s is None else limits.cpu_s,
            "memory_bytes": limits.memory_bytes,
            "output_bytes": limits.output_bytes,
        }
        whole = Limits(
            wall_s=60.0 + limits.wall_s * -(-len(sources) // workers),
            memory_bytes=limits.memory_bytes * (workers + 1) + (1 << 30),
            processes=(limits.processes + 1) * workers + 1,
            output_bytes=1 << 30,
        )
        words = ["python", "-u", self._places.batch]
        done = await self.exec(words, stdin=json.dumps(wanted).encode(), limits=whole, env=env)
        return _batch_results(done, len(sources), limits)

    async def close(self) -> None:
        """End the services."""
        for service in self._services:
            with contextlib.suppress(SandboxUnavailable):  # its sandbox is gone already, and it with it
                await service.stop()

    async def put(self, files: Mapping[str, bytes]) -> None:
        await self.files.put(files)

    async def get(self, path: str, *, most_bytes: int = 1 << 20) -> bytes | None:
        return await self.files.get(path, most_bytes)

    async def capture(self) -> Tree:
        quiet = not self._commands and all(service.ended for service in self._services)
        return await self.files.capture(quiet=quiet)

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


def _batch_results(done: ExecResult, count: int, limits: Limits) -> tuple[ExecResult, ...]:
    """What each input did; when the batch itself broke, every input it never reached carries its end."""
    results: dict[int, ExecResult] = {}
    for line in done.stdout.splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError):  # a broken line is a missing result
            told = json.loads(line)
            reason = out_of_time(told["stopped_by"], told["wall_s"], limits)
            results[int(told["n"])] = ExecResult(
                exit_code=137 if reason == "wall" else told["code"],
                stdout=told["out"],
                stderr=told["err"],
                timed_out=reason == "wall",
                stopped_by=reason,
                truncated=told["stopped_by"] == "output",
                wall_s=round(told["wall_s"], 6),
            )
    missing = structs.replace(done, stdout="", exit_code=done.exit_code or 1)
    return tuple(results.get(number, missing) for number in range(count))
