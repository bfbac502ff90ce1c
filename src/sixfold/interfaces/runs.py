"""Opening a run for looking: event log in, `RunView` out. Imports neither the engine nor a model client."""

from __future__ import annotations

import fcntl
import os

import msgspec

from sixfold.domain.fold import fold
from sixfold.domain.view import Pause, RunView
from sixfold.workflow.state import State


def view_run(state: State, run: str) -> RunView:
    """The present state of a run.

    A log alone cannot tell a run at work from one whose process was killed; the lock of the driving process can.

    Raises:
        StorageError: the log is damaged.
    """
    view = msgspec.structs.replace(fold(state.log(run).read()), run=run)
    if view.status == "running" and not driven(state, run):
        pause = Pause(
            code="interrupt", what="the process that drove this run is gone", next=f"go on: sixfold resume {run}"
        )
        return msgspec.structs.replace(view, status="paused", pause=pause)
    return view


def driven(state: State, run: str) -> bool:
    """True while some process holds the run's lock."""
    try:
        descriptor = os.open(state.folder(run) / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def read_blob(state: State, run: str, digest: str) -> bytes | None:
    """Bytes of the run's blob store; None when they are not there."""
    if not digest.isalnum():
        return None
    try:
        return (state.folder(run) / "blobs" / digest[:2] / digest[2:]).read_bytes()
    except FileNotFoundError:
        return None
