"""What a run will probably use, told before it begins, from earlier runs of the same kind with the same models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sixfold.domain.errors import SixfoldError
from sixfold.domain.events import Event
from sixfold.domain.fold import fold
from sixfold.domain.run import Forecast, Options
from sixfold.domain.view import RunView

MOST_RUNS = 30
"""Newest runs that are looked at; reading older logs would delay the start."""

_FEW = 3
"""Below that many runs the range is widened to half of the least and twice the most."""


def kind_of(route: str, *, existing: bool) -> str:
    """The kind of work: how the request is met, and whether there is a repository already."""
    return f"{route} request in {'an existing repository' if existing else 'an empty folder'}"


def forecast(kind: str, options: Options, logs: Iterable[Sequence[Event]]) -> Forecast:
    """A range with what it rests on; without a comparable run it says so and gives none.

    Args:
        kind: of `kind_of`.
        logs: event logs of earlier runs, newest first.
    """
    models = tuple(sorted(options.models))
    alike = [view for view in map(_finished, logs) if view is not None and _like(view, kind, models)]
    names = ", ".join(sorted({name for _, name in models}))
    if not alike:
        return Forecast(kind=kind, basis=f"no earlier {kind} with {names}")
    low, high = (0.5, 2.0) if len(alike) < _FEW else (1.0, 1.0)
    usages = [view.usage for view in alike]
    tokens = [usage.input_tokens + usage.output_tokens for usage in usages]
    prices = [usage.cost_usd for usage in usages if usage.cost_usd is not None]
    widened = ", widened" if len(alike) < _FEW else ""
    return Forecast(
        kind=kind,
        runs=len(alike),
        calls=_range([usage.calls for usage in usages], low, high),
        tokens=_range(tokens, low, high),
        cost_usd=(min(prices) * low, max(prices) * high) if len(prices) == len(alike) else None,
        basis=f"{len(alike)} earlier run{'s' if len(alike) > 1 else ''}: {kind} with {names}{widened}",
    )


def _finished(events: Sequence[Event]) -> RunView | None:
    if not events or not any(event.kind == "run.ended" for event in events):
        return None
    try:
        return fold(events)
    except SixfoldError:
        return None  # a run that cannot be read tells nothing about the next one


def _like(view: RunView, kind: str, models: tuple[tuple[str, str], ...]) -> bool:
    existing = bool(view.snapshot and view.snapshot.kind != "empty")
    same = tuple(sorted(view.options.models)) == models and kind_of(view.route, existing=existing) == kind
    return same and not view.options.replay and view.usage.calls > view.replayed_calls


def _range(values: Sequence[int], low: float, high: float) -> tuple[int, int]:
    return max(1, round(min(values) * low)), round(max(values) * high)
