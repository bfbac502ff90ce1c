"""What a pattern repeats: texts to be tried on it, made from its own syntax tree. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from re import _constants as constants  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any


def repeats(text: str, verbose: bool = False) -> Iterator[tuple[str, str]]:
    """What stands before each repetition of a pattern, and what is repeated, as short samples."""
    try:
        parsed = parser.parse(text, re.VERBOSE if verbose else 0)
    except (re.error, RecursionError, OverflowError):
        return
    yield from _within(list(parsed), "")


def _within(parts: Sequence[Any], begin: str) -> Iterator[tuple[str, str]]:
    for kind, told in parts:
        if kind in (constants.MAX_REPEAT, constants.MIN_REPEAT):
            _, most, inner = told
            if most > 8 and (unit := sample(inner)):
                yield begin, unit
            yield from _within(inner, begin)
        elif kind is constants.SUBPATTERN:
            yield from _within(told[-1], begin)
        elif kind is constants.BRANCH:
            for branch in told[1]:
                yield from _within(branch, begin)
        begin += sample([(kind, told)])


def sample(parts: Any) -> str:
    """A short text that the parts match."""
    found = ""
    for kind, told in parts:
        if kind is constants.LITERAL:
            found += chr(told)
        elif kind is constants.IN:
            found += _one_of(told)
        elif kind in (constants.ANY, constants.NOT_LITERAL):
            found += "a"
        elif kind in (constants.MAX_REPEAT, constants.MIN_REPEAT):
            found += sample(told[2]) * max(1 if told[1] else 0, min(told[0], 8)) if told[0] else ""
        elif kind is constants.SUBPATTERN:
            found += sample(told[-1])
        elif kind is constants.BRANCH:
            found += sample(told[1][0])
    return found


def _one_of(told: Any) -> str:
    if told and told[0][0] is constants.NEGATE:
        return "a"
    for kind, part in told:
        if kind is constants.LITERAL:
            return chr(part)
        if kind is constants.RANGE:
            return chr(part[0])
        if kind is constants.CATEGORY:
            spaced = "SPACE" in str(part) and "NOT" not in str(part)
            return "0" if "DIGIT" in str(part) else " " if spaced else "a"
    return "a"
