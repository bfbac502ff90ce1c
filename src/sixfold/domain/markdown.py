"""The specification as Markdown, the one form in which every model reads it."""

from __future__ import annotations

from collections.abc import Collection

from sixfold.domain.data import canonical
from sixfold.domain.requirements import Assumption, Entry, Example, Expect, Specification, Step


def specification_text(specification: Specification, *, only: Collection[str] | None = None) -> str:
    """Requirements with examples, interface, entries, answers and assumptions; byte-stable.

    Args:
        only: requirement ids to keep; assumptions that rest on others alone are left out too. None = everything.
    """
    kept = [item for item in specification.requirements if only is None or item.id in only]
    parts = [f"# {specification.title}"]
    if specification.summary:
        parts.append(specification.summary)
    if kept:
        parts.append("## Requirements")
        parts += [_requirement(item.id, item.text, item.examples) for item in kept]
    if specification.entries:
        parts.append("## Entries\n" + "\n".join(entry_text(entry) for entry in specification.entries))
    if specification.interface:
        parts.append("## Interface\n" + specification.interface.strip())
    settled = [f"- {item.text} → {item.answer}" for item in specification.questions if item.answer]
    if settled:
        parts.append("## Answers\n" + "\n".join(settled))
    assumed = [
        f"- {assumption_text(item)}"
        for item in specification.assumptions
        if only is None or not item.requirements or set(only) & set(item.requirements)
    ]
    if assumed:
        parts.append("## Assumptions (binding)\n" + "\n".join(assumed))
    return "\n\n".join(parts) + "\n"


def assumption_text(item: Assumption) -> str:
    """One line: the decision, and what a human put in its place."""
    said = bool(item.correction) and item.correction not in item.text
    corrected = f". Corrected by the person, which prevails: {item.correction}" if said else ""
    return f"{item.id}: {item.text}{corrected}"


def _requirement(id: str, text: str, examples: tuple[Example, ...]) -> str:
    lines = [f"**{id}** {text}"]
    for example in examples:
        lines.append(f"- Example {example.id}: {example.title}")
        lines += [f"  - {step_text(step)}" for step in example.steps]
    return "\n".join(lines)


def entry_text(entry: Entry) -> str:
    """One line: how the entry is used."""
    if entry.kind == "library":
        return f"- {entry.name} (library): `import {entry.module}`"
    health = f", healthy when GET {entry.health} answers below 500" if entry.kind == "service" else ""
    return f"- {entry.name} ({entry.kind}): `{' '.join(entry.start)}`{health}"


def step_text(step: Step) -> str:
    """One line: the action and what it must give."""
    if step.call:
        action = f"`{step.call}`"
    elif step.path:
        body = "" if step.body is None else f" {canonical(step.body)}"
        action = f"`{step.method} {step.path}{body}`"
    else:
        fed = f" with stdin {canonical(step.stdin)}" if step.stdin else ""
        action = f"arguments {canonical(step.argv)}{fed}"
    expected = expect_text(step.expect)
    return f"{action} → {expected}" if expected else action


def expect_text(expect: Expect) -> str:
    """The set checks, joined by commas; empty when nothing is checked."""
    checks = []
    if expect.value is not None:
        checks.append(f"`{expect.value}`")
    if expect.raises is not None:
        checks.append(f"raises {expect.raises}")
    if expect.exit is not None:
        checks.append(f"exit {expect.exit}")
    if expect.status is not None:
        checks.append(f"status {expect.status}")
    if expect.stdout is not None:
        checks.append(f"stdout {canonical(expect.stdout)}")
    if expect.contains:
        checks.append(f"output contains {canonical(expect.contains)}")
    if expect.json is not None:
        checks.append(f"body includes {canonical(expect.json)}")
    return ", ".join(checks)
