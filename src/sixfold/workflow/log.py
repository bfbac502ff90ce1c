"""The event log of one run: a JSON-lines file, append-only, hash-chained, safe against crashes, processes and threads.

Every append takes an exclusive lock, reads what others appended, and is on disk (fsync) before it returns. What this
process remembers of the file is guarded by a lock of its own: a reader may not take an event up while the thread that
wrote it does. A line that a power cut left unfinished is cut off at the next append; a complete event is never changed,
nor lost with its line end.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from sixfold.domain.data import Json, to_json
from sixfold.domain.errors import ReplayDrift, SixfoldError, StorageError
from sixfold.domain.events import GENESIS, SCHEMA_VERSION, Event, seal
from sixfold.domain.ports import Clock


class EventLog:
    """Appends to and reads one run's `events.jsonl`."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._memory = threading.RLock()
        self._events: list[Event] = []
        self._by_key: dict[str, Event] = {}
        self._offset = 0
        self._open_ended = False
        """True when the last event is whole and its line end is missing."""

    def append(self, kind: str, key: str, data: Json, *, who: str = "sixfold") -> Event:
        """Append once: when `key` is already in the log, that event is returned and nothing is written.

        Args:
            data: plain JSON, or data of the vocabulary.

        Raises:
            StorageError: the disk is full or the folder not writable; nothing was half-written for readers.
        """
        try:
            with self._memory, self._locked() as file:
                self._catch_up(file)
                if key in self._by_key:
                    return self._by_key[key]
                event = seal(
                    Event(
                        seq=len(self._events),
                        at=self._clock.now(),
                        kind=kind,
                        key=key,
                        who=who,
                        data=to_json(data),
                        previous=self._events[-1].hash if self._events else GENESIS,
                        hash="",
                    )
                )
                line = (b"\n" if self._open_ended else b"") + msgspec.json.encode(event) + b"\n"
                file.truncate(self._offset)
                file.seek(self._offset)
                try:
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    with contextlib.suppress(OSError):
                        file.truncate(self._offset)
                    raise
                self._open_ended = False
                self._remember(event, len(line))
                return event
        except OSError as error:
            raise StorageError(
                f"cannot write the event log {self.path}",
                why=str(error.strerror or error),
                next="free some space or fix the folder's permissions, then `sixfold resume`",
            ) from error

    def read(self, after: int = -1) -> list[Event]:
        """All complete events with `seq` greater than `after`, including what other processes appended.

        Raises:
            StorageError: a complete line is damaged or out of order.
        """
        with self._memory:
            if self.path.exists():
                with self.path.open("rb") as file:
                    self._catch_up(file)
            return self._events[after + 1 :]

    def sound(self) -> list[Event]:
        """All events, once every byte of them was found as it was written. What acts on a log calls this first.

        Raises:
            StorageError: an event was changed, removed or damaged; names the first.
        """
        events = self.read()
        broken = self.broken()
        if broken is not None:
            raise StorageError(
                f"event {broken} of {self.path} was changed after it was written",
                why="its content does not match the hash chain",
                next=f"restore {self.path} from a copy; `sixfold log {self.path.parent.name} --verify` checks it",
            )
        return events

    def broken(self) -> int | None:
        """Position of the first event that does not stand in the file as it was written; None when all do.

        Raises:
            StorageError: a line cannot be read at all.
        """
        events = self.read()
        lines = self.path.read_bytes().splitlines() if events else []
        for event, line in zip(events, lines, strict=False):
            if msgspec.json.encode(event) != line:
                return event.seq
        return broken_link(events)

    def find(self, key: str) -> Event | None:
        """The event with that key, or None."""
        with self._memory:
            self.read()
            return self._by_key.get(key)

    def next(self, kind: str) -> int:
        """1 for the first event of a kind, 2 for the second: makes keys of events that may happen again."""
        return sum(1 for event in self.read() if event.kind == kind) + 1

    def _remember(self, event: Event, length: int) -> None:
        self._events.append(event)
        self._by_key[event.key] = event
        self._offset += length

    def _catch_up(self, file: BinaryIO) -> None:
        if os.fstat(file.fileno()).st_size < self._offset:
            raise StorageError(
                f"{self.path} became shorter while this run was working",
                why=f"{self._offset} bytes of it were read or written before",
                next="restore it from a copy, then `sixfold resume`",
            )
        file.seek(self._offset)
        for line in file:
            if self._open_ended and line == b"\n":
                self._open_ended = False
                self._offset += 1
                continue
            ended = line.endswith(b"\n")
            try:
                event = msgspec.json.decode(line, type=Event)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                if not ended:
                    break  # an unfinished write; the next append cuts it off
                raise StorageError(
                    f"event {len(self._events)} of {self.path} is damaged",
                    why=str(error),
                    next="`sixfold log RUN --verify` shows where the chain breaks",
                ) from error
            if event.v > SCHEMA_VERSION:
                raise StorageError(
                    f"{self.path} was written by a newer Sixfold: event schema {event.v}, known {SCHEMA_VERSION}",
                    next="upgrade Sixfold to open this run",
                )
            if event.seq != len(self._events):
                raise StorageError(f"event {len(self._events)} of {self.path} is missing or out of order")
            self._open_ended = not ended
            self._remember(event, len(line))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def broken_link(events: list[Event]) -> int | None:
    """Position of the first event whose hash or link does not hold; None when the chain is whole."""
    previous = GENESIS
    for position, event in enumerate(events):
        if event.previous != previous or event.seq != position or seal(event).hash != event.hash:
            return position
        previous = event.hash
    return None


def note_pause(log: EventLog, reason: BaseException) -> int:
    """Record that a run stands still and why; returns the exit code that says so."""
    if isinstance(reason, SixfoldError):
        data = {"code": reason.code, "what": str(reason), "why": reason.why, "next": reason.next}
        if isinstance(reason, ReplayDrift):
            data["difference"] = reason.difference
        exit_code = reason.exit_code
    else:
        data = {"code": "internal", "what": f"{type(reason).__name__}: {reason}", "why": "", "next": ""}
        exit_code = 1
    log.append("run.paused", f"paused:{log.next('run.paused')}", {**data, "exit_code": exit_code})
    return exit_code
