"""Kill single commands (`answer`, `approve`, `fork`, `apply`, `undo`) at every change they make to a file.

Run as a program: `command_crashes.py FOLDER COMMAND…` prints one JSON line a kill. Every command is run in a forked
process that ends itself with SIGKILL just before its N-th change to a file or its N-th program, for N = 1, 2, 3, …
until it gets through; after each kill the same command is given once more, undisturbed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from crashing import Bench, Present

from sixfold import wiring
from sixfold.interfaces.cli import app
from sixfold.workflow.clock import SystemClock
from sixfold.workflow.log import EventLog, broken_link

_CHANGES = ("os.rename", "os.mkdir", "os.link", "os.remove", "os.rmdir", "os.truncate", "shutil.copyfile")
_ALL = 12
"""The first so many changes are all tried; of later ones every second, third, … is."""


def kill_before(change: int) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook that ends this process before its n-th change (0 = never)."""
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writes or event in _CHANGES or event == "subprocess.Popen":
            seen += 1
            if seen == change:
                os.kill(os.getpid(), signal.SIGKILL)

    return hook


def command(words: Sequence[str], home: Path, folder: Path, change: int) -> int:
    """Give one command in a forked process; its exit code, negative when it was killed."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 70
    try:
        os.chdir(folder)
        os.environ["SIXFOLD_HOME"] = str(home)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        sys.addaudithook(kill_before(change))
        code = app.run(list(words))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


class Stage:
    """Copies of one state folder and checkout, one for every kill."""

    def __init__(self, place: Path, home: Path, folder: Path, run: str) -> None:
        self._place = place
        self._home = home
        self._folder = folder
        self.run = run

    def killed(self, words: Sequence[str]) -> Iterator[dict[str, Any]]:
        """What stood after each kill and after the command was given once more."""
        change, step = 0, 1
        while True:
            change += step
            home, folder = self._copy()
            end = command(words, home, folder, change)
            if end != -signal.SIGKILL:
                yield {"killed": False, "ends": [end], **self._facts(home, folder)}
                return
            left = self._facts(home, folder)
            ends = [end, command(words, home, folder, 0)]
            yield {"killed": True, "change": change, "ends": ends, "left": left, **self._facts(home, folder)}
            step = 1 + change // _ALL

    def prepare(self, words: Sequence[str]) -> None:
        """Give a command on the stage itself."""
        assert command(words, self._home, self._folder, 0) == 0, words

    def _copy(self) -> tuple[Path, Path]:
        shutil.rmtree(self._place, ignore_errors=True)
        shutil.copytree(self._home, self._place / "home", symlinks=True)
        # The run knows its folder by path, so that is where it is put back each time.
        kept = self._folder.with_name(self._folder.name + ".kept")
        if not kept.exists():
            shutil.copytree(self._folder, kept)
        shutil.rmtree(self._folder)
        shutil.copytree(kept, self._folder)
        return self._place / "home", self._folder

    def _facts(self, home: Path, folder: Path) -> dict[str, Any]:
        logs = {path.parent.name: path for path in sorted((home / "runs").glob("*/events.jsonl"))}
        facts: dict[str, Any] = {"runs": len(logs), "whole": True, "decisions": {}, "answers": []}
        for name, path in logs.items():
            events = EventLog(path, SystemClock()).read()
            facts["whole"] &= broken_link(events) is None
            given = [event.data["decision"]["subject"] for event in events if event.kind == "decision.given"]
            facts["decisions"][name] = given
            if name != self.run:
                facts["answers"].append(len(list((path.parent / "cassette").glob("?" * 64 + ".json"))))
                facts["inherited"] = given
        with contextlib.suppress(FileNotFoundError):
            facts["notes"] = (folder / "notes.txt").read_text()
        facts["files"] = sorted(path.name for path in folder.glob("*.py"))
        facts["locked"] = (folder / ".git" / "index.lock").exists()
        return facts


def main() -> int:
    """One waiting or finished run, then one line for each kill of the command."""
    place, name = Path(sys.argv[1]), sys.argv[2]
    (place / "bench").mkdir(parents=True)
    bench = Bench(place / "bench", "parallel" if name in ("answer", "fork") else "small")
    calls = place / "calls"
    calls.touch()
    folder = bench.empty
    if name in ("apply", "undo"):
        subprocess.run(["git", "init", "-q", "."], cwd=folder, check=True)
        author = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *author, "commit", "-q", "--allow-empty", "-m", "start"], cwd=folder, check=True)
    (folder / "notes.txt").write_text("mine, not committed\n") if name in ("apply", "undo") else None
    run = bench.start(calls)
    door = Present() if name in ("fork", "apply", "undo") else None
    child = os.fork()
    if not child:
        os._exit(wiring.drive(bench.settings, run, door=door))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == (3 if door is None else 0), code
    stage = Stage(place / "copy", bench.settings.home, folder, run)
    words = {
        "answer": ["answer", run, "Q1", "no"],
        "approve": ["approve", run],
        "fork": ["fork", run, "--from", "development", "--budget-tokens", "1"],
        "apply": ["apply", run],
        "undo": ["undo", run],
    }[name]
    if name == "undo":
        stage.prepare(["apply", run])
    for outcome in stage.killed(words):
        sys.stdout.write(json.dumps(outcome) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
