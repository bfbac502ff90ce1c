"""Progress on stderr while a run is driven: a live view on a terminal, plain lines everywhere else."""

from __future__ import annotations

import os
import sys
import time
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

from sixfold.domain.events import Event
from sixfold.domain.fold import advance
from sixfold.domain.narrate import narrate
from sixfold.domain.view import RunView
from sixfold.interfaces.cli.plan_screen import ahead_line, undone_line
from sixfold.interfaces.cli.terminal import colourful, json_line, say
from sixfold.interfaces.escape import one_line
from sixfold.layers.planning.outlook import outlook

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUIET = frozenset({"phase.ended", "report.written", "context.found", "run.created"})
QUIET_S = 5.0
"""After so long without an event a terminal is told that work goes on."""
_PHASES = ("input", "orchestration", "development", "validation")


class Progress(Protocol):
    """Follows events and shows them."""

    def __call__(self, event: Event) -> None:
        """Show one event."""
        ...

    def __enter__(self) -> Progress:
        """Begin to show."""
        ...

    def __exit__(self, *reason: object) -> None:
        """Leave the terminal as it was."""
        ...

    def suspended(self) -> AbstractContextManager[None]:
        """Hands the terminal to somebody else, e.g. a question."""
        ...


def spending(view: RunView) -> str:
    """Calls, tokens and cost against the cap, e.g. `4 calls, 8,100 tokens, $0.0210 of $1.00`."""
    used, cap = view.usage, view.options.budget
    tokens = f"{used.input_tokens + used.output_tokens:,}"
    cost = "cost unknown" if used.cost_usd is None and used.calls else f"${used.cost_usd or 0:.4f}"
    return (
        f"{used.calls} call{'' if used.calls == 1 else 's'}, "
        f"{tokens}{f' of {cap.tokens:,}' if cap.tokens is not None else ''} tokens, "
        f"{cost}{f' of ${cap.usd:.2f}' if cap.usd is not None else ''}"
    )


class Lines:
    """One plain line for each event that tells a person something."""

    def __init__(self, view: RunView) -> None:
        self.view = view

    def __call__(self, event: Event) -> None:
        self.view = advance(self.view, event)
        if event.kind not in _QUIET:
            say(f"{self.view.phase or 'start':<13} {one_line(narrate(event), 160)}")
        if event.kind == "plan.made" and (undone := undone_line(self.view)):
            say(f"{'':<13}   {one_line(undone, 160)}")
        if event.kind in ("plan.made", "task.ended") and (ahead := ahead_line(self.view)):
            say(f"{'':<13}   ahead: {one_line(ahead, 160)}")

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *reason: object) -> None:
        return None

    def suspended(self) -> AbstractContextManager[None]:
        return nullcontext()


class Screen:
    """Phases, task tree, spend against cap and what waits, redrawn in place; events scroll above it."""

    def __init__(self, view: RunView) -> None:
        # rich costs 150 ms; only a terminal pays for it.
        from rich.console import Console
        from rich.live import Live

        self.view = view
        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._drawn, self._told = self._draw(), time.monotonic()
        # Asked again and again, so that the seconds of a long step are seen to pass.
        self._live = Live(get_renderable=self._now, console=self._console, refresh_per_second=4, transient=True)

    def __call__(self, event: Event) -> None:
        self.view = advance(self.view, event)
        if event.kind not in _QUIET:
            self._console.print(f"{self.view.phase or 'start':<13} {one_line(narrate(event), 160)}")
        if event.kind == "plan.made" and (undone := undone_line(self.view)):
            self._console.print(f"{'':<13}   {one_line(undone, 160)}")
        self._drawn, self._told = self._draw(), time.monotonic()
        self._live.refresh()

    def __enter__(self) -> Screen:
        self._live.start(refresh=True)
        return self

    def __exit__(self, *reason: object) -> None:
        self._live.stop()

    @contextmanager
    def suspended(self) -> Iterator[None]:
        self._live.stop()
        try:
            yield
        finally:
            self._live.start(refresh=True)

    def _now(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        quiet_s = time.monotonic() - self._told
        if quiet_s < QUIET_S or self.view.waiting:
            return self._drawn
        return Group(self._drawn, Text(f"  working: {quiet_s:.0f} s since the last line", style="dim"))

    def _draw(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        view = self.view
        phases = Text(
            "  ".join(f"{'✓' if p in view.phases_done else '▸' if p == view.phase else '·'} {p}" for p in _PHASES)
        )
        lines = [Text(""), phases]
        marks = {"done": "✓", "failed": "✗", "running": "▸", "dropped": "–", "pending": "·"}
        ahead = outlook(view)
        for item in view.tasks[:12]:
            more = f" (attempt {item.attempts})" if item.attempts > 1 else ""
            waits = ahead.waits.get(item.task.id, ())
            stubs = f"  on stubs of {', '.join(item.stubs)}" if item.stubs and item.status == "running" else ""
            more += stubs or (f"  waits for {', '.join(waits)}" if waits else "")
            more += "  *" if item.task.id in ahead.critical and len(ahead.critical) > 1 else ""
            lines.append(Text(f"  {marks[item.status]} {item.task.id} {one_line(item.task.title, 70)}{more}"))
        if len(view.tasks) > 12:
            lines.append(Text(f"  … and {len(view.tasks) - 12} more tasks"))
        if ahead_text := ahead_line(view):
            lines.append(Text(f"  ahead: {one_line(ahead_text, 160)}", style="dim"))
        lines.append(Text(f"  {spending(view)}", style="dim"))
        if view.waiting:
            lines.append(Text(f"  waits for you: {', '.join(s[:24] for s in view.waiting)}", style="yellow"))
        return Group(*lines)


class JsonLines:
    """Every event as one JSON line on stdout, besides what another progress shows."""

    def __init__(self, inner: Progress) -> None:
        self._inner = inner

    def __call__(self, event: Event) -> None:
        try:
            sys.stdout.write(json_line(event) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read the stream has gone; that must not stop the run.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        self._inner(event)

    def __enter__(self) -> JsonLines:
        self._inner.__enter__()
        return self

    def __exit__(self, *reason: object) -> None:
        self._inner.__exit__(*reason)

    def suspended(self) -> AbstractContextManager[None]:
        return self._inner.suspended()


def choose_progress(view: RunView, *, json_lines: bool = False) -> Progress:
    """The progress that fits stderr; `view` is what is known so far, so that a resumed run does not begin at zero."""
    inner: Progress = Screen(view) if colourful(sys.stderr) else Lines(view)
    return JsonLines(inner) if json_lines else inner
