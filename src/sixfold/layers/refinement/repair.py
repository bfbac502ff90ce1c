"""Turning evidence into the shortest useful order for the coder."""

from __future__ import annotations

from collections.abc import Sequence

from sixfold.domain.evidence import Finding, TestCase, TestReport
from sixfold.domain.prompt import untrusted

_MOST_FAILURES = 6
_MOST_CHARS = 1_500


def evidence(report: TestReport | None, findings: Sequence[Finding]) -> str:
    """Failing tests (a few, with their messages) and blocking findings, as a note for the coder."""
    parts: list[str] = []
    if report is not None and report.problem:
        parts.append(untrusted("the test runner", f"{report.problem}\n{report.output[-_MOST_CHARS:]}"))
    if report is not None:
        failed = [case for case in report.cases if case.outcome in ("failed", "error")]
        for case in sorted(failed, key=_telling)[:_MOST_FAILURES]:
            parts.append(untrusted(f"{case.id} {case.outcome}", _shown(case)))
        if len(failed) > _MOST_FAILURES:
            parts.append(f"… and {len(failed) - _MOST_FAILURES} more failing tests.")
        if not failed and not report.problem and not report.green:
            parts.append("No test ran. The task must bring tests that run.")
    for finding in findings:
        if finding.severity == "error":
            place = f"{finding.path}:{finding.line}" if finding.path else finding.tool
            parts.append(f"- {place}: {finding.rule} {finding.message} This blocks the release; write it safely.")
    return "\n".join(parts)


def _shown(case: TestCase) -> str:
    """A failure's message; for a property, the shrunk counterexample stands first."""
    head = f"smallest counterexample: {case.counterexample}\n" if case.counterexample else ""
    return (head + case.message)[:_MOST_CHARS]


def _telling(case: TestCase) -> tuple[bool, bool, int]:
    """The most telling failures first: examples of the specification, then counterexamples, then short messages."""
    given = case.id.startswith("sixfold_examples/")
    return (not given, not case.counterexample, len(case.message))


def repair_note(report: TestReport | None, findings: Sequence[Finding], *, doubtful: bool = False) -> str:
    """The order that goes with a repair: the files as they are stand in the brief, so edits suffice.

    Args:
        doubtful: only tests that came with the code accuse it; the specification's own examples pass.
    """
    doubt = (
        "\nEvery example of the specification passes; only tests written together with this code fail."
        " Decide by the specification which of the two is wrong, and correct that one."
    )
    return (
        "The files above are the present state. It does not pass yet:\n"
        + evidence(report, findings)
        + "\nFind the cause and correct it with the smallest change."
        " Do not weaken or delete tests that state a requirement." + (doubt if doubtful else "")
    )


def fault_note(faults: Sequence[str]) -> str:
    """The order for a task that puts right what validation found: every fault, as data."""
    shown = "\n".join(f"- {fault[:_MOST_CHARS]}" for fault in faults)
    return (
        "The assembled product was tested from outside, by tests you do not see. It fails:\n"
        + untrusted("validation", shown)
        + "\nThe specification decides what is right. Find the causes and correct them with the smallest change."
    )


def revision_note(changes: Sequence[str], requirements: Sequence[str], files: Sequence[str]) -> str:
    """The order for a task that follows a decision given after the product was built."""
    lines = [
        "The product fitted the specification as it was. Since then the person decided:",
        *(f"- {change}" for change in changes),
        "The specification above has it. Change what follows from it, tests of the product included, and nothing else.",
    ]
    if requirements:
        lines.append(f"Requirements that changed: {', '.join(requirements)}.")
    if files:
        lines.append(f"Files that were written for them: {', '.join(files)}.")
    return "\n".join(lines)


def lesson(reports: Sequence[tuple[TestReport | None, Sequence[Finding]]]) -> str:
    """At most a few lines about what did not work, for a fresh start without the failing history."""
    report, findings = reports[-1]
    return (
        "Earlier attempts at this task failed; you start afresh from the state above. What they ran into last:\n"
        + evidence(report, findings)
        + "\nTake another approach than the obvious one where it matters."
    )
