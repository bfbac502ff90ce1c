"""Specification, interface and tasks as Kiro lays them out: `.kiro/specs/SLUG/{requirements,design,tasks}.md`."""

from __future__ import annotations

import re

from sixfold.domain.errors import UsageError
from sixfold.domain.markdown import entry_text, step_text
from sixfold.domain.requirements import Requirement, Specification
from sixfold.domain.view import RunView
from sixfold.interfaces.escape import one_line, visible


def files(view: RunView) -> dict[str, str]:
    """Relative path to text.

    Raises:
        UsageError: the run has no specification yet.
    """
    written = view.specification
    if written is None or not written.requirements:
        raise UsageError(f"{view.run} has no specification yet", next=f"sixfold show {view.run}")
    slug = re.sub(r"[^a-z0-9]+", "-", written.title.lower()).strip("-")[:40].strip("-") or "run"
    folder = f".kiro/specs/{slug}"
    return {
        f"{folder}/requirements.md": _requirements(written),
        f"{folder}/design.md": _design(view, written),
        f"{folder}/tasks.md": _tasks(view, written),
    }


def _requirements(written: Specification) -> str:
    lines = ["# Requirements Document", "", "## Introduction", "", f"{one_line(written.title)}.", ""]
    if written.summary:
        lines += [visible(written.summary), ""]
    lines += ["## Requirements", ""]
    for number, item in enumerate(written.requirements, start=1):
        lines += [f"### Requirement {number} ({item.id})", "", "#### Acceptance Criteria", ""]
        lines += [f"{place}. {line}" for place, line in enumerate(_criteria(item), start=1)]
        lines.append("")
    settled = [f"- {one_line(item.text)} {one_line(item.answer)}" for item in written.questions if item.answer]
    if settled:
        lines += ["## Answers", "", *settled, ""]
    assumed = [
        f"- {item.id}: {one_line(item.text)}"
        + (f" — corrected: {one_line(item.correction)}" if item.correction else "")
        for item in written.assumptions
    ]
    if assumed:
        lines += ["## Assumptions", "", *assumed, ""]
    return "\n".join(lines).rstrip() + "\n"


def _criteria(item: Requirement) -> list[str]:
    """The sentence itself, then its examples as sentences."""
    examples = [
        f"WHEN {one_line(example.title)}: {one_line('; '.join(step_text(step) for step in example.steps))}"
        for example in item.examples
    ]
    return [one_line(item.text), *examples]


def _design(view: RunView, written: Specification) -> str:
    lines = [f"# Design: {one_line(written.title)}", ""]
    if written.entries:
        lines += ["## Entries", "", *(one_line(entry_text(entry)) for entry in written.entries), ""]
    if written.interface:
        lines += ["## Interface", "", visible(written.interface), ""]
    for contract in view.plan.contracts if view.plan else ():
        lines += [f"## Contract {one_line(contract.id)} ({contract.kind})", "", visible(contract.text), ""]
    return "\n".join(lines).rstrip() + "\n"


def _tasks(view: RunView, written: Specification) -> str:
    places = {item.id: str(number) for number, item in enumerate(written.requirements, start=1)}
    lines = ["# Implementation Plan", ""]
    for number, item in enumerate(view.tasks, start=1):
        mark = "x" if item.status == "done" else " "
        lines.append(f"- [{mark}] {number}. {one_line(item.task.title)} ({item.task.id})")
        lines += [f"  - `{one_line(path)}`" for path in item.task.files]
        served = [f"{places[id]}.1" for id in item.task.requirements if id in places]
        if served:
            lines.append(f"  - _Requirements: {', '.join(served)}_")
    return "\n".join(lines) + "\n"
