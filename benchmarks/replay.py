"""A recorded run of three tasks (two side by side, one repaired) done again and again, offline, in fresh processes.

Each replay has another hash seed and another number of workers, starts in another folder, and does everything but the
model's answering: sandbox, tests, scans, git. `identical` counts the replays that ended with the recorded tree and
told the same story event by event (exit 0). `sandbox_s` is the median of the time during which tests or validation
were under way (each patch until its verdict, tests again after a merge, validation's first look), read from the event
log; `overhead_ratio` is the median of wall time, process start included, over it.

The answers come from a scripted program: the figure shows what the machinery does, not how good a model is.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

ANSWERS = Path(__file__).parent.parent / "tests" / "scripted" / "answers.py"
REQUEST = "I want something that counts words for my team"


def say(text: str) -> None:
    """Progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


def sixfold(home: Path, folder: Path, *words: str, **environment: str) -> int:
    """Run one command; its exit code. What a command that failed said goes to stderr."""
    program = [sys.executable, "-m", "sixfold", *words]
    variables = {**os.environ, "SIXFOLD_HOME": str(home), **environment}
    done = subprocess.run(program, cwd=folder, env=variables, capture_output=True, text=True)
    if done.returncode:
        say(done.stderr)
    return done.returncode


def newest(home: Path) -> tuple[str, list[dict[str, Any]]]:
    """The newest run and its events."""
    folder = max((home / "runs").iterdir(), key=lambda path: path.name)
    return folder.name, [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def tree(events: list[dict[str, Any]]) -> str:
    """The released tree, empty when there is none."""
    ended = [event for event in events if event["kind"] == "run.ended"]
    return str(ended[-1]["data"]["outcome"]["tree"]) if ended else ""


def proving_s(events: list[dict[str, Any]]) -> float:
    """Seconds in which tests ran: after each patch and each merge, and during validation's first look."""
    spans: list[tuple[float, float]] = []
    begun: dict[tuple[Any, ...], float] = {}
    alone: dict[str, bool] = {}
    tested: dict[str, float] = {}
    for event in events:
        at, data = datetime.fromisoformat(event["at"]).timestamp(), event["data"]
        if event["kind"] == "patch.applied":
            begun[(data["task"], data["attempt"])] = at
        elif event["kind"] == "tests.ran" and (data["scope"], data["attempt"]) in begun:
            spans.append((begun.pop((data["scope"], data["attempt"])), at))
            tested[data["scope"]] = at
        elif event["kind"] == "task.started" and data["attempt"] == 1:
            alone[data["task"]] = True
        elif event["kind"] == "task.ended":
            alone = dict.fromkeys(alone, False)
        elif event["kind"] == "increment.proposed" and not alone.get(data["increment"]["task"], True):
            # Another task came in since this one began, so what both made together was tested once more.
            spans.append((tested[data["increment"]["task"]], at))
        elif event["kind"] == "phase.started" and data["phase"] == "validation":
            begun[("validation",)] = at
        elif event["kind"] == "check.done" and ("validation",) in begun:
            spans.append((begun.pop(("validation",)), at))
    total, until = 0.0, 0.0
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def measure(runs: int) -> dict[str, Any]:
    """All keys of the figure."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        home, folder = place / "home", place / "folder"
        folder.mkdir()
        say("recording")
        model = f"command:{sys.executable} {ANSWERS} parallel"
        if code := sixfold(home, folder, "build", REQUEST, "-y", "-m", model):
            raise SystemExit(f"the run to record ended with exit {code}")
        run, events = newest(home)
        wanted = tree(events)
        identical, walls, proving = 0, [], []
        for number in range(runs):
            elsewhere = place / f"checkout {number}"
            elsewhere.mkdir()
            began = time.perf_counter()
            workers = str((1, 2, 4, 0)[number % 4])
            code = sixfold(home, elsewhere, "replay", run, "--workers", workers, PYTHONHASHSEED=str(number * 7919 + 1))
            walls.append(time.perf_counter() - began)
            _, again = newest(home)
            proving.append(proving_s(again))
            identical += code == 0 and tree(again) == wanted
            say(f"replay {number + 1} of {runs}: exit {code}, {walls[-1]:.1f} s, {proving[-1]:.1f} s of it tests")
        return {
            "runs": runs,
            "identical": identical,
            "wall_s": round(statistics.median(walls), 3),
            "sandbox_s": round(statistics.median(proving), 3),
            "overhead_ratio": round(statistics.median(w / p for w, p in zip(walls, proving, strict=True)), 3),
        }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON (the only form there is)")
    parser.add_argument("--runs", type=int, default=10)
    given = parser.parse_args()
    print(json.dumps(measure(given.runs), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
