"""The state folder: one self-contained folder a run (`SIXFOLD_HOME/runs/r-…/`).

events.jsonl    the event log
engine.sqlite   durable steps (absent when SIXFOLD_DATABASE_URL is set)
repository/     the run's own bare git repository
blobs/          prompts, replies, diffs, attachments by SHA-256
cassette/       recorded model answers
report.html     the report, once the run stops
lock            held by the process that drives the run
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sixfold.domain.errors import RunNotFound, StorageError, UsageError
from sixfold.domain.ports import Clock
from sixfold.workflow.log import EventLog

LOCK_S = 1.0
"""Seconds for which a run's lock is waited for."""


class State:
    """Finds, lists and creates runs under one state folder."""

    def __init__(self, home: Path, clock: Clock, *, drafts: bool = False) -> None:
        self.home = home
        self._clock = clock
        self._drafts = drafts

    @property
    def runs_folder(self) -> Path:
        """Where the run folders lie."""
        return self.home / "runs" / (".drafts" if self._drafts else "")

    @contextlib.contextmanager
    def make(self) -> Iterator[tuple[str, State]]:
        """A new run that is there as a whole or not at all, whatever is killed when.

        Yields:
            The run's id, and the place where it is made; it appears among the runs when the block ends without error.
        """
        drafts = State(self.home, self._clock, drafts=True)
        run = drafts.create()
        try:
            yield run, drafts
            drafts.folder(run).rename(self.folder(run))
        except BaseException:
            shutil.rmtree(drafts.folder(run), ignore_errors=True)
            raise

    def create(self) -> str:
        """Make a new run folder; returns its id `r-YYYYMMDD-HHMMSS-xxxx` (sortable by time)."""
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        run = f"r-{stamp}-{secrets.token_hex(2)}"
        try:
            (self.runs_folder / run).mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise StorageError(
                f"cannot write the state folder {self.home}",
                why=str(error.strerror or error),
                next="set SIXFOLD_HOME to a writable folder",
            ) from error
        return run

    def runs(self) -> list[str]:
        """Ids of all runs, newest first."""
        if not self.runs_folder.is_dir():
            return []
        return sorted(
            (entry.name for entry in self.runs_folder.iterdir() if (entry / "events.jsonl").exists()), reverse=True
        )

    def resolve(self, name: str | None) -> str:
        """A full run id from an id, a unique part of one, or None / `--last` for the newest.

        Raises:
            RunNotFound: none or several match.
        """
        runs = self.runs()
        if not runs:
            raise RunNotFound(f"there are no runs in {self.home}", next='start one: sixfold build "REQUEST"')
        if name in (None, "", "last", "--last"):
            return runs[0]
        if name in runs:
            return str(name)
        matches = [run for run in runs if str(name) in run]
        if len(matches) == 1:
            return matches[0]
        what = f"{len(matches)} runs match {name!r}" if matches else f"there is no run {name!r}"
        raise RunNotFound(what, next="list them: sixfold runs")

    def folder(self, run: str) -> Path:
        """The run's folder."""
        return self.runs_folder / run

    def log(self, run: str) -> EventLog:
        """The run's event log."""
        return EventLog(self.folder(run) / "events.jsonl", self._clock)

    @contextlib.contextmanager
    def drive(self, run: str) -> Iterator[None]:
        """Hold the run's lock: one process drives a run at a time. The kernel frees it when the process dies.

        A child that a killed process had just forked may hold it for a moment longer, until it runs its program.

        Raises:
            UsageError: another process drives it.
        """
        descriptor = os.open(self.folder(run) / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _locked(descriptor):
                raise UsageError(
                    f"{run} is being driven by another process",
                    next=f"follow it: sixfold log {run} --follow",
                )
            yield
        finally:
            os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Take the lock of a file, within `LOCK_S` seconds."""
    until = time.monotonic() + LOCK_S
    while True:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
