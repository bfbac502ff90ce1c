"""What the command line needs from `sixfold.wiring`, and the one place that imports it, late.

The engine costs seconds to import; commands that only look never come here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from sixfold.config import Settings
from sixfold.domain.code import Preview
from sixfold.domain.data import Tree
from sixfold.domain.events import Event
from sixfold.domain.evidence import ExecResult
from sixfold.domain.plan import Change, Plan
from sixfold.domain.run import Decision, Options
from sixfold.domain.view import RunView

Listener = Callable[[Event], None]


class Door(Protocol):
    """Somebody who can be asked while the run goes on."""

    async def ask(self, subject: str, view: RunView) -> Decision | None:
        """Decide `subject` (`question:Q1`, `increment:I1`, `release:<tree>`), or None to leave it waiting."""
        ...


class Engine(Protocol):
    """The functions of `sixfold.wiring`."""

    def start(
        self, settings: Settings, request_text: str, attachments: list[Path], folder: Path, options: Options
    ) -> str:
        """Create a run (folder, snapshot, `run.created`) and return its id."""
        ...

    def drive(
        self,
        settings: Settings,
        run: str,
        *,
        options: Options | None,
        listener: Listener | None,
        door: Door | None,
        debug: bool,
    ) -> int:
        """Run until it ends, waits or pauses; returns the exit code. `options` replace those in force."""
        ...

    def decide(self, settings: Settings, run: str, decision: Decision) -> Event:
        """Record a decision that was checked."""
        ...

    def check_edit(self, settings: Settings, run: str, edited: Plan, reason: str) -> tuple[Change, tuple[str, ...]]:
        """What an edited plan changes, and every fault of the plan it leads to."""
        ...

    def edit(self, settings: Settings, run: str, change: Change, who: str) -> tuple[str, str]:
        """Record an edit of the plan; returns the run that takes it (a fork of an ended one) and its subject."""
        ...

    def apply(self, settings: Settings, run: str) -> tuple[str, ...]:
        """Bring the branch into the user's checkout."""
        ...

    def contents(self, settings: Settings, run: str, tree: Tree, paths: Sequence[str]) -> dict[str, bytes]:
        """Files of a tree of the run."""
        ...

    def edited(self, settings: Settings, run: str, tree: Tree, changes: Mapping[str, bytes | None]) -> Tree:
        """The tree with a person's changes, kept in the run's repository."""
        ...

    def preview(self, settings: Settings, run: str) -> Preview:
        """What `apply` would do; nothing is written."""
        ...

    def bisect(self, settings: Settings, run: str, *, test: str, command: Sequence[str]) -> Any:
        """The states of the branch with their verdicts, and which of them changed it."""
        ...

    def undo(self, settings: Settings, run: str) -> tuple[str, ...]:
        """Take it back."""
        ...

    def replay(
        self, settings: Settings, run: str, *, listener: Listener | None, debug: bool, workers: int
    ) -> tuple[str, int]:
        """Replay a run offline; returns the new run's id and the exit code; `ReplayDrift` when it differs."""
        ...

    def fork(self, settings: Settings, run: str, step: str, options: Options) -> str:
        """Make a run that takes over what another had before a step; returns its id."""
        ...

    def revise(self, settings: Settings, run: str, decisions: Sequence[Decision], options: Options) -> str:
        """Make a run that differs from an ended one in some decisions; returns its id."""
        ...

    def demo(self, settings: Settings, *, listener: Listener | None, debug: bool) -> tuple[str, int]:
        """Replay the bundled recording; returns run id and exit code."""
        ...

    def doctor(self, settings: Settings) -> Sequence[Any]:
        """Rows of what is enforced and reachable here."""
        ...

    def prepare_toolchain(self, settings: Settings) -> Any:
        """Build the sandbox's toolchain if it is not there yet; one row about it."""
        ...

    def models(self, settings: Settings) -> Sequence[Any]:
        """Rows of known models."""
        ...

    def sandbox_run(
        self, settings: Settings, tree_folder: Path, argv: Sequence[str], timeout_s: float | None
    ) -> ExecResult:
        """Run one command in a sandbox on a copy of a folder."""
        ...


def load_engine() -> Engine:
    """Import `sixfold.wiring`. Takes as long as the engine's imports take."""
    return cast(Engine, importlib.import_module("sixfold.wiring"))
