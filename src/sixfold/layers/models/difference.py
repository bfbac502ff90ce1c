"""A diff of two prompts that a person can read although prompts hold lines of thousands of characters."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from itertools import groupby, zip_longest

_WIDTH = 140
_BEFORE = 40
"""Characters shown before the first that differs."""
_MOST_LINES = 60


def readable(recorded: Sequence[str], asked: Sequence[str], names: tuple[str, str]) -> str:
    """A unified diff, long lines cut to the place where they part; `names` of both sides head it."""
    lines = list(difflib.unified_diff(recorded, asked, *names, n=2, lineterm=""))
    shown = [*lines[:2], *_cut(lines[2:])]
    if len(shown) > _MOST_LINES:
        shown = [*shown[:_MOST_LINES], f"… {len(shown) - _MOST_LINES} more lines differ"]
    return "\n".join(shown)


def _cut(lines: Sequence[str]) -> Iterator[str]:
    """A removed line is compared with the added one in the same place of its block."""
    blocks = [(mark, list(block)) for mark, block in groupby(lines, key=lambda line: line[:1])]
    for place, (mark, block) in enumerate(blocks):
        other = "+" if mark == "-" else "-"
        beside = place + 1 if mark == "-" else place - 1
        facing: list[str] = blocks[beside][1] if 0 <= beside < len(blocks) and blocks[beside][0] == other else []
        if mark in "+-":
            pairs = zip_longest(block, facing[: len(block)], fillvalue="")
            yield from (mark + _around(line[1:], with_[1:]) for line, with_ in pairs)
        else:
            yield from (line[:_WIDTH] + ("…" if len(line) > _WIDTH else "") for line in block)


def _around(line: str, facing: str) -> str:
    if len(line) <= _WIDTH:
        return line
    parting = next((i for i, (one, other) in enumerate(zip(line, facing, strict=False)) if one != other), len(facing))
    start = parting - _BEFORE if parting >= 2 * _BEFORE else 0
    end = start + _WIDTH
    return ("…" if start else "") + line[start:end] + ("…" if end < len(line) else "")
