"""Failures that are older than a run."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sixfold.domain.evidence import TestReport


def forgive(report: TestReport, known: Sequence[str]) -> TestReport:
    """Tests that failed before the run changed anything are shown as skipped, not as this run's failures."""
    if not known:
        return report
    cases = tuple(
        msgspec.structs.replace(case, outcome="skipped", message="failed before this run began")
        if case.id in known and case.outcome in ("failed", "error")
        else case
        for case in report.cases
    )
    failing = any(case.outcome in ("failed", "error") for case in cases)
    return msgspec.structs.replace(report, cases=cases, exit_code=report.exit_code if failing else 0)
