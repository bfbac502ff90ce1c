"""A stand-in for `sixfold.wiring` that drives the sample run, so the command line is tested without an engine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sample_run

from sixfold.config import Settings
from sixfold.domain.code import Preview
from sixfold.domain.data import Tree, to_json
from sixfold.domain.errors import SixfoldError
from sixfold.domain.events import Event
from sixfold.domain.evidence import ExecResult
from sixfold.domain.run import Decision, Options
from sixfold.interfaces.runs import view_run
from sixfold.wiring.bisecting import Bisection, Trial
from sixfold.workflow.state import State


@dataclass
class FakeWiring:
    """Ends, waits, pauses or raises as told; everything a person sees comes through the real event log."""

    until: str = "validated"
    raises: BaseException | None = None
    asks: str = ""
    """Subject to offer to the door while driving."""
    applies: bool = False
    """Record that the run was told to apply its result."""
    options: Options | None = None
    attachments: list[Path] = field(default_factory=list)
    answers: list[Decision | None] = field(default_factory=list)
    result: ExecResult = field(default_factory=lambda: ExecResult(exit_code=3, stdout="out\n", stderr="err\n"))

    changes: dict[str, bytes | None] = field(default_factory=dict)
    seen: Preview = field(default_factory=Preview)
    bisected: tuple[str, tuple[str, ...]] = ("", ())

    def _state(self, settings: Settings) -> State:
        return State(settings.home, sample_run.TickingClock())

    def start(
        self, settings: Settings, request_text: str, attachments: list[Path], folder: Path, options: Options
    ) -> str:
        self.options, self.attachments = options, attachments
        sample_run.write_run(settings.home, until="question", folder=str(folder))
        return sample_run.RUN

    def drive(self, settings: Settings, run: str, *, options: Any = None, listener: Any, door: Any, debug: bool) -> int:
        if self.asks:
            view = view_run(self._state(settings), run)
            self.answers.append(asyncio.run(door.ask(self.asks, view)) if door else None)
        if self.applies:
            told = {"by": "human:ann", "options": to_json(Options(apply=True))}
            self._state(settings).log(run).append("run.resumed", "resumed", told)
        sample_run.continue_run(settings.home, run, until=self.until)
        for event in self._state(settings).log(run).read():
            listener(event)
        if self.raises:
            raise self.raises
        return 0 if self.until == "validated" else 3

    def decide(self, settings: Settings, run: str, decision: Decision) -> Event:
        key = f"decision:{decision.subject}"
        log = self._state(settings).log(run)
        return log.append("decision.given", key, {"decision": to_json(decision)}, who=decision.who)

    def apply(self, settings: Settings, run: str) -> tuple[str, ...]:
        self._state(settings).log(run).append("result.applied", "applied", {"folder": "x", "files": ["a.py"]})
        return ("a.py",)

    def undo(self, settings: Settings, run: str) -> tuple[str, ...]:
        self._state(settings).log(run).append("result.undone", "undone", {"folder": "x", "files": ["a.py"]})
        return ("a.py",)

    def contents(self, settings: Settings, run: str, tree: Tree, paths: list[str]) -> dict[str, bytes]:
        return dict.fromkeys(paths, b"old\n")

    def edited(self, settings: Settings, run: str, tree: Tree, changes: dict[str, bytes | None]) -> Tree:
        self.changes = changes
        return Tree("e" * 40)

    def preview(self, settings: Settings, run: str) -> Preview:
        return self.seen

    def bisect(self, settings: Settings, run: str, *, test: str, command: tuple[str, ...]) -> Bisection:
        self.bisected = (test, command)
        trials = tuple(
            Trial(increment=name, commit="c" * 40, tree=Tree("t"), title=f"\x1b[31m{name}", verdict=verdict)
            for name, verdict in (("base", "passes"), ("I1", "not asked"), ("I2", "fails"))
        )
        return Bisection(trials=trials, found="I2")

    def replay(self, settings: Settings, run: str, *, listener: Any, debug: bool, workers: int) -> tuple[str, int]:
        if isinstance(self.raises, SixfoldError):
            raise self.raises
        return run, 0

    def fork(self, settings: Settings, run: str, step: str, options: Options) -> str:
        return run

    def demo(self, settings: Settings, *, listener: Any, debug: bool) -> tuple[str, int]:
        sample_run.write_run(settings.home)
        return sample_run.RUN, 0

    def doctor(self, settings: Settings) -> list[tuple[str, ...]]:
        return [("sandbox", "yes", "bubblewrap")]

    def models(self, settings: Settings) -> list[tuple[str, ...]]:
        return [("openai:gpt-small", "128000")]

    def sandbox_run(
        self, settings: Settings, tree_folder: Path, argv: list[str], timeout_s: float | None
    ) -> ExecResult:
        return self.result
