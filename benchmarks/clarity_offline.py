"""The clarity check on planted faults, without a model: what it catches, what it asks in vain, what it costs.

Run with `python benchmarks/clarity_offline.py --json [--data DIR] [--tasks N] [--seed N]`. Needs a sandbox and the
development halves of HumanEvalComm and HumanEval (`DIR/humanevalcomm`, `DIR/humaneval`); they are not in the
repository: without them every figure is null. The word lists of lint were written with this half of the data in view,
so the held-out half is the fairer measure of `incompleteness_recall`.

Who reads: no recorded model answers come with the data, so blind readers are stood in for by the given solution and by
mutants of it. A request is read by up to five samples; each is the solution with probability `--faithful`, otherwise a
mutant drawn under the seed. This flatters the check in one way (a faithful reader always writes the reference) and
burdens it in another (mutants are wrong at random). `*_solution_only` has the solution as the only reader.

Keys: `inconsistency_recall` share of prompts with a planted inconsistency (1c, 2ac, 2cp, 3acp) that the blind-example
check flags; `inconsistency_false_alarm` share of untouched prompts it flags, of which
`inconsistency_false_alarm_unfounded` are those whose given solution meets the prompt's own examples (the others really
contradict themselves); `incompleteness_recall` share of prompts with a deleted piece (1p, 2ap, 2cp, 3acp) that lint
calls incomplete; `over_asking_rate` share of untouched prompts flagged by either; `calls_clear`, `calls_flagged` mean
model calls per untouched or flagged prompt beyond the first candidate, which development needs anyway, plus one to
phrase a question; `gain_per_question_pp` points of pass rate (HumanEval's own tests, summed over tasks) that one
truthful answer to the most splitting input wins over a vote of the samples, per question asked.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import json
import random
import sys
import tempfile
import time
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
from sixfold.layers.requirements.blind import Fit, blind_check, expected_raise, next_move
from sixfold.layers.requirements.choice import worth_asking
from sixfold.layers.requirements.completeness import incomplete
from sixfold.layers.requirements.given import Given, given_examples
from sixfold.layers.testing.divergence import Outcomes, Target, compare, diverge, execute, expected
from sixfold.layers.testing.divergence.clusters import split
from sixfold.layers.testing.mutation import mutants
from sixfold.layers.testing.sandbox import choose

KEYS = (
    "inconsistency_recall",
    "inconsistency_false_alarm",
    "incompleteness_recall",
    "over_asking_rate",
    "calls_clear",
    "calls_flagged",
    "gain_per_question_pp",
)
SAMPLES = 5
MUTANTS = 6
INCONSISTENT = ("prompt1c", "prompt2ac", "prompt2cp", "prompt3acp")
INCOMPLETE = ("prompt1p", "prompt2ap", "prompt2cp", "prompt3acp")
VARIANTS = ("prompt", "prompt1a", "prompt1c", "prompt1p", "prompt2ac", "prompt2ap", "prompt2cp", "prompt3acp")
Done = dict[str, dict[str, Outcomes]]
"""What each source did, by call."""
LIMITS = Limits(wall_s=2.0, cpu_s=1.0, memory_bytes=1 << 30, output_bytes=1 << 18)


@dataclass
class Checked:
    """One prompt, gone through the check."""

    variant: str
    examples: int
    incomplete: bool
    inconsistent: bool
    inconsistent_solution_only: bool
    calls: int
    """Beyond the first candidate."""


@dataclass
class Task:
    """One task with its prompts and programs."""

    name: str
    entry: str
    prompts: dict[str, str]
    solution: str
    test: str
    others: list[str] = field(default_factory=list)
    """Mutants that load."""


def load(data: Path, most: int) -> list[Task]:
    """The tasks that stand in both data sets, in order; empty when the data is absent."""
    changed, plain = data / "humanevalcomm", data / "humaneval"
    if not (changed.is_dir() and plain.is_dir()):
        return []
    tests = {row["task_id"]: row["test"] for row in rows(plain)}
    tasks = []
    for row in rows(changed):
        if row["name"] not in tests:
            continue
        entry = row["entry_point"]
        # Many changed prompts call the function `candidate`, some of them in their examples only.
        prompts = {name: str(row[name]).replace("candidate(", f"{entry}(") for name in VARIANTS if row.get(name)}
        task = Task(row["name"], entry, prompts, row["solution"], tests[row["name"]])
        found = mutants({"solution.py": body_only(row["solution"], entry).encode()}, most=MUTANTS)
        task.others = [mutant.content.decode() for mutant in found]
        tasks.append(task)
    return tasks[:most] if most else tasks


def rows(folder: Path) -> list[dict[str, Any]]:
    """Every line of every JSON Lines file of a folder."""
    files = sorted(folder.glob("*.jsonl"))
    return [
        json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines() if line.strip()
    ]


def body_only(source: str, entry: str) -> str:
    """A solution without its docstrings, so that mutants change what runs."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and len(node.body) > 1 and ast.get_docstring(node) is not None:
            del node.body[0]
    return ast.unparse(tree)


def readers(task: Task, prompt: str, faithful: float, seed: int) -> list[Candidate]:
    """Five samples of one prompt: the solution, or a mutant."""
    rng = random.Random(f"{seed}/{task.name}/{prompt}")
    pool = task.others or [task.solution]
    sources = [task.solution if rng.random() < faithful else rng.choice(pool) for _ in range(SAMPLES)]
    return [Candidate(name=f"c{number}", source=source) for number, source in enumerate(sources)]


async def check(workspace: Workspace, task: Task, faithful: float, seed: int) -> list[Checked]:
    """Every prompt of a task through lint and the blind-example check; all programs run in one batch."""
    examples = {name: given_examples(prompt, task.entry) for name, prompt in task.prompts.items()}
    calls = list(dict.fromkeys(item.call for items in examples.values() for item in items))
    samples = {name: readers(task, name, faithful, seed) for name in task.prompts}
    sources = list(dict.fromkeys([task.solution, *(one.source for some in samples.values() for one in some)]))
    programs = [Candidate(name=f"p{number}", source=source) for number, source in enumerate(sources)]
    inputs = [(Step(call=call),) for call in calls]
    table = await execute(workspace, programs, Target(entry=task.entry), inputs, limits=LIMITS)
    did = {call: dict(zip(sources, row, strict=True)) for call, row in zip(calls, table, strict=True)}
    return [judged(task, name, examples[name], samples[name], did) for name in task.prompts]


def judged(task: Task, variant: str, examples: Sequence[Given], samples: Sequence[Candidate], did: Done) -> Checked:
    """What the check decides about one prompt, drawing one sample after another."""
    prompt = task.prompts[variant]
    missing = bool(incomplete(prompt))
    solution = [Candidate(name="solution", source=task.solution)]
    move, drawn = "draw", 0
    while move == "draw" and drawn < SAMPLES:
        drawn += 1
        move = next_move(drawn, fitting(prompt, examples, samples[:drawn], did), incomplete=missing)
    inconsistent = move == "inconsistent"
    # Readings of an incomplete request are expected to differ, so all five are drawn before one question is phrased.
    calls = SAMPLES if missing else drawn - 1 + inconsistent
    return Checked(
        variant=variant,
        examples=len(examples),
        incomplete=missing,
        inconsistent=inconsistent,
        inconsistent_solution_only=bool(fitting(prompt, examples, solution, did).inconsistencies),
        calls=calls,
    )


def fitting(prompt: str, examples: Sequence[Given], samples: Sequence[Candidate], did: Done) -> Fit:
    """The blind-example check over some of the samples, from what their sources did."""
    results = [expected_raise(item) or expected(item.expected) for item in examples]
    splits = [
        split((Step(call=item.call),), samples, [did[item.call][sample.source] for sample in samples])
        for item in examples
    ]
    return blind_check(prompt, examples, results, splits)


async def gain(workspace: Workspace, task: Task, faithful: float, seed: int) -> tuple[float, float, int]:
    """Pass rate of the heaviest reading, the same after at most one truthful answer, and questions put (0 or 1)."""
    samples = readers(task, "gain", faithful, seed)
    sources = list(dict.fromkeys(sample.source for sample in samples))
    programs = [f"{source}\n\n{task.test}\n\ncheck({task.entry})\n" for source in sources]
    results = await workspace.batch(programs, limits=Limits(wall_s=10.0, memory_bytes=1 << 30, output_bytes=1 << 16))
    good = {source for source, result in zip(sources, results, strict=True) if result.exit_code == 0}
    passed = [sample.source in good for sample in samples]
    target = Target(entry=task.entry)
    examples = [(Step(call=item.call),) for item in given_examples(task.prompts["prompt"], task.entry)][:5]
    found = await diverge(workspace, samples, target, examples=examples, most_inputs=24, seed=seed, limits=LIMITS)
    asked = worth_asking(found)
    before = mean(passed, samples, found.readings[0].candidates)
    if asked is None:
        return before, before, 0
    truth = await compare(
        workspace, [Candidate(name="truth", source=task.solution)], target, [asked.steps], limits=LIMITS
    )
    true = truth[0].parts[0].outcomes
    alive = [name for part in asked.parts if agree(part.outcomes, true) for name in part.candidates]
    # "Something else": nobody is right, and nobody can be chosen.
    heaviest = next((one.candidates for one in found.readings if set(one.candidates) & set(alive)), ())
    return before, mean(passed, samples, [name for name in heaviest if name in alive]) if alive else 0.0, 1


def mean(passed: Sequence[bool], samples: Sequence[Candidate], names: Sequence[str]) -> float:
    """Pass rate of the named samples."""
    chosen = [ok for ok, sample in zip(passed, samples, strict=True) if sample.name in names]
    return sum(chosen) / len(chosen) if chosen else 0.0


def share(values: Sequence[bool]) -> float | None:
    """Share of true values; None of nothing."""
    return round(sum(values) / len(values), 4) if values else None


def figures(checked: Sequence[Checked], gains: Sequence[tuple[float, float, int]]) -> dict[str, object]:
    """Everything that is printed."""
    clear = [item for item in checked if item.variant == "prompt"]
    bad = [item for item in checked if item.variant in INCONSISTENT]
    holed = [item for item in checked if item.variant in INCOMPLETE]
    flagged = [item for item in checked if item.inconsistent or item.incomplete]
    questions = sum(asked for _, _, asked in gains)
    before, after = sum(row[0] for row in gains), sum(row[1] for row in gains)
    return {
        "inconsistency_recall": share([item.inconsistent for item in bad]),
        "inconsistency_false_alarm": share([item.inconsistent for item in clear]),
        "incompleteness_recall": share([item.incomplete for item in holed]),
        "inconsistency_false_alarm_unfounded": share(
            [item.inconsistent and not item.inconsistent_solution_only for item in clear]
        ),
        "over_asking_rate": share([item.inconsistent or item.incomplete for item in clear]),
        "calls_clear": round(sum(item.calls for item in clear) / len(clear), 3) if clear else None,
        "calls_flagged": round(sum(item.calls for item in flagged) / len(flagged), 3) if flagged else None,
        "calls_most": max((item.calls for item in checked), default=None),
        "gain_per_question_pp": round(100 * (after - before) / questions, 2) if questions else None,
        "inconsistency_recall_solution_only": share([item.inconsistent_solution_only for item in bad]),
        "inconsistency_false_alarm_solution_only": share([item.inconsistent_solution_only for item in clear]),
        "ambiguity_flagged": share(
            [item.inconsistent or item.incomplete for item in checked if item.variant == "prompt1a"]
        ),
        "with_examples_clear": share([item.examples > 0 for item in clear]),
        "by_variant": {
            name: {
                "prompts": len(some),
                "inconsistent": share([item.inconsistent for item in some]),
                "incomplete": share([item.incomplete for item in some]),
            }
            for name in VARIANTS
            if (some := [item for item in checked if item.variant == name])
        },
        "pass_rate_no_question": round(before / len(gains), 4) if gains else None,
        "pass_rate_one_answer": round(after / len(gains), 4) if gains else None,
        "questions_per_task": round(questions / len(gains), 3) if gains else None,
        "tasks": len(clear),
        "prompts": len(checked),
    }


def refuse(folder: Path) -> Tree:
    """Nothing is captured here."""
    raise SandboxUnavailable("a benchmark is never captured")


async def measure(tasks: Sequence[Task], faithful: float, seed: int) -> dict[str, object]:
    """Check every prompt and put one question a task."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        sandbox = await choose(lambda tree, folder: None, refuse, Path(scratch))
        checked, gains = [], []
        async with sandbox.open(None) as workspace:  # type: ignore[arg-type]  # an empty copy is enough
            for number, task in enumerate(tasks, 1):
                checked += await check(workspace, task, faithful, seed)
                gains.append(await gain(workspace, task, faithful, seed))
                if number % 10 == 0:
                    print(f"{number} of {len(tasks)} tasks, {time.monotonic() - began:.0f} s", file=sys.stderr)
    return figures(checked, gains) | {"sandbox": sandbox.name, "wall_s": round(time.monotonic() - began, 1)}


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = Path(__file__).resolve().parent.parent
    parser.add_argument("--json", action="store_true", help="accepted for symmetry; the output is always JSON")
    parser.add_argument("--data", type=Path, default=root.parent / "shared" / "data", help="folder of the data sets")
    parser.add_argument("--tasks", type=int, default=0, help="only the first so many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faithful", type=float, default=0.8, help="probability that a sample is the given solution")
    options = parser.parse_args()
    tasks = load(options.data, options.tasks)
    if not tasks:
        print(
            f"no humanevalcomm and humaneval in {options.data}: give --data DIR; nothing was measured", file=sys.stderr
        )
        print(json.dumps(dict.fromkeys(KEYS)))
        return
    print(json.dumps(asyncio.run(measure(tasks, options.faithful, options.seed))))


if __name__ == "__main__":
    main()
