"""How long a person waits before anything happens: help, version, import, looking, and the first line of `build`.

Each figure is the median of several fresh processes; ratios are against a bare `python -c pass` of the same interpreter
measured between them, so that a busy machine slows both sides. Byte code is cached, as in any installation that was
used once. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from sixfold.workflow.clock import SystemClock
from sixfold.workflow.state import State

_ROUNDS = 9
_RUNS = 20
_EVENTS = 60
"""Model calls in each run of the state folder: a run of ordinary size."""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        project = Path(folder) / "project"
        project.mkdir()
        _fill(home)
        env = {**os.environ, "SIXFOLD_HOME": str(home), "PYTHONPYCACHEPREFIX": str(Path(folder) / "bytecode")}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        tries: dict[str, Callable[[], float]] = {
            "bare_python": lambda: _wall(["-c", "pass"], project, env),
            "help": lambda: _wall(["-m", "sixfold", "--help"], project, env),
            "version": lambda: _wall(["-m", "sixfold", "--version"], project, env),
            "import": lambda: _wall(["-c", "import sixfold"], project, env),
            "look": lambda: _wall(["-m", "sixfold", "runs"], project, env),
            "first_line": lambda: _first_line(project, env),
        }
        seconds: dict[str, list[float]] = {name: [] for name in tries}
        for number in range(_ROUNDS + 1):
            print(f"round {number} of {_ROUNDS}", file=sys.stderr)
            for name, attempt in tries.items():
                taken = attempt()
                if number:  # the first round warms the file cache and writes byte code
                    seconds[name].append(taken)
    middle = {name: statistics.median(values) * 1000 for name, values in seconds.items()}
    figures = {f"{name}_ms": round(value, 1) for name, value in middle.items()}
    figures |= {f"{name}_ratio": round(value / middle["bare_python"], 2) for name, value in middle.items()}
    del figures["bare_python_ratio"]
    print(json.dumps({**figures, "rounds": _ROUNDS, "runs_in_state": _RUNS}, indent=2))


def _wall(words: list[str], folder: Path, env: Mapping[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *words], cwd=folder, env=env, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def _first_line(folder: Path, env: Mapping[str, str]) -> float:
    """Seconds until `build` says something; the process is not waited for to do more."""
    words = [sys.executable, "-m", "sixfold", "build", "create fizz.py", "-m", "command:true"]
    start = time.perf_counter()
    with subprocess.Popen(
        words, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        taken = time.perf_counter() - start
        process.kill()
    assert line.startswith(b"sixfold"), line
    return taken


def _fill(home: Path) -> None:
    """Runs through the real event log, each with a request, a plan's worth of calls, and an end."""
    state = State(home, SystemClock())
    usage = {"calls": 1, "input_tokens": 900, "output_tokens": 400, "cost_usd": 0.001}
    outcome = {"status": "validated", "exit_code": 0, "branch": "sixfold/x", "reason": "", "usage": usage}
    for number in range(_RUNS):
        run = f"r-20250314-0926{number:02d}-beef"
        state.folder(run).mkdir(parents=True)
        log = state.log(run)
        log.append("run.created", "created", {"request": {"text": f"request {number}"}, "title": f"request {number}"})
        for call in range(_EVENTS):
            data = {
                "purpose": "development.write_patch",
                "role": "coder",
                "model": "openai:gpt",
                "task": f"T{call % 5}",
            }
            log.append("model.called", f"call:{call}", {**data, "usage": usage, "wall_s": 1.0})
        log.append("run.ended", "ended", {"outcome": outcome, "next": ""})


if __name__ == "__main__":
    main()
