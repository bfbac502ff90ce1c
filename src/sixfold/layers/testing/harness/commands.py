"""A command line used wrongly and by several people at once. Runs inside the sandbox; judged outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sixfold.layers.testing.harness.crowd import at_once
from sixfold.layers.testing.harness.product import Product

COMMANDS = 3
"""Commands of the examples that are tried, one for each first word."""
TOGETHER = 4
"""Processes at once."""
END_S = 30.0
"""Longest a call may take; thrice what the examples get, because here a call that is too slow blocks by itself."""
CRASH = "Traceback (most recent call last)"
NO_OPTION = "--no-such-option-here"
NO_COMMAND = "no-such-command-here"


class Run(NamedTuple):
    """How one call ended."""

    exit: int
    stdout: str
    trouble: str
    """`crashed`, `was ended by signal 11`, `did not end`, `could not be started`; empty when it ended by itself."""

    @property
    def fatal(self) -> bool:
        """More than an exception nobody caught."""
        return self.trouble not in ("", "crashed")


def try_commands(product: Product, entry: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], data: str) -> Any:
    """Calls that broke: malformed ones (`bad`, `fatal`), at once (`crowd`), and good ones afterwards (`after`)."""
    chosen: dict[str, Mapping[str, Any]] = {}
    for step in steps:
        if step["argv"]:
            chosen.setdefault(step["argv"][0], step)
    usual = list(chosen.values())[:COMMANDS]

    def run(argv: Sequence[str], stdin: str | bytes = "") -> Run:
        return _run(product, entry["name"], argv, stdin, data)

    first = [run(step["argv"], step["stdin"]) for step in usual]
    sound = [step for step, seen in zip(usual, first, strict=True) if seen.exit == 0 and not seen.trouble]
    steady = [step for step, seen in zip(usual, first, strict=True) if step in sound and _same(run, step, seen)]
    crowd: list[str] = []

    def one(number: int) -> None:
        step = sound[number % len(sound)]
        if (seen := run(step["argv"], step["stdin"])).trouble:
            crowd.append(f"`{_shown(step['argv'])}` {seen.trouble}")

    if sound:
        at_once(one, TOGETHER, TOGETHER)
    bad, fatal = [], []
    for what, argv, stdin in _malformed(usual):
        seen = run(argv, stdin)
        if seen.fatal and sound:  # what never ended well says nothing by not ending
            fatal.append(f"`{_shown(argv)}` ({what}) {seen.trouble}")
            break
        if seen.trouble == "crashed":
            bad.append(f"`{_shown(argv)}` ({what}) ends in a traceback")
    after = [
        f"`{_shown(step['argv'])}` {seen.trouble or f'gives exit {seen.exit}'}"
        for step in steady
        if (seen := run(step["argv"], step["stdin"])).trouble or seen.exit != 0
    ]
    together = len(sound) and TOGETHER
    return {"together": together, "crowd": sorted(set(crowd)), "bad": bad, "fatal": fatal, "after": after}


def _same(run: Any, step: Mapping[str, Any], seen: Run) -> bool:
    """Whether the same call gives the same again: it only reads."""
    return bool(run(step["argv"], step["stdin"]) == seen)


def _malformed(usual: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[str], bytes]]:
    """Calls that are wrong in themselves: what is wrong, the words, standard input."""
    yield "an unknown command", [NO_COMMAND], b""
    yield "an unknown option", [NO_OPTION], b""
    for step in usual:
        words = list(step["argv"])
        if len(words) > 1:
            yield "its last argument left out", words[:-1], step["stdin"].encode()
            if step is usual[-1]:
                yield "an empty argument", [*words[:-1], ""], step["stdin"].encode()
        if step["stdin"]:
            yield "input that is no text", words, b"\xff\xfe\x00\x80" * 64


def _run(product: Product, entry: str, argv: Sequence[str], stdin: str | bytes, data: str) -> Run:
    try:
        got = product.run(*argv, data=data, stdin=stdin, entry=entry, timeout=END_S)
    except TimeoutError:
        return Run(1, "", "did not end")
    except (OSError, LookupError, ValueError):
        return Run(1, "", "could not be started")
    trouble = f"was ended by signal {-got.exit}" if got.exit < 0 else "crashed" if CRASH in got.stderr else ""
    return Run(got.exit, got.stdout, trouble)


def _shown(argv: Sequence[str]) -> str:
    return " ".join(word or "''" for word in argv)[:80]
