"""Layer 5's nouns: what really happened when something ran."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Literal

from sixfold.domain.data import Data

_COUNTEREXAMPLE = re.compile(
    r"^(?:Falsifying example|Failing test case): (\w+\((?:.*\)$|\n(?:.*\n)*?\)))", re.MULTILINE
)


class Limits(Data, frozen=True, kw_only=True):
    """What one execution may use. Every limit is enforced by the sandbox, not by the program."""

    wall_s: float = 120.0
    """Seconds from start to kill."""
    silence_s: float | None = None
    """Seconds without output before a kill; None = off."""
    cpu_s: float | None = None
    """CPU seconds of the process tree's largest member; None = `wall_s`."""
    memory_bytes: int = 2 << 30
    """Address space or resident memory, whichever the backend can enforce."""
    processes: int = 256
    file_bytes: int = 512 << 20
    """Largest single file."""
    disk_bytes: int = 4 << 30
    """The copy, home and temporary folder together."""
    output_bytes: int = 1 << 20
    """Per stream; the middle is cut and flagged."""


class ExecResult(Data, frozen=True, kw_only=True):
    """What a command did. A non-zero exit is a result, not an error."""

    exit_code: int
    """Of the command; 128 + signal when killed by one."""
    stdout: str
    stderr: str
    """Undecodable bytes are replaced; control characters are kept (escape before showing)."""
    timed_out: bool = False
    stopped_by: Literal["", "wall", "silence", "cpu", "memory", "processes", "output", "disk"] = ""
    """Which limit ended it, as far as the backend can tell."""
    truncated: bool = False
    wall_s: float = 0.0


class TestCase(Data, frozen=True, kw_only=True):
    """One collected test."""

    __test__ = False

    id: str
    """`tests/test_fizz.py::test_fifteen`."""
    outcome: Literal["passed", "failed", "error", "skipped"]
    message: str = ""
    """Assertion or error, normalised: no addresses, no durations, no temporary paths."""
    requirements: tuple[str, ...] = ()

    @property
    def counterexample(self) -> str:
        """The shrunk input for which a property fails, on one line; empty for other failures."""
        found = _COUNTEREXAMPLE.search(self.message)
        if found is None:
            return ""
        lines = [line.partition("  #")[0].strip() for line in found[1].splitlines()]
        return " ".join(lines).replace("( ", "(").replace(", )", ")")


class FileCoverage(Data, frozen=True, kw_only=True):
    """Which lines of one file a suite ran in its own process; lines that cannot run are in neither list."""

    path: str
    ran: tuple[int, ...] = ()
    missed: tuple[int, ...] = ()


class TestReport(Data, frozen=True, kw_only=True):
    """One run of a test suite by our own runner."""

    __test__ = False

    suite: Literal["unit", "acceptance", "examples", "existing"]
    cases: tuple[TestCase, ...] = ()
    exit_code: int = 0
    problem: str = ""
    """Why there is no verdict (crash before collection, time-out, runner tampered with); empty when there is one."""
    output: str = ""
    """Tail of the runner's output, normalised."""
    wall_s: float = 0.0
    coverage: tuple[FileCoverage, ...] = ()
    """Of the product's own tests in validation; empty = not measured."""

    def count(self, outcome: str) -> int:
        """Number of cases with that outcome."""
        return sum(1 for case in self.cases if case.outcome == outcome)

    @property
    def from_outside(self) -> bool:
        """Whether whoever wrote the code had no hand in these tests; only such are evidence for a requirement."""
        return self.suite in ("acceptance", "examples")

    @property
    def green(self) -> bool:
        """At least one test ran, none failed, the runner itself was sound. Skips alone are not green."""
        bad = self.count("failed") + self.count("error")
        return not self.problem and self.exit_code == 0 and bad == 0 and self.count("passed") > 0


SEVERITIES = ("error", "warning", "note")
"""Gravest first."""
TWIN = {"ruff": "S", "bandit": "B"}
"""Scanners whose rules have the same numbers behind a letter of their own."""


class Finding(Data, frozen=True, kw_only=True):
    """Something a scanner or a gate noticed."""

    tool: str
    rule: str
    severity: Literal["error", "warning", "note"]
    """`error` blocks the release unless it is in the baseline."""
    message: str
    path: str = ""
    line: int = 0
    cwe: str = ""
    """`CWE-78`, or empty."""
    baseline: bool = False
    """True when the same finding stood in the base tree already."""
    evidence: str = ""
    """The offending text, or what an exploit test did."""

    @property
    def blocks(self) -> bool:
        """Whether it stands against a release."""
        return self.severity == "error" and not self.baseline

    @property
    def fault(self) -> str:
        """It as an order a coder can act on."""
        return f"{self.path}:{self.line} {self.rule}: {self.message}"


def matters(findings: Iterable[Finding]) -> tuple[tuple[Finding, ...], ...]:
    """Findings of one matter together, gravest first: Ruff's `S602` is Bandit's `B602` under another name."""
    together: dict[tuple[object, ...], list[Finding]] = {}
    for number, one in enumerate(findings):
        shared = TWIN.get(one.tool)
        rule = one.rule.removeprefix(shared) if shared and one.rule.startswith(shared) else ""
        same = (one.path, one.line, rule, one.baseline) if rule else (number,)
        together.setdefault(same, []).append(one)
    return tuple(tuple(sorted(each, key=lambda one: SEVERITIES.index(one.severity))) for each in together.values())


def counted(findings: Iterable[Finding]) -> dict[str, int]:
    """Matters by what they do: block, warn, are only noted, or stood in the base already."""
    first = [each[0] for each in matters(findings)]
    new = Counter(one.severity for one in first if not one.baseline)
    old = sum(1 for one in first if one.baseline)
    return {"blocking": new["error"], "warning": new["warning"], "note": new["note"], "baseline": old}


def counts_line(findings: Iterable[Finding]) -> str:
    """The same in words: `0 blocking, 1 warning, 3 notes, 0 old`."""
    told = counted(findings)
    named = (f"{told[kind]} {kind}{'' if told[kind] == 1 else 's'}" for kind in ("warning", "note"))
    return f"{told['blocking']} blocking, {', '.join(named)}, {told['baseline']} old"


class Dispute(Data, frozen=True, kw_only=True):
    """A finding that its coder calls wrong and that still stands. A person decides, nobody and nothing else."""

    finding: Finding
    task: str
    """Who says so."""
    text: str
    """What they say; shown, never believed."""


class Component(Data, frozen=True, kw_only=True):
    """One package a product was validated with."""

    name: str
    version: str
    licence: str = ""
    """As its metadata say; empty when they say nothing."""
    tool: bool = False
    """True for the test runner and build tools: not part of what is delivered."""


class Check(Data, frozen=True, kw_only=True):
    """One system-level check of the validation phase."""

    name: str
    """`install`, `start:api`, `examples`, `acceptance`, `scan`, …"""
    ok: bool
    detail: str = ""
    skipped: bool = False
    """True when it could not be done here; `detail` says why. A skipped check is never ok."""
