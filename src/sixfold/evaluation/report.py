"""Reports: figures as JSON for programs, tables as Markdown for people. Every figure says what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from sixfold.domain.data import Data, Json
from sixfold.evaluation.attempt import write
from sixfold.evaluation.statistics import Comparison, Figure


class Table(Data, frozen=True, kw_only=True):
    """A table with a title; cells are ready to be read."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


class Report(Data, frozen=True, kw_only=True):
    """What an evaluation found out."""

    schema_version: int = 1
    name: str
    about: str
    figures: Json
    """The same as the tables and more, for programs."""
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()
    """What a reader must know before believing a figure."""


def save(report: Report, folder: Path) -> None:
    """Write `report.json` and `report.md`."""
    write(folder / "report.json", report)
    (folder / "report.md").write_text(markdown(report), encoding="utf-8")


def markdown(report: Report) -> str:
    """The report as a page."""
    parts = [f"# {report.name}", report.about, *(f"- {note}" for note in report.notes)]
    text = "\n".join([*parts[:2], "", *parts[2:]]) + "\n"
    for table in report.tables:
        text += f"\n## {table.title}\n\n"
        text += "\n".join([_row(table.head), "|" + "---|" * len(table.head), *(_row(row) for row in table.rows)]) + "\n"
        if table.note:
            text += f"\n{table.note}\n"
    return text


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def percent(value: float | None) -> str:
    """`54%`; a dash for nothing."""
    return "–" if value is None else f"{value:.0%}"


def number(value: float | None) -> str:
    """`3.4`, `1,203`; a dash for nothing."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


def points(value: float | None) -> str:
    """A difference of shares: `+12 pp`."""
    return "–" if value is None else f"{100 * value:+.0f} pp"


def with_interval(figure: Figure, show: Callable[[float | None], str]) -> str:
    """`54% [40%, 67%]`; an interval that cannot be given is said to be missing."""
    if figure.value is None:
        return "–"
    if figure.low is None:
        return f"{show(figure.value)} (n={figure.n})"
    return f"{show(figure.value)} [{show(figure.low)}, {show(figure.high)}]"


def compared(comparison: Comparison, show: Callable[[float | None], str]) -> tuple[str, str, str]:
    """Difference with interval, on how many tasks it is higher and lower, p."""
    counts = f"higher on {comparison.better}, lower on {comparison.worse} of {comparison.difference.n}"
    return with_interval(comparison.difference, show), counts, "–" if comparison.p is None else f"{comparison.p:.3f}"
