"""Whether a coder that goes round in circles is noticed, and one that gets on is left alone.

Run with `python benchmarks/stuck.py --json [--seed N] [--each N]`. No model, no sandbox; seconds.

A trace is what a task leaves behind: one patch and one test report an attempt. It is fed, attempt by attempt, to the
functions that decide in a real run (`patch_signature`, `failure_signature`, `next_step`). A trip is any decision but
`repair`.

Loops: the five patterns that OpenHands detects, told in the terms of a task (the same edit with the same result, the
same edit with the same error, words without an edit, two states in turn, a request that never fits), and what those
patterns miss because the text is new each time: the same fault paraphrased (other local names, other comments, other
helper functions), a failure whose message carries other numbers, tests that fail by turns, a flaky test beside the one
that always fails, a refused patch reworded.
Progressing: fewer failures each time, more passing tests, further into one long test, from no verdict to a verdict, one
step back and two forward, and other fields of work that end within the bound. Each ends before anything repeats.

Keys: `loops` traces that loop; `detected` those that trip within two wasted attempts; `wasted_attempts_max` attempts
spent after the first repetition began, worst case; `progressing` traces that do not loop; `false_trips` those that trip
(and `false_trip_share`); `syntactic_detected` loops that OpenHands' five patterns, counted on the same traces as its
detector counts them, find at all (its thresholds are four, three and six repetitions of equal text).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sixfold.domain.code import Edit, Patch
from sixfold.domain.evidence import TestCase, TestReport
from sixfold.layers.refinement import diagnosis

MOST_ATTEMPTS = 12
WORDS = ("total", "result", "answer", "value", "found", "acc", "out", "res", "number", "item", "count", "state")
SAYINGS = ("I see the cause now.", "The condition was wrong.", "Let me correct this.", "This handles the edge case.")


@dataclass(frozen=True)
class Turn:
    """One attempt: what the coder wrote and what the tests said."""

    patch: Patch
    report: TestReport
    said: str = ""


@dataclass(frozen=True)
class Trace:
    """A history and whether it is a loop; `begins` = attempts before anything repeats."""

    name: str
    turns: tuple[Turn, ...]
    loops: bool
    begins: int = 0


def patch(source: str, path: str = "shop.py") -> Patch:
    """One whole file."""
    return Patch(edits=(Edit(path=path, kind="write", content=source),))


def report(failed: Sequence[tuple[str, str]], passed: int = 3, problem: str = "") -> TestReport:
    """A test run with these failures."""
    cases = [TestCase(id=f"tests/test_shop.py::{name}", outcome="failed", message=text) for name, text in failed]
    cases += [TestCase(id=f"tests/test_shop.py::test_ok_{n}", outcome="passed") for n in range(passed)]
    return TestReport(suite="unit", cases=tuple(cases), exit_code=1, problem=problem)


def source(rng: random.Random, fault: str = "n + 1", *, helper: bool = False) -> str:
    """A module with one fault, written anew: other locals, comments, order, perhaps a helper of another name."""
    name, other = rng.sample(WORDS, 2)
    note = rng.choice(SAYINGS)
    extra = f"\n\ndef _{other}_{rng.randrange(1000)}(n):\n    return n\n" if helper else ""
    return f'"""Shop. {note}"""\n\n\ndef price(n):\n    # {note}\n    {name} = {fault}\n    return {name}\n{extra}'


def message(rng: random.Random, want: int = 4, line: int = 9) -> str:
    """An assertion as the runner tells it; the line inside the product moves with each rewrite."""
    return f"AssertionError: assert 5 == {want}\n  tests/test_shop.py:{line}: assert price(4) == {want}\n" + (
        f"  shop.py:{rng.randrange(3, 40)}: return …"
    )


def loops(rng: random.Random) -> Iterator[Trace]:
    """One trace of each kind of loop, with texts drawn anew."""
    fixed = source(rng)
    one = [("test_price", message(rng))]
    yield Trace("same edit, same result", (Turn(patch(fixed), report(one), SAYINGS[0]),) * MOST_ATTEMPTS, True, 1)
    crash = report([], 0, "SyntaxError: invalid syntax")
    yield Trace("same edit, same error", (Turn(patch("def price(:\n"), crash, SAYINGS[0]),) * MOST_ATTEMPTS, True, 1)
    none = report([], 0, "the patch was refused: : the patch holds no edits")
    yield Trace("words without an edit", (Turn(Patch(edits=()), none, SAYINGS[0]),) * MOST_ATTEMPTS, True, 1)
    a = Turn(patch(source(rng, "n * 2")), report([("test_a", "assert 1 == 2")]), "a")
    b = Turn(patch(source(rng, "n * 3")), report([("test_b", "assert 3 == 4")]), "b")
    yield Trace("two states in turn", (a, b) * (MOST_ATTEMPTS // 2), True, 2)
    long = report([], 0, "the request does not fit the model's context")
    yield Trace("a request that never fits", (Turn(Patch(edits=()), long, "condense"),) * MOST_ATTEMPTS, True, 1)

    def turns(make: Callable[[int], Turn]) -> tuple[Turn, ...]:
        return tuple(make(number) for number in range(MOST_ATTEMPTS))

    def said() -> str:
        return f"{rng.choice(SAYINGS)} {rng.random():.6f}"

    yield Trace(
        "paraphrased: other names and words",
        turns(lambda n: Turn(patch(source(rng)), report([("test_price", message(rng))]), said())),
        True,
        1,
    )
    yield Trace(
        "paraphrased: another structure, the same failure",
        turns(lambda n: Turn(patch(source(rng, f"n + {n + 1} - {n}", helper=True)), report(one), said())),
        True,
        1,
    )
    yield Trace(
        "the same test fails with other numbers",
        turns(
            lambda n: Turn(
                patch(source(rng, f"n + {n + 1}")),
                report([("test_price", message(rng, 4 + rng.randrange(99)))]),
                said(),
            )
        ),
        True,
        1,
    )
    yield Trace(
        "tests fail by turns",
        turns(
            lambda n: Turn(
                patch(source(rng, f"n * {n}", helper=True)), report([(f"test_{'ab'[n % 2]}", "assert 0 == 1")]), said()
            )
        ),
        True,
        2,
    )
    yield Trace(
        "a flaky test beside the one that always fails",
        turns(
            lambda n: Turn(
                patch(source(rng, f"n - {n}", helper=True)),
                report([*one, *([(f"test_flaky_{n}", "timeout")] if rng.random() < 0.5 else [])]),
                said(),
            )
        ),
        True,
        1,
    )
    yield Trace(
        "a refused patch, reworded",
        turns(
            lambda n: Turn(
                patch(source(rng, f"n + {n}")),
                report([], 0, "the patch was refused: shop.py: the search text does not stand in the file"),
                said(),
            )
        ),
        True,
        1,
    )


def progressing(rng: random.Random) -> Iterator[Trace]:
    """One trace of each kind of progress; it ends when the task is done or the evidence stops changing."""
    first = rng.randrange(4, 9)
    steps = [first, *sorted(rng.sample(range(1, first), min(first - 1, 4)), reverse=True)]
    yield Trace(
        "fewer failures each time",
        tuple(
            Turn(patch(source(rng, f"n % {n}")), report([(f"test_{i}", "assert 0") for i in range(left)], 20 - left))
            for n, left in enumerate(steps, 2)
        ),
        False,
    )
    yield Trace(
        "more passing tests, as many failing",
        tuple(
            Turn(patch(source(rng, f"n // {n}")), report([(f"test_{n}", f"KeyError: {n}")], 3 * n)) for n in range(1, 6)
        ),
        False,
    )
    line = 4
    deeper = []
    for n in range(5):
        line += rng.randrange(1, 9)
        told = f"AssertionError: assert {n} == 7\n  tests/test_shop.py:{line}: assert step_{n}()"
        deeper.append(Turn(patch(source(rng, f"n ** {n}")), report([("test_long", told)], 2)))
    yield Trace("further into one long test", tuple(deeper), False)
    yield Trace(
        "from no verdict to a verdict to fewer failures",
        (
            Turn(patch("def price(:\n"), report([], 0, "SyntaxError: invalid syntax")),
            Turn(patch(source(rng, "m")), report([(f"test_{i}", "NameError: m") for i in range(9)], 0)),
            Turn(patch(source(rng, "n")), report([(f"test_{i}", "assert 1 == 2") for i in range(6)], 3)),
            Turn(patch(source(rng, "n + 2")), report([("test_0", "assert 3 == 2")], 8)),
        ),
        False,
    )
    start, drop = rng.randrange(5, 8), rng.randrange(2, 4)  # a drop of 1 would come back to the first state: a circle
    path = [start, start + 1, start - drop, start - drop + 1, max(1, start - drop - 1)]
    yield Trace(
        "one step back, two forward",
        tuple(
            Turn(
                patch(source(rng, f"n << {n}")), report([(f"test_{i}", f"assert {n}") for i in range(left)], 20 - left)
            )
            for n, left in enumerate(path)
        ),
        False,
    )
    yield Trace(
        "one step back, two forward, equal messages",
        tuple(
            Turn(patch(source(rng, f"n >> {n}")), report([(f"test_{i}", "assert 0") for i in range(left)], 20 - left))
            for n, left in enumerate(path)
        ),
        False,
    )
    yield Trace(
        "one fault uncovers the next: fewer each second time",
        tuple(
            Turn(
                patch(source(rng, f"n | {n}")),
                report([(f"test_{n}_{i}", f"TypeError: {n}") for i in range(left)], 10 + n),
            )
            for n, left in enumerate((4, 3, 3, 2, 1))
        ),
        False,
    )


def trip(trace: Trace) -> int | None:
    """The attempt (from 1) after which the ladder leaves `repair`; None when it never does."""
    attempts: list[diagnosis.Attempt] = []
    for number, turn in enumerate(trace.turns, 1):
        told = turn.report
        bad = told.count("failed") + told.count("error") + bool(told.problem)
        attempts.append(
            diagnosis.Attempt(
                number=number,
                patch=diagnosis.patch_signature(turn.patch),
                failure=diagnosis.failure_signature(told, ()),
                failures=bad,
                strategy="first" if number == 1 else "repair",
                passed=told.count("passed"),
                blocked=bool(told.problem),
                failing=diagnosis.failing_signatures(told),
                depth=diagnosis.depth(told),
            )
        )
        if diagnosis.next_step(attempts, most_repairs=MOST_ATTEMPTS + 1).strategy != "repair":
            return number
    return None


def syntactic(trace: Trace) -> bool:
    """Whether equal text repeats as OpenHands' detector wants it: 4 equal turns, 3 equal errors, or a-b-a-b-a-b."""
    seen = [(repr(turn.patch), repr(turn.report), turn.said if not turn.patch.edits else "") for turn in trace.turns]
    for place in range(len(seen)):
        if place >= 3 and len(set(seen[place - 3 : place + 1])) == 1:
            return True
        if place >= 2 and len(set(seen[place - 2 : place + 1])) == 1 and trace.turns[place].report.problem:
            return True
        last = seen[place - 5 : place + 1]
        if place >= 5 and last[0] == last[2] == last[4] and last[1] == last[3] == last[5]:
            return True
    return False


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry; the output is always JSON")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=50, help="traces of each kind")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    looping = [trace for _ in range(options.each) for trace in loops(rng)]
    moving = [trace for _ in range(options.each) for trace in progressing(rng)]
    wasted: list[int | None] = []
    for trace in looping:
        at = trip(trace)
        wasted.append(None if at is None else at - trace.begins)
    late = [trace.name for trace, spent in zip(looping, wasted, strict=True) if spent is None or spent > 2]
    false = [trace.name for trace in moving if trip(trace) is not None]
    for name in sorted({*late, *false}):
        print(f"missed or tripped: {name} ({(late + false).count(name)})", file=sys.stderr)
    print(
        json.dumps(
            {
                "loops": len(looping),
                "detected": len(looping) - len(late),
                "wasted_attempts_max": max((spent for spent in wasted if spent is not None), default=None),
                "progressing": len(moving),
                "false_trips": len(false),
                "false_trip_share": round(len(false) / len(moving), 4),
                "syntactic_detected": sum(map(syntactic, looping)),
                "kinds_of_loops": len({trace.name for trace in looping}),
                "kinds_of_progress": len({trace.name for trace in moving}),
            }
        )
    )


if __name__ == "__main__":
    main()
