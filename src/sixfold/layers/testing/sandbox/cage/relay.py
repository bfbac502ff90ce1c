"""The process between Sixfold's pipe and the supervisor, where no descriptor can be passed: PID 1 of a container.

Frames both ways: one byte of kind, four of number, four of length (network order), then the payload.

    to us      I more standard input of a command · R run it (JSON) · K kill · C does a port answer (JSON); EOF ends all
    from us    E an event of the supervisor (JSON) · O, X standard output and error of a command
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import struct
import sys

HEAD = struct.Struct("!cII")
CHUNK_BYTES = 1 << 16


class Relay:
    """Translates frames into messages with descriptors, and back."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.poller = select.poll()
        for descriptor in (0, control.fileno()):
            self.poller.register(descriptor, select.POLLIN)
        self.given: dict[int, int] = {}
        """number -> memory file that collects a command's standard input."""
        self.streams: dict[int, tuple[int, bytes]] = {}
        """read end -> (number, kind)."""
        self.text = b""

    def serve(self) -> None:
        """Work until either side is gone."""
        while True:
            ready = {descriptor for descriptor, _ in self.poller.poll()}
            for descriptor in [one for one in ready if one in self.streams]:
                self._pump(descriptor)
            if self.control.fileno() in ready and not self._event():
                return
            if 0 in ready and not self._frames():
                return

    def _pump(self, descriptor: int) -> bool:
        number, kind = self.streams[descriptor]
        data = os.read(descriptor, CHUNK_BYTES)
        if data:
            self._say(kind, number, data)
            return True
        self.poller.unregister(descriptor)
        os.close(descriptor)
        del self.streams[descriptor]
        return False

    def _event(self) -> bool:
        text = self.control.recv(CHUNK_BYTES)
        if not text:
            return False
        message = json.loads(text)
        if message["event"] == "ended":
            # Everything that could write is dead: what is left in the pipes comes before the news of the end.
            for descriptor in [each for each, (number, _) in self.streams.items() if number == message["id"]]:
                while self._pump(descriptor):
                    pass
        self._say(b"E", message.get("id", 0), text)
        return True

    def _frames(self) -> bool:
        chunk = os.read(0, 1 << 20)
        if not chunk:
            return False
        self.text += chunk
        while len(self.text) >= HEAD.size:
            kind, number, length = HEAD.unpack_from(self.text)
            if len(self.text) < HEAD.size + length:
                break
            payload = self.text[HEAD.size : HEAD.size + length]
            self.text = self.text[HEAD.size + length :]
            self._obey(kind, number, payload)
        return True

    def _obey(self, kind: bytes, number: int, payload: bytes) -> None:
        if kind == b"I":
            file = self.given.setdefault(number, os.memfd_create("given", os.MFD_CLOEXEC))
            write_all(file, payload)
        elif kind == b"R":
            self._run(number, payload)
        elif kind == b"K":
            self.control.send(json.dumps({"op": "kill", "id": number}).encode())
        elif kind == b"C":
            self.control.send(json.dumps({"op": "connect", "id": number, **json.loads(payload)}).encode())

    def _run(self, number: int, command: bytes) -> None:
        passed = [self.given.pop(number, -1), *self._pipe(number, b"O"), *self._pipe(number, b"X")]
        if passed[0] < 0:
            passed[0] = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        else:
            os.lseek(passed[0], 0, os.SEEK_SET)
        text = os.memfd_create("command", os.MFD_CLOEXEC)
        write_all(text, command)
        passed.append(text)
        socket.send_fds(self.control, [json.dumps({"op": "run", "id": number}).encode()], passed)
        for descriptor in passed:
            os.close(descriptor)

    def _pipe(self, number: int, kind: bytes) -> tuple[int]:
        read, write = os.pipe()
        self.streams[read] = (number, kind)
        self.poller.register(read, select.POLLIN)
        return (write,)

    @staticmethod
    def _say(kind: bytes, number: int, payload: bytes) -> None:
        write_all(1, HEAD.pack(kind, number, len(payload)) + payload)


def write_all(descriptor: int, content: bytes) -> None:
    """Write every byte."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def main() -> None:
    """Start the supervisor below, relay until Sixfold's end of the pipe is closed, and take everything down with us."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    config = json.loads(sys.argv[2])
    pid = os.fork()
    if pid == 0:
        ours.close()
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        sys.argv[2] = json.dumps({**config, "control": theirs.fileno()})
        from .supervisor import main as supervise  # after the fork: what it loads is its own

        supervise()
        os._exit(0)
    theirs.close()
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    with contextlib.suppress(BrokenPipeError, ConnectionError):
        Relay(ours).serve()
    # As PID 1 of the container our end is everybody's.
    os._exit(0)
