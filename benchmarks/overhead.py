"""What a tiny job costs besides the model: "create fizz.py with fizz(n) and a test", the model answering in 0 ms.

A cold process each time: a durable run with an event log and a database on disk, everything generated tested in the
sandbox, acceptance tests from a second context, planted faults, scanners, and a branch at the end. The state folder's
toolchain (one virtual environment a machine) is built before the first measured run and not counted. Byte code is
cached. `wall_s` and `cpu_s` are medians; cpu is user and system time of the whole process tree; rss is the largest
single process. Tokens are counted over the messages and schemas really sent.

`--aider-python PYTHON` names the interpreter of an environment that holds aider; its runs are interleaved with ours.
aider writes the files and commits them; it runs no test and has no sandbox. `--phases` adds where our time went, read
from the event logs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from scripted_model import Counter, Measured, ScriptedModel, aider_command, environment, run_measured, said

TASK = "create fizz.py with fizz(n) and a test"

_SPECIFICATION = {
    "title": "Add fizz",
    "requirements": [
        {
            "id": "R1",
            "text": "WHEN fizz(n) is called, THE SYSTEM SHALL return Fizz for multiples of 3, Buzz of 5, FizzBuzz of "
            "both, else the number as text",
            "examples": [
                {
                    "id": "R1.E1",
                    "title": "both",
                    "steps": [{"call": "fizz.fizz(15)", "expect": {"value": "'FizzBuzz'"}}],
                },
                {"id": "R1.E2", "title": "plain", "steps": [{"call": "fizz.fizz(7)", "expect": {"value": "'7'"}}]},
            ],
        }
    ],
    "entries": [{"name": "fizz", "kind": "library", "module": "fizz"}],
    "interface": "fizz.fizz(n: int) -> str",
    "assumptions": [{"id": "A1", "text": "0 counts as a multiple of both"}],
}
_FIZZ = '''\
def fizz(n: int) -> str:
    """Fizz for multiples of 3, Buzz of 5."""
    return ("Fizz" * (n % 3 == 0) + "Buzz" * (n % 5 == 0)) or str(n)
'''
_TEST = """\
from fizz import fizz


def test_multiples_of_three_and_five():
    assert fizz(15) == "FizzBuzz"


def test_other_numbers():
    assert fizz(7) == "7"
"""
_ACCEPTANCE = """\
import pytest


@pytest.mark.req("R1")
@pytest.mark.parametrize("n, text", [(3, "Fizz"), (5, "Buzz"), (30, "FizzBuzz"), (7, "7")])
def test_each_kind_of_number(call, n, text):
    assert call(f"fizz.fizz({n})") == text
"""
_DIRECT = f"""\
```json
{json.dumps(_SPECIFICATION, indent=1)}
```
<file path="fizz.py">
{_FIZZ}</file>
<file path="test_fizz.py">
{_TEST}</file>"""
_WHOLE = f"fizz.py\n```python\n{_FIZZ}```\n\ntest_fizz.py\n```python\n{_TEST}```\n"
SCRIPT = [
    ("one small programming job", _DIRECT),
    ("you write the acceptance tests", f"```python\n{_ACCEPTANCE}```"),
    ("[Cc]ommit message|commit messages", "feat: add fizz"),
    ("expert software developer", _WHOLE),
]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object (the only form there is)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--aider-python", metavar="PYTHON", help="interpreter of an environment that holds aider")
    parser.add_argument("--phases", action="store_true", help="also print where the time of the median run went")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, ScriptedModel(SCRIPT) as model:
        bench = _Bench(Path(place), model, arguments.aider_python)
        bench.ours()  # builds the toolchain, writes byte code
        if arguments.aider_python:
            bench.theirs()
        else:
            print("aider: not given; uv pip install aider-chat somewhere, then --aider-python", file=sys.stderr)
        rounds: list[Measured] = []
        peers: list[Measured] = []
        sent: list[bytes] = []
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
            model.forget()
            rounds.append(bench.ours())
            sent = list(model.bodies)
            if arguments.aider_python:
                model.forget()
                peers.append(bench.theirs())
        figures = _figures(rounds, sent, arguments.aider_python)
        figures |= _peer_figures(rounds, peers, list(model.bodies), arguments.aider_python)
        if arguments.phases:
            figures["timeline"] = bench.timeline()
    print(json.dumps({**figures, "rounds": arguments.rounds}, indent=2))


class _Bench:
    """Fresh folders for each run, one home for all of them."""

    def __init__(self, place: Path, model: ScriptedModel, aider_python: str | None) -> None:
        self._place = place
        self._model = model
        self._aider = aider_python
        self._home = place / "home"
        self._home.mkdir()
        self._env = environment(self._home, model.url)
        self._number = 0

    def ours(self) -> Measured:
        """One cold run of Sixfold, checked."""
        words = [sys.executable, "-m", "sixfold", "build", TASK, "-y", "-m", "openai-chat:mock", "--json"]
        done = self._run(words, self._folder())
        status = json.loads(done.output[done.output.index("\n{") :])["status"] if done.code == 0 else ""
        if status != "validated" or self._model.missed:
            raise SystemExit(f"sixfold: exit {done.code}\n{done.output}\n{self._model.missed[:1]}")
        return done

    def theirs(self) -> Measured:
        """One cold run of aider, checked."""
        folder = self._folder()
        subprocess.run(["git", "init", "-q", str(folder)], check=True)
        done = self._run(aider_command(str(self._aider), TASK), folder)
        if done.code or not (folder / "fizz.py").exists() or not (folder / "test_fizz.py").exists():
            raise SystemExit(f"aider: exit {done.code}\n{done.output}")
        return done

    def timeline(self) -> list[tuple[float, str]]:
        """Seconds after the run's first event, and what happened, for the last run."""
        log = max((self._home / "sixfold" / "runs").iterdir()) / "events.jsonl"
        events = [json.loads(line) for line in log.read_text().splitlines()]
        began = datetime.fromisoformat(events[0]["at"])
        return [
            (round((datetime.fromisoformat(event["at"]) - began).total_seconds(), 3), f"{event['kind']} {event['key']}")
            for event in events
        ]

    def _folder(self) -> Path:
        self._number += 1
        folder = self._place / f"job-{self._number}"
        folder.mkdir()
        return folder

    def _run(self, words: Sequence[str], folder: Path) -> Measured:
        return run_measured(words, folder, self._env, self._place / "output.txt")


def _figures(rounds: Sequence[Measured], sent: Sequence[bytes], aider_python: str | None) -> dict[str, object]:
    counter = Counter([sys.executable, *([aider_python] if aider_python else [])])
    task, *calls = counter.count([TASK, *(said(body) for body in sent)])
    return {
        "wall_s": _median(rounds, "wall_s", 2),
        "wall_s_range": [round(min(one.wall_s for one in rounds), 2), round(max(one.wall_s for one in rounds), 2)],
        "cpu_s": _median(rounds, "cpu_s", 2),
        "rss_mib": _median(rounds, "rss_mib", 0),
        "model_calls": len(sent),
        "bytes_sent": sum(len(body) for body in sent),
        "tokens_sent": sum(calls),
        "prompt_overhead_tokens": calls[0] - task,
        "tokeniser": counter.name,
    }


def _peer_figures(
    ours: Sequence[Measured], theirs: Sequence[Measured], sent: Sequence[bytes], aider_python: str | None
) -> dict[str, object]:
    if not theirs or not aider_python:
        names = ("aider_wall_s", "aider_cpu_s", "aider_rss_mib", "aider_model_calls", "aider_tokens_sent")
        return {name: None for name in (*names, "wall_ratio_aider", "cpu_ratio_aider")}
    counts = Counter([sys.executable, aider_python]).count([said(body) for body in sent])
    return {
        "aider_wall_s": _median(theirs, "wall_s", 2),
        "aider_cpu_s": _median(theirs, "cpu_s", 2),
        "aider_rss_mib": _median(theirs, "rss_mib", 0),
        "aider_model_calls": len(sent),
        "aider_tokens_sent": sum(counts),
        "wall_ratio_aider": round(_median(ours, "wall_s", 3) / _median(theirs, "wall_s", 3), 2),
        "cpu_ratio_aider": round(_median(ours, "cpu_s", 3) / _median(theirs, "cpu_s", 3), 2),
    }


def _median(rounds: Sequence[Measured], key: str, digits: int) -> float:
    return round(statistics.median(getattr(one, key) for one in rounds), digits)


if __name__ == "__main__":
    main()
