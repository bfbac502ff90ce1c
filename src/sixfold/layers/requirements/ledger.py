"""What a person reads and corrects: the decisions on one screen, and a folder other tools understand."""

from __future__ import annotations

from sixfold.domain.markdown import specification_text
from sixfold.domain.requirements import Question, Specification


def decisions_text(specification: Specification) -> str:
    """Questions with options and defaults, then the assumptions, as Markdown for one screen."""
    parts = [_question(item) for item in specification.questions]
    lines = [f"- {item.id}{_mark(item.status)} {item.text}" for item in specification.assumptions]
    if lines:
        parts.append("**Assumed unless you correct it**\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n" if parts else ""


def spec_kit(specification: Specification) -> dict[str, str]:
    """A Spec Kit folder: path → text. Requirement `R3` becomes `FR-003`, its examples the acceptance scenarios."""
    codes = {item.id: f"FR-{item.id[1:].zfill(3)}" for item in specification.requirements}
    lines = [f"# Feature Specification: {specification.title}", "", "**Status**: Draft", "", specification.summary, ""]
    lines += ["## User Scenarios & Testing", "", "### Acceptance Scenarios", ""]
    for item in specification.requirements:
        for example in item.examples:
            lines.append(f"- **{codes[item.id]}** {example.title}")
    lines += ["", "## Requirements", "", "### Functional Requirements", ""]
    lines += [f"- **{codes[item.id]}**: {item.text}" for item in specification.requirements]
    if specification.questions:
        lines += ["", "## Clarifications", ""]
        for question in specification.questions:
            answer = question.answer or f"[NEEDS CLARIFICATION: {question.text}] assumed {question.default}"
            lines.append(f"- Q: {question.text} → A: {answer}")
    if specification.assumptions:
        lines += ["", "## Assumptions", "", *(f"- {item.text}" for item in specification.assumptions)]
    files = {"spec.md": "\n".join(lines).rstrip() + "\n", "sixfold.md": specification_text(specification)}
    if specification.interface:
        files["contracts/interface.md"] = specification.interface.rstrip() + "\n"
    return files


def _question(item: Question) -> str:
    state = "" if item.status == "open" else f" → {item.answer}"
    lines = [f"**{item.id}** {item.text}{state}"]
    if item.why:
        lines.append(f"  {item.why}")
    for option in item.options:
        default = " (default)" if option.value == item.default else ""
        lines.append(f"- {option.value}{default}: {option.consequence}".rstrip(": "))
    return "\n".join(lines)


def _mark(status: str) -> str:
    return "" if status == "assumed" else f" ({status})"
