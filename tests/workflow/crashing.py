"""Kill whole runs with SIGKILL before, in and after every recorded step, resume them, and say what came out.

Run as a program: `crashing.py FOLDER SHARE SHARES` prints one JSON line a run: the undisturbed one, then one for every
SHARES-th moment; with `verdicts` instead, the undisturbed one alone; with `damage` or `trouble`, one for every kind of
it; with `random SEED KILLS`, runs that are killed again and again at random moments; with `sandboxed`, a small run
killed once in every step. It imports everything once and then forks a process for each drive, so that many crashes cost
little. Everything is real but the sandbox: verdicts of tests and scans are remembered in FOLDER/verdicts from the first
run that was not disturbed, and an unforeseen one fails loudly. With `sandboxed` nothing is remembered and the sandbox
is the real one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

# Imported here so that no forked process pays for it.
import sixfold.layers.models.command
import sixfold.layers.models.routing
import sixfold.layers.planning.retrieval.index
import sixfold.layers.refinement.git
import sixfold.layers.testing.environments
import sixfold.layers.testing.scanners.bandit
import sixfold.layers.testing.scanners.ruff
import sixfold.pipeline
import sixfold.workflow.drive  # noqa: F401
from sixfold import config, wiring
from sixfold.domain.data import Json, canonical
from sixfold.domain.errors import SixfoldError
from sixfold.domain.run import Decision, Options
from sixfold.domain.view import RunView
from sixfold.fakes.sandbox import ScriptedSandbox
from sixfold.layers.models.adapter import render
from sixfold.layers.models.cassette import Cassette
from sixfold.workflow.clock import SystemClock
from sixfold.workflow.dbos_engine import durable
from sixfold.workflow.engine import Engine, Handler
from sixfold.workflow.log import EventLog, broken_link

ANSWERS = Path(__file__).parent.parent / "scripted" / "answers.py"
REQUESTS = {
    "parallel": "I want something that counts words for my team",
    "small": "create fizz.py with fizz(n) and a test",
}
IN_THE_SANDBOX = ("development.check", "development.retest", "validation.examine", "orchestration.prepare_environment")
_RACING = re.compile(r"(?<=merge:)T2|(?<=retest:)T2")
"""T1 and T2 race, and a crash or a busy machine may turn them round: whichever comes second is merged and retested."""

_SHARED = {name: value for name, value in os.environ.items() if name == "SIXFOLD_ENVIRONMENTS"}

MOMENTS = ("before", "torn", "after")
"""Before the step's action; after its effect but before its record; after its record."""


class Killing:
    """An engine that ends its own process at one moment, when nothing else is between an effect and its record."""

    def __init__(self, inner: Engine, run: str, notes: Path, moment: str, *, remember: bool = True) -> None:
        self._inner = inner
        self._run = run
        self._notes = notes
        self._moment = moment
        self._remember = remember
        self._acting = 0
        self._closing = False
        self._quiet = asyncio.Event()

    async def step(self, name: str, action: Callable[[], Awaitable[Json]]) -> Json:
        workflow = _workflow().removeprefix(self._run)
        place = f"{workflow}/{_RACING.sub('T1', name)}"

        async def act() -> Json:
            if self._closing:
                await asyncio.Event().wait()
            await self._maybe(f"before {place}")
            self._acting += 1
            try:
                result = await self._remembered(place, action)
            finally:
                self._acting -= 1
                self._quiet.set()
            await self._maybe(f"torn {place}")
            return result

        result = await self._inner.step(name, act)
        if not self._moment:
            _note(self._notes / "steps", place)
        await self._maybe(f"after {place}")
        return result

    async def start(self, id: str, kind: str, payload: Json) -> None:
        await self._inner.start(id, kind, payload)

    async def first(self, ids: Sequence[str]) -> str:
        return await self._inner.first(ids)

    async def result(self, id: str) -> Json:
        return await self._inner.result(id)

    async def _remembered(self, place: str, action: Callable[[], Awaitable[Json]]) -> Json:
        if not self._remember or not place.partition("/")[2].startswith(IN_THE_SANDBOX):
            return await action()
        kept = self._notes / "verdicts" / place.replace("/", "_")
        if kept.exists():
            return json.loads(kept.read_text())
        result = await action()
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(result))
        return result

    async def _maybe(self, moment: str) -> None:
        if moment != self._moment or self._closing:
            return
        # A model that is answering right now would be asked again: that window cannot be closed, and is tested apart.
        self._closing = True
        while self._acting:
            self._quiet.clear()
            await self._quiet.wait()
        os.kill(os.getpid(), signal.SIGKILL)


def _workflow() -> str:
    from dbos import DBOS

    return str(DBOS.workflow_id)


def _note(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line + "\n")


class WrongClock(SystemClock):
    """The machine's clock, wrong by some seconds."""

    def __init__(self, wrong: Callable[[], float]) -> None:
        self._wrong = wrong

    def now(self) -> str:
        told = datetime.fromisoformat(super().now()) + timedelta(seconds=self._wrong())
        return told.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Present:
    """A person who answers and approves at once."""

    async def ask(self, subject: str, view: RunView) -> Decision | None:
        verdict = "answer" if subject.startswith("question:") else "approve"
        return Decision(subject=subject, verdict=verdict, value="no", who="human:tester")


class Bench:
    """Runs of one scenario under one state folder."""

    def __init__(self, folder: Path, scenario: str = "parallel", *, sandboxed: bool = False) -> None:
        self.folder = folder
        self.scenario = scenario
        self.sandboxed = sandboxed
        self.empty = folder / "empty"
        self.empty.mkdir(exist_ok=True)
        self.settings = config.load(env={**_SHARED, "SIXFOLD_HOME": str(folder / "home")}, folder=self.empty)

    def start(self, calls: Path) -> str:
        model = f"command:{sys.executable} {ANSWERS} {self.scenario} {calls}"
        options = Options(models=(("*", model),), parallel=2)
        return wiring.start(self.settings, REQUESTS[self.scenario], [], self.empty, options)

    def drive(
        self,
        run: str,
        moment: str = "",
        *,
        file_bytes: int = 0,
        clock: Callable[[], float] | None = None,
        cpu_s: float = 0.0,
    ) -> int:
        """Drive in a forked process; the negative signal number when it was killed, as in `subprocess`.

        Args:
            clock: seconds by which the machine's clock is wrong; asked at every look at it.
            cpu_s: processor time after which the kernel kills the process without asking it (0 = never).
        """
        return _ended(self.begin(run, moment, file_bytes=file_bytes, clock=clock, cpu_s=cpu_s))

    def begin(
        self,
        run: str,
        moment: str = "",
        *,
        file_bytes: int = 0,
        clock: Callable[[], float] | None = None,
        cpu_s: float = 0.0,
    ) -> int:
        """Drive in a forked process; its id. No file can grow beyond `file_bytes`, as on a full disk (0 = any size)."""
        child = os.fork()
        if child:
            return child
        code = 70
        try:
            if file_bytes:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
            if cpu_s:
                # A timer of the kernel's whose signal nobody handles: it ends the process wherever it stands.
                signal.setitimer(signal.ITIMER_PROF, cpu_s)
            code = wiring.drive(self.settings, run, door=Present(), parts=self._parts(run, moment, clock))
        except SixfoldError as error:
            code = error.exit_code
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _parts(self, run: str, moment: str, wrong: Callable[[], float] | None) -> wiring.Parts:
        @asynccontextmanager
        async def killing(name: str, database: str | Path, handlers: Mapping[str, Handler]) -> AsyncIterator[Engine]:
            async with durable(name, database, handlers) as engine:
                yield Killing(engine, run, self.folder, moment, remember=not self.sandboxed)

        first = not (self.folder / "verdicts").exists()
        if wrong is not None:
            right = time.time
            time.time = lambda: right() + wrong()  # what the engine looks at
        return wiring.Parts(
            durable=killing,
            sandbox=None if first or self.sandboxed else ScriptedSandbox(),
            clock=None if wrong is None else WrongClock(wrong),
        )

    def whole(self, moment: str, damage: Callable[[Path], None] = lambda run: None) -> dict[str, Any]:
        """One run from its start to its end, killed once at `moment` (empty = never); what came out."""
        number = len(list(self.folder.glob("calls-*")))
        calls = self.folder / f"calls-{number}"
        calls.touch()
        run = self.start(calls)
        ends = [self.drive(run, moment)]
        if moment and ends[0] == -signal.SIGKILL:
            damage(wiring.state_of(self.settings).folder(run))
            ends.append(self.drive(run, ""))
        return {"moment": moment, "ends": ends, **self.outcome(run), "paid": _asked(calls)}

    def troubled(self, name: str, trouble: Callable[[Bench, str], list[int]]) -> dict[str, Any]:
        """A run that meets trouble and is resumed once it has gone."""
        calls = self.folder / f"calls-{name.replace(' ', '-')}"
        calls.touch()
        run = self.start(calls)
        ends = trouble(self, run)
        paused = [event.data for event in self.log(run).read() if event.kind == "run.paused"]
        ends.append(self.drive(run))
        told = {"code": paused[-1]["code"], "why": paused[-1]["why"]} if paused else {}
        return {"moment": name, "ends": ends, "told": told, **self.outcome(run), "paid": _asked(calls)}

    def shot(self, chance: random.Random) -> dict[str, Any]:
        """A run that is killed at random moments until it comes through; counts answers that were paid for again."""
        calls = self.folder / f"calls-{len(list(self.folder.glob('calls-*')))}"
        calls.touch()
        run = self.start(calls)
        ends: list[int] = []
        again = 0
        while not ends or ends[-1] == -signal.SIGPROF:
            answered, before = self._answered(run), len(_asked(calls))
            # Each drive gets a little more time, so that the run ends.
            ends.append(self.drive(run, cpu_s=chance.uniform(0.02, 0.2) + 0.03 * len(ends)))
            again += sum(prompt in answered for prompt in _asked(calls)[before:])
        return {
            "moment": f"{len(ends) - 1} random kills",
            "ends": ends,
            "kills": len(ends) - 1,
            "paid_again": again,
            **self.outcome(run),
            "paid": _asked(calls),
        }

    def _answered(self, run: str) -> set[str]:
        """The prompts whose answers are on disk, in the form in which the program notes that it was asked."""
        cassette = Cassette(wiring.state_of(self.settings).folder(run) / "cassette")
        prompts = set()
        for entry in cassette.entries():
            schema = entry.request.json_schema
            more = "" if schema is None else f"\nThe answer follows this JSON Schema: {canonical(schema)}\n"
            prompts.add(sha256((render(entry.request) + more).encode()).hexdigest())
        return prompts

    def log(self, run: str) -> EventLog:
        return wiring.state_of(self.settings).log(run)

    def outcome(self, run: str) -> dict[str, Any]:
        """What can be compared between runs: trees, commits, events without times and run ids."""
        state = wiring.state_of(self.settings)
        events = state.log(run).read()
        ended = [event.data["outcome"] for event in events if event.kind == "run.ended"]
        facts = [
            event for event in events if event.kind not in ("run.waiting", "run.created", "run.forecast", "run.paused")
        ]
        branch = [event.data["branch"] for event in events if event.kind == "branch.made"]
        return {
            "run": run,
            "tree": ended[-1]["tree"] if ended else "",
            "events": sorted(f"{event.kind} {event.key.replace(run, 'RUN')}" for event in facts),
            "whole": broken_link(events) is None,
            "decisions": {
                event.data["decision"]["subject"]: event.data["decision"]["value"]
                for event in events
                if event.kind == "decision.given" and event.who.startswith("human:")
            },
            "commits": _subjects(state.folder(run) / "repository", branch[-1]) if branch else [],
        }


def _subjects(repository: Path, branch: str) -> list[str]:
    listed = ["git", "--git-dir", str(repository), "log", "--format=%s", branch]
    return sorted(subprocess.run(listed, capture_output=True, text=True, check=True).stdout.splitlines())


def _ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _full_disk(file_bytes: int) -> Callable[[Bench, str], list[int]]:
    return lambda bench, run: [bench.drive(run, file_bytes=file_bytes)]


def _locked(bench: Bench, run: str) -> list[int]:
    first = bench.drive(run, AT_THE_CUT)
    database = wiring.state_of(bench.settings).folder(run) / "engine.sqlite"
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        return [first, bench.drive(run)]


def _set_back(bench: Bench, run: str) -> list[int]:
    return [bench.drive(run, AT_THE_CUT, clock=lambda: 400 * DAY_S)]


def _set_forward(bench: Bench, run: str) -> list[int]:
    return [bench.drive(run, AT_THE_CUT, clock=lambda: -400 * DAY_S)]


def _leaping(bench: Bench, run: str) -> list[int]:
    leaps = itertools.cycle([0, 3 * DAY_S, -3 * DAY_S, 30 * DAY_S, -DAY_S / 2])
    return [bench.drive(run, AT_THE_CUT, clock=lambda: next(leaps)), bench.drive(run, clock=lambda: next(leaps))]


def _twice(bench: Bench, run: str) -> list[int]:
    first = bench.drive(run, AT_THE_CUT)
    return [first, *sorted(map(_ended, [bench.begin(run), bench.begin(run)]))]


TROUBLES: dict[str, Callable[[Bench, str], list[int]]] = {
    "the disk is full at the start": _full_disk(60_000),
    "the disk is full before the first step": _full_disk(240_000),
    "the disk is full in the middle": _full_disk(400_000),
    "another program holds the database": _locked,
    "two processes resume at once": _twice,
    "the clock is set back by 400 days before the resume": _set_back,
    "the clock is set forward by 400 days before the resume": _set_forward,
    "the clock leaps to and fro by days all the time": _leaping,
}


def _cut(path: Path, *, keep: float) -> None:
    os.truncate(path, int(path.stat().st_size * keep))


def _newest(folder: Path, pattern: str) -> Path:
    return max((path for path in folder.rglob(pattern) if path.is_file()), key=lambda path: path.stat().st_mtime_ns)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "the last event is torn": lambda run: os.truncate(run / "events.jsonl", (run / "events.jsonl").stat().st_size - 7),
    "the last line of the ledger is torn": lambda run: os.truncate(
        run / "ledger.jsonl", (run / "ledger.jsonl").stat().st_size - 7
    ),
    "half of the write-ahead log is gone": lambda run: _cut(run / "engine.sqlite-wal", keep=0.5),
    "all of the write-ahead log is gone": lambda run: (run / "engine.sqlite-wal").unlink(),
    "the newest blob is cut": lambda run: _cut(_newest(run / "blobs", "*"), keep=0.5),
    "the newest answer is cut": lambda run: _cut(_newest(run / "cassette", "????????????????*.json"), keep=0.5),
}
"""What a power cut may leave of files that were being written, and disks that lie about `fsync`."""

DAY_S = 86_400.0
AT_THE_CUT = "after :task:T1/development.check:1"
ALONE = "after :task:T3/development.check:1"
"""One task alone is under way. Beside another that has just ended, the last event may be that one's, whose steps are
not done again: a disk that lies about `fsync` then loses its line, though nothing that the line tells of."""


def sandboxed(bench: Bench) -> None:
    """A small run with the real sandbox, killed once in every step, before, in and after it in turn."""
    _say(bench.whole(""))
    steps = list(dict.fromkeys((bench.folder / "steps").read_text().splitlines()))
    (bench.folder / "steps").unlink()
    for number, step in enumerate(steps):
        _say(bench.whole(f"{MOMENTS[number % len(MOMENTS)]} {step}"))


def main() -> int:
    """One undisturbed run, then one for each moment of this share; or one for each kind of damage."""
    folder = Path(sys.argv[1])
    if sys.argv[2] == "sandboxed":
        sandboxed(Bench(folder, "small", sandboxed=True))
        return 0
    bench = Bench(folder)
    _say(bench.whole(""))
    if sys.argv[2] == "verdicts":
        return 0
    if sys.argv[2] == "damage":
        for name, damage in DAMAGES.items():
            cut = ALONE if name == "the last event is torn" else AT_THE_CUT
            _say({**bench.whole(cut, damage), "moment": name})
        return 0
    if sys.argv[2] == "trouble":
        for name, trouble in TROUBLES.items():
            _say(bench.troubled(name, trouble))
        return 0
    if sys.argv[2] == "random":
        for number in range(int(sys.argv[4])):
            _say(bench.shot(random.Random(f"{sys.argv[3]}/{number}")))
        return 0
    share, shares = int(sys.argv[2]), int(sys.argv[3])
    steps = (folder / "steps").read_text().split("\n")[:-1]
    (folder / "steps").unlink()
    moments = [f"{moment} {step}" for step in dict.fromkeys(steps) for moment in MOMENTS]
    for moment in moments[share::shares]:
        _say(bench.whole(moment))
    return 0


def _asked(calls: Path) -> list[str]:
    """The prompts a model program was asked; one that was started and got none, as its caller died, was not asked."""
    return [prompt for prompt in calls.read_text().split() if prompt != sha256(b"").hexdigest()]


def _say(outcome: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(outcome) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
