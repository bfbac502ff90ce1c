"""Telling progress from a loop, and deciding what to try next.

Signals: the hash of the normalised failing set, the hash of the patch's syntax tree, the number of failures. Repair
loses most of its power within two or three tries (Debugging Decay Index, arXiv 2506.18403), so the ladder is short:
repair with the smallest evidence, then one fresh start with a lesson, then stop with what is known.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Literal

from sixfold.domain.code import Patch
from sixfold.domain.data import Data, Digest, canonical, digest
from sixfold.domain.evidence import Finding, TestReport


class Attempt(Data, frozen=True, kw_only=True):
    """What one attempt at a task came to."""

    number: int
    patch: Digest
    """`patch_signature` of what was applied."""
    failure: Digest
    """`failure_signature` of its evidence; of nothing when it passed."""
    failures: int
    strategy: str = "first"


class Step(Data, frozen=True, kw_only=True):
    """What to do after a failed attempt."""

    strategy: Literal["repair", "fresh", "stop"]
    reason: str


def patch_signature(patch: Patch) -> Digest:
    """Same for patches that differ only in layout or comments (Python) or trailing white space (anything else)."""
    parts = []
    for edit in sorted(patch.edits, key=lambda edit: (edit.path, edit.search)):
        text = edit.content
        if edit.path.endswith(".py") and edit.kind == "write":
            try:
                text = ast.dump(ast.parse(text))
            except SyntaxError:
                text = edit.content
        parts.append((edit.path, edit.kind, edit.search, "\n".join(line.rstrip() for line in text.splitlines())))
    return digest(canonical(parts))


def failure_signature(report: TestReport | None, findings: Sequence[Finding]) -> Digest:
    """Same for the same failing tests with the same messages and the same blocking findings."""
    failed: list[tuple[str, str]] = []
    if report is not None:
        failed = [(case.id, case.message) for case in report.cases if case.outcome in ("failed", "error")]
        if report.problem:
            failed.append(("runner", report.problem))
    blocking = [(finding.rule, finding.path, finding.message) for finding in findings if finding.severity == "error"]
    return digest(canonical([sorted(failed), sorted(blocking)]))


def next_step(attempts: Sequence[Attempt], *, most_repairs: int) -> Step:
    """Decide after the last attempt failed.

    Args:
        attempts: all attempts of the task so far, at least one.
        most_repairs: bound on attempts after the first.
    """
    last = attempts[-1]
    if len(attempts) > most_repairs:
        return Step(strategy="stop", reason=f"{last.failures} failures remain after {len(attempts)} attempts")
    fresh_before = any(attempt.strategy == "fresh" for attempt in attempts)
    stuck = _stuck(attempts)
    if not stuck:
        return Step(strategy="repair", reason=f"{last.failures} failures, evidence goes back to the coder")
    if fresh_before:
        return Step(strategy="stop", reason=f"{stuck}, also after a fresh start")
    return Step(strategy="fresh", reason=f"{stuck}: starting afresh with a short lesson")


def _stuck(attempts: Sequence[Attempt]) -> str:
    if len(attempts) < 2:
        return ""
    last, before = attempts[-1], attempts[-2]
    if any(attempt.patch == last.patch for attempt in attempts[:-1]):
        return "a patch came back that failed before"
    if last.failure == before.failure:
        return "a different patch failed in the same way"
    if any(attempt.failure == last.failure for attempt in attempts[:-1]):
        return "the failures go in a circle"
    if len(attempts) >= 3 and last.failures >= before.failures >= attempts[-3].failures:
        return "two attempts brought no fewer failures"
    return ""
