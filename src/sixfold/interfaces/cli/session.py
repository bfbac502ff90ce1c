"""What every command starts with: settings, the state folder, the run it is about."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from sixfold import config
from sixfold.domain.view import RunView
from sixfold.interfaces.runs import view_run
from sixfold.workflow.clock import SystemClock
from sixfold.workflow.state import State

RunArgument = Annotated[
    str | None, typer.Argument(metavar="[RUN]", help="Run id or a part of it. Default: the newest.")
]
LastOption = Annotated[bool, typer.Option("--last", help="The newest run (the default).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]

_debug = False


def set_debug(on: bool) -> None:
    """Remember `--debug`, which may stand anywhere on the command line."""
    global _debug
    _debug = on


def debug() -> bool:
    """True when tracebacks are wanted."""
    return _debug


class Session:
    """Settings and state of one command."""

    def __init__(self, folder: Path | None = None, flags: Mapping[str, Any] | None = None) -> None:
        self.settings = config.load(flags=flags, env=os.environ, folder=folder or Path.cwd())
        self.state = State(self.settings.home, SystemClock())

    def view(self, name: str | None, last: bool = False) -> RunView:
        """The run a person named, or the newest.

        Raises:
            RunNotFound: none or several match.
        """
        return view_run(self.state, self.state.resolve(None if last else name))


def who() -> str:
    """The human at the keyboard, as recorded with decisions."""
    try:
        return f"human:{getpass.getuser()}"
    except (KeyError, OSError):  # no such user in this container
        return f"human:uid-{os.getuid()}"
