"""One process drives a run at a time."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest

from sixfold.domain.errors import UsageError
from sixfold.workflow.clock import SystemClock
from sixfold.workflow.state import State


def held(lock: Path) -> int:
    """The descriptor of somebody else who holds the lock."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def test_a_lock_that_what_was_killed_left_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    state = State(tmp_path, SystemClock())
    state.folder("r-1").mkdir(parents=True)
    left = threading.Timer(0.1, os.close, [held(state.folder("r-1") / "lock")])
    left.start()
    with state.drive("r-1"):
        left.join()


def test_a_run_that_another_process_drives_is_not_driven_twice(tmp_path: Path) -> None:
    state = State(tmp_path, SystemClock())
    state.folder("r-1").mkdir(parents=True)
    other = held(state.folder("r-1") / "lock")
    with pytest.raises(UsageError, match="another process"), state.drive("r-1"):
        pass
    os.close(other)
