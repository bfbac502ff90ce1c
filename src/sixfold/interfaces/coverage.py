"""Which lines the product's own tests ran, as export, report and walk tell it."""

from __future__ import annotations

from collections.abc import Iterable

from sixfold.domain.evidence import FileCoverage
from sixfold.domain.view import RunView


def measured(view: RunView) -> tuple[FileCoverage, ...]:
    """Files of the last run of the product's own tests that measured anything."""
    found = [report.coverage for report in view.reports() if report.coverage]
    return found[-1] if found else ()


def totals(files: Iterable[FileCoverage]) -> tuple[int, int]:
    """Lines run, and lines there are."""
    files = tuple(files)
    return sum(len(file.ran) for file in files), sum(len(file.ran) + len(file.missed) for file in files)


def spans(lines: Iterable[int]) -> str:
    """`3, 7-9` for 3, 7, 8 and 9."""
    runs: list[list[int]] = []
    for line in lines:
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
