"""Choosing among candidates by executed distinguishing inputs, on programs whose faults are known.

Run with `python benchmarks/selection_offline.py --json [--data DIR] [--tasks N] [--seed N] [--repeat N]`. Needs a
sandbox and the development half of MBPP+ (`DIR/mbpp_plus_v0.1.0`), which is not in the repository: without it every
figure is null.
No model. Two to four minutes for 50 tasks, the default; `--tasks 0` takes all.

Protocol. A task's request is its prompt; the assertion in it is the only example anybody may see. Five candidates are
drawn as a coder would write them: each is the given solution with a probability that is the task's difficulty (one of
0.2, 0.4, 0.6, 0.8, fixed by the seed), otherwise one of up to eight mutants of it. A candidate is right when it does on
every base and plus input what the solution does; those inputs enter no choice. Candidates are drawn before anything is
run, and tasks without mutants are left out.

- `first_pp`: the first candidate.
- `majority_pp`: the largest group of candidates that do the same on the inputs of the visible example; its first.
- `text_majority_pp`: the largest group of equal programs.
- `examples_pp`: the first candidate that passes the visible example, as most tools do it.
- `distinguishing_pp`: `layers/synthesis/selection.py` as development calls it: the visible example filters, the engine
  looks for inputs that part the survivors, agreement on them decides.
- `oracle_pp`: the share of tasks where any candidate is right: nothing can choose better.

Each is the mean over tasks and repeats, in percentage points. What stands in for a model flatters agreement in one way
(the right program is written the same each time, wrong ones differ) and burdens it in another (a task of difficulty 0.2
has mostly wrong candidates, and mutants of one line agree on most inputs). `gain_pp` is distinguishing minus majority,
with `gain_ci_pp`, its 95% interval by bootstrap over tasks.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sixfold.domain.data import Tree
from sixfold.domain.divergence import Candidate, agree
from sixfold.domain.errors import SandboxUnavailable
from sixfold.domain.evidence import Limits
from sixfold.domain.ports import Workspace
from sixfold.domain.requirements import Step
from sixfold.layers.synthesis.selection import Standing, select, survivors
from sixfold.layers.testing.divergence import Outcomes, Target, diverge, execute
from sixfold.layers.testing.divergence.clusters import split
from sixfold.layers.testing.mutation import mutants
from sixfold.layers.testing.sandbox import choose

KEYS = ("tasks", "first_pp", "majority_pp", "distinguishing_pp")
CANDIDATES = 5
MUTANTS = 8
DIFFICULTIES = (0.2, 0.4, 0.6, 0.8)
MOST_HIDDEN = 60
"""Base and plus inputs by which a candidate is judged; the first so many, base inputs first."""
LIMITS = Limits(wall_s=2.0, cpu_s=1.0, memory_bytes=1 << 30, output_bytes=1 << 18)
ASSERTION = re.compile(r"^assert\s+(.+)$", re.MULTILINE)


@dataclass
class Task:
    """One task: what may be seen, and what judges."""

    name: str
    entry: str
    solution: str
    visible: list[tuple[str, str]]
    """Call and expected value, as written in the prompt."""
    hidden: list[str]
    """Calls."""
    others: list[str] = field(default_factory=list)


def load(data: Path, most: int) -> list[Task]:
    """Tasks with at least two mutants and a usable visible example, in order; empty when the data is absent."""
    files = sorted((data / "mbpp_plus_v0.1.0").glob("*.jsonl"))
    rows = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines() if line]
    tasks = []
    for row in rows:
        visible = given(row["prompt"], row["entry_point"])
        calls = [
            f"{row['entry_point']}({', '.join(map(repr, args))})" for args in row["base_input"] + row["plus_input"]
        ]
        calls = [call for call in dict.fromkeys(calls) if len(call) < 2_000][:MOST_HIDDEN]
        others = [one.content.decode() for one in mutants({"s.py": row["canonical_solution"].encode()}, most=MUTANTS)]
        if visible and calls and len(others) > 1:
            tasks.append(Task(row["task_id"], row["entry_point"], row["canonical_solution"], visible, calls, others))
        if most and len(tasks) == most:
            break
    return tasks


def given(prompt: str, entry: str) -> list[tuple[str, str]]:
    """The assertions of a prompt of the form `assert entry(…) == literal`."""
    found = []
    for text in ASSERTION.findall(prompt):
        try:
            tree = ast.parse(text, mode="eval").body
        except SyntaxError:
            continue
        if isinstance(tree, ast.Compare) and len(tree.ops) == 1 and isinstance(tree.ops[0], ast.Eq):
            call = tree.left
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == entry:
                found.append((ast.unparse(call), ast.unparse(tree.comparators[0])))
    return found


def drawn(task: Task, seed: int) -> list[Candidate]:
    """Five candidates, before anything is run."""
    rng = random.Random(f"{seed}/{task.name}")
    faithful = rng.choice(DIFFICULTIES)
    sources = [task.solution if rng.random() < faithful else rng.choice(task.others) for _ in range(CANDIDATES)]
    return [Candidate(name=f"c{number}", source=source) for number, source in enumerate(sources)]


async def right(workspace: Workspace, task: Task, samples: Sequence[Candidate]) -> dict[str, bool]:
    """Which candidates do what the solution does on every hidden input. Judges only."""
    programs = [Candidate(name="solution", source=task.solution), *samples]
    table = await execute(
        workspace, programs, Target(entry=task.entry), [(Step(call=call),) for call in task.hidden], limits=LIMITS
    )
    return {
        one.name: all(agree(row[0], row[place]) for row in table) for place, one in enumerate(programs) if place > 0
    }


async def seen(workspace: Workspace, task: Task, samples: Sequence[Candidate]) -> tuple[list[Standing], str]:
    """How the candidates stand on the visible example, and the first of the largest group on its inputs."""
    # `call == literal` is executed as one expression: equality is the prompt's own, not ours.
    checks = [(Step(call=f"bool({call} == {value})"),) for call, value in task.visible]
    calls = [(Step(call=call),) for call, _ in task.visible]
    table = await execute(workspace, samples, Target(entry=task.entry), [*checks, *calls], limits=LIMITS)
    verdicts, outcomes = table[: len(checks)], table[len(checks) :]
    standings = [
        Standing(name=one.name, examples=sum(not passed(row[place]) for row in verdicts))
        for place, one in enumerate(samples)
    ]
    groups: dict[tuple[int, ...], list[str]] = {}
    splits = [split(steps, samples, row) for steps, row in zip(calls, outcomes, strict=True)]
    for one in samples:
        way = tuple(next(n for n, part in enumerate(each.parts) if one.name in part.candidates) for each in splits)
        groups.setdefault(way, []).append(one.name)
    return standings, max(groups.values(), key=len)[0]


def passed(outcomes: Outcomes) -> bool:
    """Whether a check came out true."""
    return outcomes[-1].kind == "returned" and outcomes[-1].value is True


async def trial(workspace: Workspace, task: Task, seed: int) -> dict[str, float]:
    """One draw of candidates and what each way of choosing makes of it."""
    samples = drawn(task, seed)
    standings, majority = await seen(workspace, task, samples)
    alive = survivors(standings)
    left = [one for one in samples if one.name in alive]
    examples = [(Step(call=call),) for call, _ in task.visible]
    divergences = []
    if len({one.source for one in left}) > 1:
        target = Target(entry=task.entry)
        found = await diverge(workspace, left, target, examples=examples, most_inputs=40, limits=LIMITS, shown=False)
        divergences = [found]
    texts = Counter(one.source for one in samples)
    chosen = {
        "first": samples[0].name,
        "majority": majority,
        "text_majority": next(one.name for one in samples if texts[one.source] == max(texts.values())),
        "examples": alive[0],
        "distinguishing": select(standings, divergences).name,
    }
    judged = await right(workspace, task, samples)
    return {way: float(judged[name]) for way, name in chosen.items()} | {"oracle": float(any(judged.values()))}


def refuse(folder: Path) -> Tree:
    """Nothing is captured here."""
    raise SandboxUnavailable("a benchmark is never captured")


async def measure(tasks: Sequence[Task], seed: int, repeat: int) -> dict[str, Any]:
    """Every task, `repeat` draws each."""
    began = time.monotonic()
    results: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as scratch:
        sandbox = await choose(lambda tree, folder: None, refuse, Path(scratch))
        async with sandbox.open(None) as workspace:  # type: ignore[arg-type]  # an empty copy is enough
            for number, task in enumerate(tasks, 1):
                trials = [await trial(workspace, task, seed + turn) for turn in range(repeat)]
                results.append({way: sum(one[way] for one in trials) / repeat for way in trials[0]})
                if number % 10 == 0:
                    print(f"{number} of {len(tasks)} tasks, {time.monotonic() - began:.0f} s", file=sys.stderr)
    figures = {f"{way}_pp": round(100 * sum(row[way] for row in results) / len(results), 2) for way in results[0]}
    gains = [row["distinguishing"] - row["majority"] for row in results]
    rng = random.Random(seed)
    spread = sorted(sum(rng.choices(gains, k=len(gains))) / len(gains) for _ in range(2_000))
    return {
        "tasks": len(tasks),
        **figures,
        "gain_pp": round(100 * sum(gains) / len(gains), 2),
        "gain_ci_pp": [round(100 * spread[50], 2), round(100 * spread[1949], 2)],
        "repeat": repeat,
        "sandbox": sandbox.name,
        "wall_s": round(time.monotonic() - began, 1),
    }


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = Path(__file__).resolve().parent.parent
    parser.add_argument("--json", action="store_true", help="accepted for symmetry; the output is always JSON")
    parser.add_argument("--data", type=Path, default=root.parent / "shared" / "data", help="folder of the data sets")
    parser.add_argument("--tasks", type=int, default=50, help="the first so many; 0 = all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeat", type=int, default=1, help="draws of candidates for each task")
    options = parser.parse_args()
    tasks = load(options.data, options.tasks)
    if not tasks:
        print(f"no mbpp_plus_v0.1.0 in {options.data}: give --data DIR; nothing was measured", file=sys.stderr)
        print(json.dumps(dict.fromkeys(KEYS)))
        return
    print(json.dumps(asyncio.run(measure(tasks, options.seed, options.repeat))))


if __name__ == "__main__":
    main()
