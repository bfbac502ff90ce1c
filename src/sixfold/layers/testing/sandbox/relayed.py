"""A line to a supervisor behind a pipe, as a container's standard streams are: frames instead of descriptors."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import struct
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import BinaryIO

from sixfold.domain.data import Json
from sixfold.domain.errors import SandboxUnavailable
from sixfold.layers.testing.sandbox.channel import last_line, wait_until_up

HEAD = struct.Struct("!cII")
MOST_FRAME_BYTES = 1 << 24
"""The relay is inside: what it says is not trusted to be well-formed."""
END_S = 10.0


class RelayChannel:
    """A supervisor in a container, spoken to over the container's standard streams."""

    def __init__(self, process: subprocess.Popen[bytes], log: int, remove: Callable[[], object]) -> None:
        """Take over a started container.

        Args:
            process: the attached client.
            log: where its standard error goes.
            remove: ends the container by its name, whatever the client does.
        """
        self.process = process
        self.log = log
        self.remove = remove
        self.last = 0
        self.waiting: dict[int, asyncio.Future[Json]] = {}
        self.streams: dict[int, tuple[int, int]] = {}
        """number -> our copies of the write ends of a command's output and error."""
        self.closed = False
        self.outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.lock = threading.Lock()

    async def ready(self) -> None:
        """Wait until the supervisor stands.

        Raises:
            SandboxUnavailable: it could not be set up; carries what was said.
        """
        self.loop = asyncio.get_running_loop()
        first: asyncio.Future[Json] = self.loop.create_future()
        self.waiting[0] = first
        self.threads = [threading.Thread(target=each, daemon=True) for each in (self._read, self._write)]
        for thread in self.threads:
            thread.start()
        await wait_until_up(self, first)

    def said(self) -> str:
        """The last line the client or the supervisor printed."""
        return "" if self.closed else last_line(self.log)

    def run(self, command: Json, streams: Sequence[int]) -> tuple[int, asyncio.Future[Json]]:
        """Start a command; its number and the future of its outcome. The caller closes the streams."""
        number, future = self._expect()
        given, out, err = streams
        with self.lock:
            self.streams[number] = (os.dup(out), os.dup(err))
        with open(os.dup(given), "rb") as stream:
            while chunk := stream.read(1 << 20):
                self._send(b"I", number, chunk)
        self._send(b"R", number, json.dumps(command).encode())
        return number, future

    def kill(self, number: int) -> None:
        """End a command and everything it started; its outcome still arrives."""
        self._send(b"K", number, b"")

    async def answers(self, port: int) -> bool:
        """Whether something inside accepts connections on that loopback port."""
        number, future = self._expect()
        self._send(b"C", number, json.dumps({"port": port}).encode())
        return bool((await future)["ok"])

    async def close(self) -> None:
        """End the container and wait until it is gone."""
        if self.closed:
            return
        self.closed = True
        self.outgoing.put(None)
        self._fail()
        try:
            await asyncio.to_thread(self.process.wait, END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            await asyncio.to_thread(self.process.wait)
            await asyncio.to_thread(self.remove)
        for thread in self.threads:
            await asyncio.to_thread(thread.join)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        os.close(self.log)

    def _expect(self) -> tuple[int, asyncio.Future[Json]]:
        if self.closed or self.process.poll() is not None:
            raise SandboxUnavailable("the sandbox has ended; nothing ran", next="open a new one")
        self.last += 1
        future: asyncio.Future[Json] = self.loop.create_future()
        self.waiting[self.last] = future
        return self.last, future

    def _send(self, kind: bytes, number: int, payload: bytes) -> None:
        self.outgoing.put(HEAD.pack(kind, number, len(payload)) + payload)

    def _write(self) -> None:
        """In a thread of its own: a full pipe must not stop the loop that empties the other one."""
        stdin = self.process.stdin
        with contextlib.suppress(OSError):  # the container is gone; the reader tells
            while (frame := self.outgoing.get()) is not None:
                stdin.write(frame)  # type: ignore[union-attr]
                stdin.flush()  # type: ignore[union-attr]
            stdin.close()  # type: ignore[union-attr]

    def _read(self) -> None:
        stdout: BinaryIO = self.process.stdout  # type: ignore[assignment]
        try:
            while head := stdout.read(HEAD.size):
                kind, number, length = HEAD.unpack(head)
                if length > MOST_FRAME_BYTES:
                    break
                self._take(kind, number, stdout.read(length))
        except (struct.error, ValueError, OSError):
            pass  # broken off or not ours: the same as its end
        finally:
            with self.lock:
                left, self.streams = self.streams, {}
            for pair in left.values():
                for descriptor in pair:
                    os.close(descriptor)
            with contextlib.suppress(RuntimeError):  # the loop may have ended
                self.loop.call_soon_threadsafe(self._fail)

    def _take(self, kind: bytes, number: int, payload: bytes) -> None:
        if kind in (b"O", b"X"):
            ends = self.streams.get(number)
            if ends is not None:
                view = memoryview(payload)
                with contextlib.suppress(BrokenPipeError):  # nobody listens any more
                    while view:
                        view = view[os.write(ends[kind == b"X"], view) :]
        elif kind == b"E":
            message = json.loads(payload)
            if message["event"] == "ended":
                with self.lock:
                    ends = self.streams.pop(number, None)
                for descriptor in ends or ():
                    os.close(descriptor)
            self.loop.call_soon_threadsafe(self._tell, number, message)

    def _tell(self, number: int, message: Json) -> None:
        future = self.waiting.pop(number, None)
        if future is not None and not future.done():
            future.set_result(message)

    def _fail(self) -> None:
        waiting, self.waiting = self.waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(ConnectionError("the supervisor is gone"))
                future.exception()  # nobody may be waiting any more
