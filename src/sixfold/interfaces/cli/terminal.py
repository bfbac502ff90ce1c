"""Writing to a terminal: results on stdout, everything else on stderr, hostile text spelled out, colours optional."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

import msgspec

from sixfold.domain.data import Json
from sixfold.domain.errors import ReplayDrift, SixfoldError
from sixfold.domain.events import Event
from sixfold.interfaces.escape import one_line, visible, visible_json

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36", "bold": "1", "dim": "2"}


def colourful(stream: TextIO) -> bool:
    """True on a terminal that may show colours (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """`text` in a colour when the stream (default: stdout) shows colours."""
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if colourful(stream or sys.stdout) else text


def put(text: str = "") -> None:
    """One result line on stdout. The caller has escaped foreign text (`visible`, `one_line`)."""
    sys.stdout.write(text + "\n")


def put_json(value: Json) -> None:
    """One JSON object on stdout, indented; hidden characters are JSON escapes."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    sys.stdout.write(visible_json(text) + "\n")


def json_line(event: Event) -> str:
    """One event as one line of JSON; hidden characters are JSON escapes."""
    return visible_json(msgspec.json.encode(event).decode())


def say(text: str) -> None:
    """One line for the person, on stderr. The caller has escaped foreign text."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def say_error(error: SixfoldError) -> None:
    """What, why and what next, a line each."""
    say(f"{paint('sixfold:', 'red', sys.stderr)} {one_line(error.what)}")
    if error.why:
        say(f"  why:  {one_line(error.why)}")
    if isinstance(error, ReplayDrift):
        say_difference(error.difference)
    if error.next:
        say(f"  next: {one_line(error.next)}")


def say_difference(difference: str) -> None:
    """A diff on stderr, indented and escaped."""
    for line in visible(difference).splitlines():
        say(f"    {paint(line, {'+': 'green', '-': 'red'}.get(line[:1], 'dim'), sys.stderr)}")


def table(rows: Iterable[Sequence[str]], *, head: Sequence[str] = ()) -> list[str]:
    """Rows as aligned lines, two spaces between columns. Cells are escaped here."""
    cells = [[one_line(cell) for cell in row] for row in ([head] if head else [])] + [
        [one_line(cell) for cell in row] for row in rows
    ]
    if not cells:
        return []
    widths = [max(len(row[i]) for row in cells if i < len(row)) for i in range(max(len(row) for row in cells))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in cells]
    if head:
        lines[0] = paint(lines[0], "dim")
    return lines


def put_diff(text: str) -> None:
    """A unified diff on stdout: escaped and coloured on a terminal, byte for byte into a pipe or file."""
    if not sys.stdout.isatty():
        sys.stdout.write(text)
        return
    for line in visible(text).splitlines():
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
        if line.startswith(("diff ", "+++", "---", "index ")):
            colour = "bold"
        put(paint(line, colour) if colour else line)


def editor() -> str:
    """The person's editor, as a command line."""
    return os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
