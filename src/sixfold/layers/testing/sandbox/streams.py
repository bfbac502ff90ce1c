"""Reads what a guest prints, keeps its beginning and its end, and forgets the middle."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque

CHUNK_BYTES = 1 << 16


class Capture:
    """One output stream, bounded."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.seen_bytes = 0
        self.last_at = time.monotonic()
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self.ended = False
        read, self.write_end = os.pipe()
        self._read_end = read
        os.set_blocking(read, False)
        asyncio.get_running_loop().add_reader(read, self._on_readable)

    def started(self) -> None:
        """The guest holds the other end now; close ours so that its end of file reaches us."""
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def discard(self) -> None:
        """Close both ends: nothing was started."""
        self.started()
        self._close()

    def finish(self) -> None:
        """Take what is left in the pipe and close it. Everything that could write is dead."""
        self.started()
        while not self.ended and self._on_readable():
            pass
        self._close()

    @property
    def truncated(self) -> bool:
        """Whether something was cut out."""
        return self.seen_bytes > self.most_bytes

    def text(self) -> str:
        """What was printed; a cut is marked by a line of its own."""
        tail = b"".join(self._tail)
        if not self.truncated:
            return (bytes(self._head) + tail).decode(errors="replace")
        keep = self.most_bytes - len(self._head)
        tail = tail[-keep:] if keep else b""
        cut = self.seen_bytes - len(self._head) - len(tail)
        return f"{self._head.decode(errors='replace')}\n[… {cut} bytes cut …]\n{tail.decode(errors='replace')}"

    def _on_readable(self) -> bool:
        try:
            data = os.read(self._read_end, CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._close()
            return False
        self.last_at = time.monotonic()
        self.seen_bytes += len(data)
        room = self.most_bytes // 2 - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if data:
            self._tail.append(data)
            self._tail_bytes += len(data)
            while self._tail_bytes - len(self._tail[0]) >= self.most_bytes:
                self._tail_bytes -= len(self._tail.popleft())
        return True

    def _close(self) -> None:
        if not self.ended:
            self.ended = True
            asyncio.get_running_loop().remove_reader(self._read_end)
            os.close(self._read_end)
