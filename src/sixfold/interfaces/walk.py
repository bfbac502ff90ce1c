"""The walk before a signature: intent, changes by concern, where being wrong costs most, what to try by hand."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from sixfold.domain.requirements import Entry, Example
from sixfold.domain.view import RunView
from sixfold.interfaces.coverage import measured

MOST = 5
_WEIGHT = {"security": 0, "failing": 1, "deletion": 2, "dependency": 3, "process": 4, "network": 5, "interface": 6}
_WEIGHT |= {"files": 7, "untested": 8, "size": 9}


class Part(NamedTuple):
    """One stop of the walk. Lines are unescaped: they hold text of models and repositories."""

    title: str
    lines: tuple[str, ...]


def walk(view: RunView) -> tuple[Part, ...]:
    """The stops there is something to say at; computed from recorded events alone."""
    parts = [
        Part("Intent", tuple(_intent(view))),
        Part("Changes by concern", tuple(_changes(view))),
        Part("Where being wrong costs most", tuple(_costly(view))[:MOST]),
        Part("Try by hand", tuple(_trials(view))[:MOST]),
    ]
    return tuple(part for part in parts if part.lines)


def _intent(view: RunView) -> Iterator[str]:
    written = view.specification
    if written is None:
        return
    yield written.title + (f": {written.summary}" if written.summary else "")
    assumed = [item for item in written.assumptions if item.status == "assumed"]
    told = f"{len(written.requirements)} requirements"
    yield told + (f", {len(assumed)} of its decisions are assumptions nobody confirmed" if assumed else "")


def _changes(view: RunView) -> Iterator[str]:
    """One line a task, tests apart, with its size."""
    for item in view.live_increments:
        task = view.task(item.increment.task)
        files = item.increment.files
        tests = [file for file in files if "test" in file.path.rsplit("/", 1)[-1] or "tests/" in file.path]
        product = [file for file in files if file not in tests]
        added, removed = sum(file.added for file in product), sum(file.removed for file in product)
        about = f"{task.task.role}: {task.task.title}" if task else item.increment.task
        names = ", ".join(file.path for file in product[:4]) + (" …" if len(product) > 4 else "")
        yield f"{about} (+{added} −{removed} in {names or 'no product file'}; {len(tests)} test files)"


def _costly(view: RunView) -> Iterator[str]:
    """Two to five places, most serious kind first; what was not proven counts like a risk."""
    offer = view.offer
    said = {dispute.finding: dispute.text for dispute in offer.disputed} if offer else {}
    for finding in view.findings:
        if finding.blocks:
            disputed = f" (open; its coder disputes it: {said[finding]})" if finding in said else ""
            yield f"{finding.path}:{finding.line} {finding.message}{disputed}"
    for id in offer.unverified if offer else ():
        text = next((one.text for one in _requirements(view) if one.id == id), "")
        yield f"{id} has no executed evidence: {text}"
    risks = {
        (risk.kind, risk.path, risk.line, risk.text) for item in view.live_increments for risk in item.increment.risks
    }
    # One place a file and kind is enough for a walk; the report has them all.
    shown: set[tuple[str, str]] = set()
    for kind, path, line, text in sorted(risks, key=lambda one: (_WEIGHT.get(one[0], 9), one)):
        if (kind, path) not in shown:
            shown.add((kind, path))
            yield f"{path}:{line} {kind}: {text}" if path else f"{kind}: {text}"
    changed = {file.path for item in view.live_increments for file in item.increment.files}
    for one in sorted(measured(view), key=lambda one: -len(one.missed)):
        total = len(one.ran) + len(one.missed)
        if one.path in changed and len(one.missed) * 2 > total:
            yield f"{one.path}:{one.missed[0]} its own tests run {len(one.ran)} of {total} lines"
    for check in view.checks:
        if check.skipped:
            yield f"{check.name} could not be done here: {check.detail}"
    for finding in view.findings:
        if finding.severity == "warning" and not finding.baseline:
            where = f"{finding.path}:{finding.line} " if finding.path else ""
            yield f"{where}{finding.message}"
    if view.specification:
        for assumption in view.specification.assumptions:
            if assumption.status == "assumed":
                yield f"{assumption.id} was assumed: {assumption.text}"


def _requirements(view: RunView) -> tuple[NamedRequirement, ...]:
    written = view.specification.requirements if view.specification else ()
    return tuple(NamedRequirement(one.id, one.text) for one in written)


class NamedRequirement(NamedTuple):
    """A requirement's id and text."""

    id: str
    text: str


def _trials(view: RunView) -> Iterator[str]:
    """Examples as commands a person can type, one a requirement, and what should come of them."""
    written = view.specification
    if written is None:
        return
    entries = {entry.name: entry for entry in written.entries}
    for entry in written.entries:
        if entry.kind == "service":
            yield f"start {entry.name}: {shlex.join(entry.start)}"
            break
    for requirement in written.requirements:
        for example in requirement.examples[:1]:
            if shown := _trial(example, entries):
                yield f"{requirement.id} {example.title}: {shown}"


def _trial(example: Example, entries: dict[str, Entry]) -> str:
    step = example.steps[-1] if example.steps else None
    if step is None:
        return ""
    entry = entries.get(example.entry) or next(iter(entries.values()), None)
    expect = step.expect
    wanted = expect.value or expect.raises or expect.stdout or ""
    if step.call:
        return f"{step.call} → {wanted}"
    if step.path:
        body = f" -d {shlex.quote(json.dumps(step.body))}" if step.body is not None else ""
        answer = f"{expect.status or ''} {json.dumps(expect.json) if expect.json is not None else ''}".strip()
        return f"curl -X {step.method} http://127.0.0.1:PORT{step.path}{body} → {answer}"
    start = shlex.join(entry.start) if entry else ""
    exit_code = f"exit {expect.exit}" if expect.exit is not None else ""
    return f"{start} {shlex.join(step.argv)} → {wanted or exit_code}".strip()
