"""Requirement → task → file → test → evidence, one row each, as CSV."""

from __future__ import annotations

import csv
import io

from sixfold.domain.errors import UsageError
from sixfold.domain.view import RunView
from sixfold.interfaces.escape import one_line

HEAD = ("requirement", "text", "origin", "tasks", "files", "tests", "passed", "failed", "skipped", "evidence")


def document(view: RunView) -> str:
    """One row a requirement; what has no executed evidence says `not verified`.

    Raises:
        UsageError: the run has no specification yet.
    """
    if view.specification is None:
        raise UsageError(f"{view.run or 'the run'} has no specification yet", next=f"sixfold show {view.run or 'RUN'}")
    reports = view.reports()
    cases = [case for report in reports if not report.problem for case in report.cases]
    outside = [case for report in reports if not report.problem and report.from_outside for case in report.cases]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    for item in view.specification.requirements:
        tasks = [one for one in view.tasks if item.id in one.task.requirements and one.status != "dropped"]
        files = sorted({path for one in tasks for path in one.files or one.task.files})
        tests = [case for case in cases if item.id in case.requirements]
        counts = [
            sum(1 for case in tests if case.outcome in kinds)
            for kinds in (("passed",), ("failed", "error"), ("skipped",))
        ]
        shown = any(case.outcome == "passed" and item.id in case.requirements for case in outside)
        proven = shown and counts[1] == 0 and (view.offer is None or item.id not in view.offer.unverified)
        row = (
            item.id,
            item.text,
            item.origin,
            " ".join(one.task.id for one in tasks),
            " ".join(files),
            " ".join(case.id for case in tests),
            *counts,
            "verified" if proven else "not verified",
        )
        writer.writerow([_cell(str(part)) for part in row])
    return out.getvalue()


def _cell(text: str) -> str:
    """One line; a text that a spreadsheet would take for a formula is kept a text (CWE-1236)."""
    plain = one_line(text)
    return f"'{plain}" if plain.startswith(("=", "+", "-", "@")) and not plain.lstrip("-").isdigit() else plain
