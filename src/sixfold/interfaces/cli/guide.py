"""The order in which a change is read, riskiest first, and the piece of the diff that belongs to a place."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sixfold.domain.code import Increment
from sixfold.domain.data import Data

_HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")


class Place(Data, frozen=True, kw_only=True):
    """One thing to look at."""

    why: str
    """`security`, `dependency`, …; `new file`, `changed file` for what carries no risk."""
    path: str = ""
    line: int = 0
    text: str = ""


def places(increment: Increment) -> tuple[Place, ...]:
    """Every risk in the order the checks gave them (most serious first), then the files no risk points at.

    The files come in the order in which they build on each other where the increment was cut into parts.
    """
    found = [Place(why=risk.kind, path=risk.path, line=risk.line, text=risk.text) for risk in increment.risks]
    named = {place.path for place in found}
    order = {path: number for number, part in enumerate(increment.slices) for path in part.files}
    rest = [file for file in increment.files if file.path not in named]
    rest.sort(key=lambda file: (order.get(file.path, 0), file.path))
    for file in rest:
        why = {"added": "new file", "deleted": "deleted file"}.get(file.status, "changed file")
        found.append(Place(why=why, path=file.path, text=f"+{file.added} -{file.removed}"))
    return tuple(found)


def piece(diff: str, place: Place) -> str:
    """The part of a unified diff that shows a place: its hunk, or the whole file's when no line is known."""
    lines = _section(diff.splitlines(), place.path)
    if not place.line or not lines:
        return "\n".join(lines)
    first = next((number for number, line in enumerate(lines) if _HUNK.match(line)), len(lines))
    starts = [number for number, line in enumerate(lines) if _HUNK.match(line)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        found = _HUNK.match(lines[start])
        if found and int(found[1]) <= place.line < int(found[1]) + int(found[2] or 1):
            return "\n".join([*lines[:first], *lines[start:end]])
    return "\n".join(lines)


def _section(lines: Sequence[str], path: str) -> list[str]:
    """The lines of one file, its header included; all of them for a place without a path."""
    if not path:
        return list(lines)
    found: list[str] = []
    inside = False
    for line in lines:
        if line.startswith("diff --git "):
            inside = line.endswith((f" b/{path}", f' "b/{path}"')) or f" a/{path} " in line
        if inside:
            found.append(line)
    return found
