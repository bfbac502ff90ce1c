"""What every part of the wiring shares: the state folder, who is present, which adapters to use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sixfold.config import Settings
from sixfold.domain.data import from_json
from sixfold.domain.events import Event
from sixfold.domain.run import Decision, Options
from sixfold.domain.view import RunView
from sixfold.workflow.clock import SystemClock
from sixfold.workflow.log import EventLog
from sixfold.workflow.state import State

if TYPE_CHECKING:
    from sixfold.domain.ports import Clock, Sandbox
    from sixfold.workflow.engine import Engine, Handler


class Door(Protocol):
    """Somebody who is present: asked about each open subject as it comes up."""

    async def ask(self, subject: str, view: RunView) -> Decision | None:
        """A decision, or None to leave the subject waiting."""
        ...


Listener = Callable[[Event], None]


@dataclass(frozen=True)
class Parts:
    """Adapters in place of those this module would pick, for embedding, benchmarks and tests."""

    durable: Callable[[str, str | Path, Mapping[str, Handler]], AbstractAsyncContextManager[Engine]] | None = None
    """Opens an engine: run id, database, handlers. None = DBOS."""
    sandbox: Sandbox | None = None
    workers: int = 0
    """Steps at once; 0 = no limit. Changes nothing but time."""
    clock: Clock | None = None
    """None = the machine's."""


PICKED = Parts()


def state_of(settings: Settings, clock: Clock | None = None) -> State:
    """The state folder of these settings; `clock` as in `Parts`."""
    return State(settings.home, clock or SystemClock())


def options_of(log: EventLog) -> Options:
    """The options in force: those of the start, or of the last resume that changed them."""
    last = [event for event in log.read() if event.kind in ("run.created", "run.resumed")][-1]
    return from_json(last.data["options"], Options)


def who() -> str:
    """Who is at the keyboard, as the log names them."""
    import getpass  # late: only steering needs the name

    try:
        return f"human:{getpass.getuser()}"
    except (KeyError, OSError):  # no such user in the password file, as in bare containers
        return "human:unknown"
