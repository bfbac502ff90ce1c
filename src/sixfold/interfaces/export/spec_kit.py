"""Specification, plan and tasks as Spec Kit lays them out: `specs/001-slug/{spec,plan,tasks}.md`."""

from __future__ import annotations

import re

from sixfold.domain.errors import UsageError
from sixfold.domain.requirements import Assumption, Question
from sixfold.domain.view import RunView
from sixfold.interfaces.escape import one_line, visible


def files(view: RunView) -> dict[str, str]:
    """Relative path to text.

    Raises:
        UsageError: the run has no specification yet.
    """
    if view.specification is None:
        raise UsageError(f"{view.run} has no specification yet", next=f"sixfold show {view.run}")
    slug = re.sub(r"[^a-z0-9]+", "-", view.specification.title.lower()).strip("-")[:40].strip("-") or "run"
    folder = f"specs/001-{slug}"
    return {f"{folder}/spec.md": _spec(view), f"{folder}/plan.md": _plan(view), f"{folder}/tasks.md": _tasks(view)}


def _spec(view: RunView) -> str:
    written = view.specification
    if written is None:
        return ""
    lines = [f"# Feature Specification: {one_line(written.title)}", "", f"**Input**: {one_line(view.request.text)}", ""]
    if written.summary:
        lines += [visible(written.summary), ""]
    lines += ["## Requirements", "", "### Functional Requirements", ""]
    lines += [f"- **{code(item.id)}**: {one_line(item.text)} *({item.origin})*" for item in written.requirements]
    examples = [example for item in written.requirements for example in item.examples]
    if examples:
        lines += ["", "## Acceptance Scenarios", ""]
        lines += [f"- **{example.id}**: {one_line(example.title)}" for example in examples]
    if view.questions:
        lines += ["", "## Clarifications", ""]
        lines += [f"- Q: {one_line(q.text)} → A: {one_line(q.answer) or _open(q)} ({q.status})" for q in view.questions]
    if written.assumptions:
        lines += ["", "## Assumptions", ""]
        lines += [f"- **{item.id}** ({item.status}): {_assumed(item)}" for item in written.assumptions]
    if written.interface:
        lines += ["", "## Interface", "", visible(written.interface)]
    return "\n".join(lines) + "\n"


def code(id: str) -> str:
    """`R7` as Spec Kit numbers it: `FR-007`."""
    return f"FR-{id[1:].zfill(3)}" if re.fullmatch(r"R\d+", id) else id


def _open(question: Question) -> str:
    return f"[NEEDS CLARIFICATION: {one_line(question.text)}]"


def _assumed(item: Assumption) -> str:
    corrected = f" — corrected: {one_line(item.correction)}" if item.correction else ""
    return one_line(item.text) + corrected


def _plan(view: RunView) -> str:
    lines = [f"# Implementation Plan: {one_line(view.title)}", ""]
    if view.plan is None:
        return "\n".join([*lines, "One direct task; no plan was needed.", ""])
    for revision in view.plans:
        lines.append(
            f"- Revision {revision.revision} by {one_line(revision.author)}: {one_line(revision.reason) or 'first'}"
        )
    lines += ["", "## Contracts", ""]
    for contract in view.plan.contracts:
        lines += [f"### {one_line(contract.id)} ({contract.kind})", "", visible(contract.text), ""]
    return "\n".join(lines) + "\n"


def _tasks(view: RunView) -> str:
    lines = [f"# Tasks: {one_line(view.title)}", ""]
    for item in view.tasks:
        mark = "x" if item.status == "done" else " "
        waits = view.plan.dependencies(item.task.id) if view.plan and item.status != "dropped" else ()
        after = f" (after {', '.join(waits)})" if waits else ""
        covers = f" [{' '.join(map(code, item.task.requirements))}]" if item.task.requirements else ""
        lines.append(f"- [{mark}] {item.task.id}{covers} {one_line(item.task.title)}{after}")
        lines += [f"  - `{one_line(path)}`" for path in item.task.files]
    return "\n".join(lines) + "\n"
