"""Telling progress from a loop, and deciding what to try next.

Signals: the hash of the normalised failing set, the hash of the patch's syntax tree, and how far the attempt came.
Repair loses most of its power within two or three tries (Debugging Decay Index, arXiv 2506.18403), so the ladder is
short: repair with the smallest evidence, one fresh start with a lesson, other samples chosen by execution, one attempt
of a stronger model where one is configured, then stop with what is known, and say when the task should be divided.
OpenHands looks for five patterns of repeated text; a loop that is paraphrased passes those, but not the signals here,
which look at what was executed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Literal

from sixfold.domain import syntax
from sixfold.domain.code import Patch
from sixfold.domain.data import Data, Digest, canonical, digest
from sixfold.domain.evidence import Finding, TestReport

NEEDS_SPLIT = "needs split"
"""How the reason of a task begins that was stuck on every rung and holds more than one thing."""


class Attempt(Data, frozen=True, kw_only=True):
    """What one attempt at a task came to."""

    number: int
    patch: Digest
    """`patch_signature` of what was applied."""
    failure: Digest
    """`failure_signature` of its evidence; of nothing when it passed."""
    failures: int
    strategy: str = "first"
    passed: int = 0
    """Tests that passed."""
    blocked: bool = False
    """No verdict at all: the runner stopped before tests could speak, or the patch was refused."""
    failing: tuple[Digest, ...] = ()
    """`failing_signatures` of its evidence."""
    depth: int = 0
    """How far into its test the one failing test came: the last line of it that ran."""


class Step(Data, frozen=True, kw_only=True):
    """What to do after a failed attempt."""

    strategy: Literal["repair", "fresh", "sample", "expert", "stop"]
    reason: str


def patch_signature(patch: Patch) -> Digest:
    """Same for patches that say the same: layout, comments, docstrings and names of local variables do not count.

    That holds for Python files written whole; anything else is the same up to trailing white space.
    """
    parts = []
    for edit in sorted(patch.edits, key=lambda edit: (edit.path, edit.search)):
        text = edit.content
        if edit.path.endswith(".py") and edit.kind == "write":
            text = _shape(edit.content)
        parts.append((edit.path, edit.kind, edit.search, "\n".join(line.rstrip() for line in text.splitlines())))
    return digest(canonical(parts))


def _shape(source: str) -> str:
    """The syntax tree as text, with docstrings gone and local names numbered in the order they appear."""
    try:
        tree = syntax.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return source
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]:
        # Arguments keep their names: callers may use them. What is only assigned inside is the author's own affair.
        outer = [node for node in ast.walk(function) if isinstance(node, ast.Global | ast.Nonlocal)]
        kept = {name for node in outer for name in node.names}
        order: dict[str, str] = {}
        names = [node for node in _in_order(function) if isinstance(node, ast.Name)]
        for name in names:
            if isinstance(name.ctx, ast.Store) and name.id not in kept:
                order.setdefault(name.id, f"local{len(order)}")
        for name in names:
            name.id = order.get(name.id, name.id)
    return ast.dump(tree)


def _in_order(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        yield child
        yield from _in_order(child)


def failure_signature(report: TestReport | None, findings: Sequence[Finding]) -> Digest:
    """Same for the same failing tests with the same messages and the same blocking findings."""
    blocking = [(finding.rule, finding.path, finding.message) for finding in findings if finding.severity == "error"]
    return digest(canonical([sorted(_failed(report)), sorted(blocking)]))


def failing_signatures(report: TestReport | None) -> tuple[Digest, ...]:
    """One for each failing test with its message."""
    return tuple(sorted(digest(canonical(each)) for each in _failed(report)))


def _failed(report: TestReport | None) -> list[tuple[str, str]]:
    if report is None:
        return []
    failed = [(case.id, _gist(case.message)) for case in report.cases if case.outcome in ("failed", "error")]
    return [*failed, ("runner", _gist(report.problem))] if report.problem else failed


def _gist(message: str) -> str:
    """A message without the lines that say where in the product it came up: a rewrite moves those."""
    return "\n".join(line for line in message.splitlines() if not re.match(r"^\s+\S+:\d+: ", line))


def depth(report: TestReport | None) -> int:
    """The line that the only failing test had reached in its own file; 0 when several failed or it cannot be told."""
    failed = [case for case in report.cases if case.outcome in ("failed", "error")] if report else []
    if len(failed) != 1 or "::" not in failed[0].id:
        return 0
    own = re.findall(rf"^\s+{re.escape(failed[0].id.split('::', 1)[0])}:(\d+):", failed[0].message, re.MULTILINE)
    return int(own[-1]) if own else 0


def next_step(
    attempts: Sequence[Attempt],
    *,
    most_repairs: int,
    samples: int = 1,
    divisible: bool = False,
    expert: bool = False,
) -> Step:
    """Decide after the last attempt failed.

    Args:
        attempts: all attempts of the task so far, at least one.
        most_repairs: bound on attempts after the first.
        samples: candidates a rung of other samples may draw; 1 = there is no such rung.
        divisible: the task holds more than one thing, so that dividing it is a way out.
        expert: a stronger model is there. It gets one attempt after all others, beyond `most_repairs`.
    """
    tried = {attempt.strategy for attempt in attempts}
    step = _next_of_coder(attempts, tried, most_repairs=most_repairs, samples=samples)
    if step.strategy != "stop":
        return step
    if expert and "expert" not in tried:
        return Step(strategy="expert", reason=f"{step.reason}: one attempt of the stronger model")
    reason = step.reason + (", also by the stronger model" if "expert" in tried else "")
    return Step(strategy="stop", reason=f"{NEEDS_SPLIT}: {reason}" if divisible else reason)


def _next_of_coder(attempts: Sequence[Attempt], tried: set[str], *, most_repairs: int, samples: int) -> Step:
    last = attempts[-1]
    can_sample = samples > 1 and "sample" not in tried
    remain = f"{last.failures} failures remain after {len(attempts)} attempts"
    if len(attempts) > most_repairs or "expert" in tried:
        return Step(strategy="stop", reason=remain)
    stuck = _stuck(_since_start(attempts)) or (_stuck(attempts) if "fresh" in tried else "")
    if can_sample and len(attempts) == most_repairs and (stuck or "fresh" in tried):
        return Step(strategy="sample", reason=f"{stuck or remain}: the last attempt is given to other samples")
    if not stuck:
        return Step(strategy="repair", reason=f"{last.failures} failures, evidence goes back to the coder")
    if "fresh" not in tried:
        return Step(strategy="fresh", reason=f"{stuck}: starting afresh with a short lesson")
    if can_sample:
        return Step(strategy="sample", reason=f"{stuck}, also after a fresh start: other samples, chosen by execution")
    reason = f"{stuck}, also after a fresh start" + (" and other samples" if "sample" in tried else "")
    return Step(strategy="stop", reason=reason)


def _since_start(attempts: Sequence[Attempt]) -> Sequence[Attempt]:
    """The attempts since the last one that began anew."""
    begun = max((place for place, attempt in enumerate(attempts) if attempt.strategy in ("fresh", "sample")), default=0)
    return attempts[begun:]


def _stuck(attempts: Sequence[Attempt]) -> str:
    if len(attempts) < 2:
        return ""
    last, before = attempts[-1], attempts[-2]
    if any(attempt.patch == last.patch for attempt in attempts[:-1]):
        return "a patch came back that failed before"
    if last.failure == before.failure and _reach(last) <= _reach(before):
        return "a different patch failed in the same way"
    if any(attempt.failure == last.failure for attempt in attempts[:-2]):
        return "the failures go in a circle"
    best = max((_reach(attempt) for attempt in attempts[:-2]), default=None)
    if best is not None and max(_reach(last), _reach(before)) <= best:
        return "two attempts brought no fewer failures"
    if _noise(attempts):
        return "the same tests keep failing while others come and go"
    return ""


def _noise(attempts: Sequence[Attempt]) -> bool:
    """Whether the last attempt mended nothing that had persisted, and what changed were failures never seen before."""
    if len(attempts) < 3:
        return False
    first, second, last = (set(attempt.failing) for attempt in attempts[-3:])
    lasting = first & second
    before = {each for attempt in attempts[:-2] for each in attempt.failing}
    return bool(lasting) and lasting <= last and bool((second - before) | (last - second - before))


def _reach(attempt: Attempt) -> tuple[bool, int, int, int]:
    """How far an attempt came; larger is further: a verdict, fewer failures, more passes, deeper into the test."""
    return (not attempt.blocked, -attempt.failures, attempt.passed, attempt.depth)
