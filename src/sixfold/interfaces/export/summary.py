"""A run on one screen of Markdown, as GitHub shows it under a job (`GITHUB_STEP_SUMMARY`)."""

from __future__ import annotations

import html

from sixfold.domain.evidence import counts_line
from sixfold.domain.result import next_step
from sixfold.domain.view import RunView, outcomes
from sixfold.interfaces.coverage import measured, totals
from sixfold.interfaces.escape import one_line
from sixfold.interfaces.walk import walk


def document(view: RunView) -> str:
    """Status, tests, checks, findings, what nobody verified, and where to look first. Foreign text is escaped."""
    reports = view.reports()
    own, outside = outcomes(reports, ("unit", "existing")), outcomes(reports, ("acceptance", "examples"))
    lines = [f"## {_text(view.title or view.run)}: {view.status}", ""]
    if view.outcome and view.outcome.reason:
        lines += [_text(view.outcome.reason), ""]
    lines += [
        "| | passed | failed | skipped |",
        "|---|---|---|---|",
        f"| own tests | {own['passed']} | {own['failed']} | {own['skipped']} |",
        f"| acceptance and examples | {outside['passed']} | {outside['failed']} | {outside['skipped']} |",
        "",
        f"Findings: {counts_line(view.findings)}." if view.scanned else "Findings: no scan is recorded.",
    ]
    if view.offer and view.offer.mutation_score is not None:
        lines.append(f"Planted faults noticed by tests: {view.offer.mutation_score:.0%}.")
    if files := measured(view):
        ran, total = totals(files)
        lines.append(f"Lines run by the product's own tests, in their own process: {ran} of {total}.")
    if view.checks:
        lines += ["", "| check | | |", "|---|---|---|"]
        for check in view.checks:
            verdict = "not verified" if check.skipped else "ok" if check.ok else "**failed**"
            lines.append(f"| {_text(check.name)} | {verdict} | {_text(check.detail)[:200]} |")
    if view.offer and view.offer.unverified:
        lines += ["", f"**Not verified:** {_text(', '.join(view.offer.unverified))}"]
    for part in walk(view):
        lines += ["", f"### {part.title}", "", *(f"- {_text(line)}" for line in part.lines)]
    lines += ["", f"Next: `{_text(next_step(view))}`", ""]
    return "\n".join(lines)


def _text(text: str) -> str:
    """Plain text in Markdown and HTML: no markup, no table cell of its own, no link."""
    plain = html.escape(one_line(text), quote=False)
    for sign in ("\\", "|", "`", "*", "_", "[", "]", "#", "~"):
        plain = plain.replace(sign, f"\\{sign}" if sign != "`" else "'")
    return plain
