"""Sixfold's end of the line to a supervisor: start commands, hear how they ended, end them."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Protocol

from sixfold.domain.data import Data, Json
from sixfold.domain.errors import SandboxUnavailable

START_S = 120.0
"""Longest a supervisor may take to say that it stands; a loaded machine needs about one, a remote loads an image."""


class Outcome(Data, frozen=True, kw_only=True):
    """How a command ended, as its keeper saw it."""

    code: int
    stopped_by: str = ""
    problem: str = ""
    """Why it never started; empty when it did."""
    cpu_s: float = 0.0


class Supervision(Protocol):
    """A line to a supervisor, wherever it stands."""

    async def ready(self) -> None:
        """Wait until it stands; SandboxUnavailable when it could not be set up."""
        ...

    def run(self, command: Json, streams: Sequence[int]) -> tuple[int, asyncio.Future[Json]]:
        """Start a command; its number and the future of its outcome. The caller closes the streams."""
        ...

    def kill(self, number: int) -> None:
        """End a command and everything it started; its outcome still arrives."""
        ...

    async def answers(self, port: int) -> bool:
        """Whether something inside accepts connections on that loopback port."""
        ...

    def said(self) -> str:
        """The last line the supervisor or its launcher printed."""
        ...

    async def close(self) -> None:
        """End everything inside and wait until it is gone."""
        ...


async def wait_until_up(line: Supervision, first: asyncio.Future[Json]) -> None:
    """Wait for a supervisor's first word.

    Raises:
        SandboxUnavailable: it could not be set up; carries what it said.
    """
    try:
        async with asyncio.timeout(START_S):
            await first
    except (TimeoutError, ConnectionError) as error:
        said = line.said()
        await line.close()
        raise SandboxUnavailable(
            "the sandbox could not be set up; nothing ran",
            why=said or f"no sign of life ({type(error).__name__})",
            next="sixfold doctor",
        ) from error


def last_line(log: int) -> str:
    """The last line in an open log, empty when there is none."""
    lines = os.pread(log, 1 << 16, 0).decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


class Channel:
    """A live supervisor on this machine's own kernel, spoken to over a socket that carries descriptors."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket, log: int) -> None:
        self.process = process
        self.control = control
        self.log = log
        self.last = 0
        self.waiting: dict[int, asyncio.Future[Json]] = {}
        self.closed = False

    async def ready(self) -> None:
        """Wait until the supervisor stands.

        Raises:
            SandboxUnavailable: it could not be set up; carries what it said.
        """
        self.control.setblocking(False)
        first: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self.waiting[0] = first
        asyncio.get_running_loop().add_reader(self.control.fileno(), self._read)
        await wait_until_up(self, first)

    def said(self) -> str:
        """The last line the supervisor or its launcher printed: the reason when something is wrong."""
        return "" if self.closed else last_line(self.log)

    def run(self, command: Json, streams: Sequence[int]) -> tuple[int, asyncio.Future[Json]]:
        """Start a command; returns its number and the future of its outcome. The caller closes the streams."""
        with contextlib.ExitStack() as stack:
            text = memory_file(json.dumps(command).encode())
            stack.callback(os.close, text)
            number, future = self._expect()
            socket.send_fds(self.control, [json.dumps({"op": "run", "id": number}).encode()], [*streams, text])
        return number, future

    def kill(self, number: int) -> None:
        """End a command and everything it started; its outcome still arrives."""
        self._send({"op": "kill", "id": number})

    async def answers(self, port: int) -> bool:
        """Whether something inside accepts connections on that loopback port."""
        number, future = self._expect()
        self._send({"op": "connect", "id": number, "port": port})
        return bool((await future)["ok"])

    async def close(self) -> None:
        """End everything inside and wait until it is gone."""
        if self.closed:
            return
        self.closed = True
        asyncio.get_running_loop().remove_reader(self.control.fileno())
        self.control.close()
        self._fail()
        try:
            await self._gone(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            await self._gone()
        os.close(self.log)

    async def _gone(self, within_s: float | None = None) -> None:
        try:
            await asyncio.to_thread(self.process.wait, within_s)
        except RuntimeError:
            # The engine has closed the loop's threads: everything ends, and there is nobody left to hold up.
            self.process.wait(within_s)

    def _expect(self) -> tuple[int, asyncio.Future[Json]]:
        if self.closed or self.process.poll() is not None:
            raise SandboxUnavailable("the sandbox has ended; nothing ran", next="open a new one")
        self.last += 1
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self.waiting[self.last] = future
        return self.last, future

    def _send(self, message: Json) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionError):  # the reader notices the end and fails the futures
            self.control.send(json.dumps(message).encode())

    def _read(self) -> None:
        try:
            text = self.control.recv(65536)
        except BlockingIOError:
            return
        except ConnectionError:
            text = b""
        if not text:
            asyncio.get_running_loop().remove_reader(self.control.fileno())
            self._fail()
            return
        message = json.loads(text)
        future = self.waiting.pop(message.get("id", 0), None)
        if future is not None and not future.done():
            future.set_result(message)

    def _fail(self) -> None:
        waiting, self.waiting = self.waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(ConnectionError("the supervisor is gone"))
                future.exception()  # nobody may be waiting any more


def memory_file(content: bytes) -> int:
    """A descriptor from which exactly these bytes can be read, and that nobody can change."""
    if sys.platform != "linux":
        with tempfile.TemporaryFile() as file:  # without a name: nobody else can open it
            file.write(content)
            file.seek(0)
            return os.dup(file.fileno())
    descriptor = os.memfd_create("sixfold", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor
