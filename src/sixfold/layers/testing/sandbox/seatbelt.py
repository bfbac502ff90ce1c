"""macOS: the system's own `sandbox-exec`, with a profile written for each workspace. Seatbelt is what App Sandbox uses.

There are no namespaces on macOS: a guest has the machine's loopback or none (it gets none), and a process that leaves
its parent is found by its group and by what was seen below the command before, not by the kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sixfold.domain.data import Json
from sixfold.domain.errors import SandboxUnavailable
from sixfold.domain.ports import Environment
from sixfold.layers.testing.sandbox.copies import Copy
from sixfold.layers.testing.sandbox.inside import Places, in_host
from sixfold.layers.testing.sandbox.opening import Backend
from sixfold.layers.testing.sandbox.policy import (
    CAGE,
    CPU_TIME,
    DISK_BY_FILE,
    WHAT_IS_SAID,
    Enforced,
    existing,
    interpreter,
    toolchain,
)

PROGRAM = "/usr/bin/sandbox-exec"
READABLE = (
    *("/usr", "/bin", "/sbin", "/System", "/Library/Apple", "/Library/Developer/CommandLineTools"),
    *("/private/var/db/dyld", "/private/etc/ssl", "/private/var/db/timezone", "/opt/homebrew", "/opt/local"),
)
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
WATCH_S = 0.5

LIMIT = (
    "import json, os, resource, sys\n"
    "for name, most in json.loads(sys.argv[1]).items():\n"
    "    kind = getattr(resource, name)\n"
    "    ceiling = resource.getrlimit(kind)[1]\n"
    "    most = most if ceiling == resource.RLIM_INFINITY else min(most, ceiling)\n"
    "    resource.setrlimit(kind, (most, most))\n"
    "try:\n"
    "    os.execvp(sys.argv[2], sys.argv[2:])\n"
    "except FileNotFoundError:\n"
    "    sys.stderr.write(sys.argv[2] + ': not found\\n'); sys.exit(127)\n"
    "except OSError as error:\n"
    "    sys.stderr.write(sys.argv[2] + ': ' + str(error.strerror) + '\\n'); sys.exit(126)\n"
)
"""Runs inside the profile: sets what limits the system has, then becomes the command."""


def quoted(path: str) -> str:
    """A path as the profile language writes it.

    Raises:
        SandboxUnavailable: it holds a character that could end the text.
    """
    if any(ord(letter) < 32 for letter in path):
        raise SandboxUnavailable("a folder's name holds a control character", why=repr(path))
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


def profile(*, readable: Sequence[str], writable: Sequence[str]) -> str:
    """The profile of one workspace: everything is refused but what stands here; later rules win.

    Args:
        readable: folders and files, as absolute real paths.
        writable: folders of the copy.
    """
    above = sorted({str(parent) for path in (*readable, *writable) for parent in Path(path).parents})
    lines = [
        "(version 1)",
        "(deny default)",
        "(allow process-exec process-fork)",
        "(allow signal (target same-sandbox))",
        "(allow process-info* (target same-sandbox))",
        "(allow sysctl-read)",
        "(allow ipc-posix-sem)",
        f"(allow file-read-metadata {' '.join(f'(literal {quoted(path)})' for path in above)})",
        f"(allow file-read* {' '.join(f'(subpath {quoted(path)})' for path in readable)})",
        f"(allow file-read* file-write* {' '.join(f'(subpath {quoted(path)})' for path in writable)})",
        f"(allow file-read* file-write-data {' '.join(f'(literal {quoted(path)})' for path in DEVICES)})",
        "(deny file-write-setugid)",
        "(deny file-link)",
        "(deny network*)",
    ]
    return "\n".join(lines) + "\n"


class Seatbelt(Backend):
    """`sandbox-exec` around every command."""

    name = "sandbox-exec"
    loopback = False
    program = PROGRAM

    async def launch(self, copy: Copy, environment: Environment | None) -> SeatbeltChannel:
        """Write the profile; commands are started one by one."""
        if not os.access(self.program, os.X_OK):
            raise SandboxUnavailable("sandbox-exec is part of macOS", why="not tried on this machine")
        text = profile(
            readable=[os.path.realpath(path) for path in (*existing(READABLE), str(CAGE), *toolchain(environment)[1])],
            writable=[str(copy.work), str(copy.home), str(copy.tmp)],
        )
        return SeatbeltChannel([self.program, "-p", text], [copy.work, copy.home, copy.tmp])

    def places(self, copy: Copy, environment: Environment | None) -> Places:
        """The host's own names: there are no others."""
        return in_host(copy, environment)

    def enforced(self) -> tuple[Enforced, ...]:
        """What holds on macOS, for the table of `sixfold doctor`."""
        return (
            Enforced(what="files", strength="kernel", how="Seatbelt: system and toolchain readable, the copy writable"),
            Enforced(what="network", strength="kernel", how="Seatbelt refuses every connection and bind"),
            Enforced(what="loopback", strength="kernel", how="none: neither the host's nor an own one"),
            Enforced(what="processes", strength="watched", how="counted twice a second"),
            Enforced(what="memory", strength="watched", how="resident sum, twice a second"),
            CPU_TIME,
            Enforced(what="pids", strength="watched", how="the group, and whatever was seen below the command"),
            Enforced(what="signals", strength="kernel", how="Seatbelt: only within one sandbox"),
            DISK_BY_FILE,
            *WHAT_IS_SAID,
        )


class SeatbeltChannel:
    """Starts and watches commands itself: there is no supervisor that would see more than we do."""

    def __init__(self, prefix: Sequence[str], folders: Sequence[Path]) -> None:
        self.prefix = list(prefix)
        self.folders = folders
        self.last = 0
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        self.watchers: set[asyncio.Task[None]] = set()

    async def ready(self) -> None:
        """There is nothing to wait for."""

    def said(self) -> str:
        """Nothing beside what commands print."""
        return ""

    def run(self, command: Json, streams: Sequence[int]) -> tuple[int, asyncio.Future[Json]]:
        """Start a command inside the profile."""
        given, out, err = streams
        limits = {
            "RLIMIT_CPU": max(1, int(command["cpu_s"] + 0.999)),
            "RLIMIT_FSIZE": command["file_bytes"],
            "RLIMIT_CORE": 0,
            "RLIMIT_NOFILE": 1024,
        }
        words = [interpreter()[0], "-I", "-S", "-c", LIMIT, json.dumps(limits), *command["argv"]]
        cwd = command["cwd"] if os.path.isdir(command["cwd"]) else str(self.folders[0])
        try:
            process = subprocess.Popen(
                [*self.prefix, *words],
                stdin=given,
                stdout=out,
                stderr=err,
                env=command["env"],
                cwd=cwd,
                start_new_session=True,
                umask=0o022,
            )
        except OSError as error:
            raise SandboxUnavailable("sandbox-exec could not be started", why=str(error.strerror or error)) from error
        self.last += 1
        self.processes[self.last] = process
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        watcher = asyncio.ensure_future(self._watch(self.last, process, command, future))
        self.watchers.add(watcher)
        watcher.add_done_callback(self.watchers.discard)
        return self.last, future

    def kill(self, number: int) -> None:
        """End a command and everything it is known to have started."""
        process = self.processes.get(number)
        if process is not None:
            _kill({process.pid, *_below({process.pid})})

    async def answers(self, port: int) -> bool:
        """Never: there is no loopback."""
        return False

    async def close(self) -> None:
        """End everything."""
        for number in tuple(self.processes):
            self.kill(number)
        if self.watchers:
            await asyncio.wait(self.watchers)

    async def _watch(
        self, number: int, process: subprocess.Popen[bytes], command: Json, future: asyncio.Future[Json]
    ) -> None:
        seen, stopped_by = {process.pid}, ""
        ended = asyncio.ensure_future(asyncio.to_thread(process.wait))
        while not ended.done():
            await asyncio.wait({ended}, timeout=WATCH_S)
            table = await asyncio.to_thread(_table)
            seen |= _below(seen, table)
            stopped_by = stopped_by or ("" if ended.done() else self._broken(command, seen, table))
            if stopped_by:
                _kill(seen)
        _kill(seen - {process.pid} | _below(seen))
        del self.processes[number]
        code = process.returncode
        reason = "cpu" if code == -signal.SIGXCPU else stopped_by
        if not future.done():
            outcome = {"code": 128 - code if code < 0 else code, "stopped_by": reason, "problem": "", "cpu_s": 0.0}
            future.set_result(outcome)

    def _broken(self, command: Json, seen: set[int], table: dict[int, tuple[int, int, int]]) -> str:
        alive = [table[pid] for pid in seen if pid in table]
        if sum(resident for _, _, resident in alive) > command["memory_bytes"]:
            return "memory"
        if len(alive) > command["processes"]:
            return "processes"
        used = 0
        for folder in self.folders:
            for place, _, names in os.walk(folder, onerror=lambda _: None):
                for name in names:
                    with contextlib.suppress(OSError):
                        used += os.lstat(os.path.join(place, name)).st_blocks * 512 + 512
        return "disk" if used > command["disk_bytes"] else ""


def _table() -> dict[int, tuple[int, int, int]]:
    """Every process: pid -> (parent, group, resident bytes)."""
    ps = shutil.which("ps") or "/bin/ps"
    done = subprocess.run([ps, "-A", "-o", "pid=,ppid=,pgid=,rss="], capture_output=True, text=True)
    rows = (line.split() for line in done.stdout.splitlines())
    return {int(row[0]): (int(row[1]), int(row[2]), int(row[3]) * 1024) for row in rows if len(row) == 4}


def _below(roots: set[int], table: dict[int, tuple[int, int, int]] | None = None) -> set[int]:
    """Processes whose parent or group is among the roots, and theirs, and so on."""
    table = _table() if table is None else table
    found = set(roots)
    while True:
        more = {pid for pid, (parent, group, _) in table.items() if parent in found or group in found} - found
        if not more:
            return found - roots
        found |= more


def _kill(pids: set[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
