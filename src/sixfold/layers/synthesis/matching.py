"""Finding the one place a search text means, and what to put there: exactly, or loosely where only one reading exists.

Loose means: trailing blanks, blank lines around or added inside, one indentation shift for all lines, look-alike quotes
and dashes. In each case lines the author did not change keep the file's own bytes, and a line the author did change
must carry over exactly; otherwise there is no match.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sixfold.layers.synthesis.source_text import SourceText

CONTEXT_LINES = 4
"""Lines shown around the nearest place of a refused edit."""
_MOST_SHOWN_LINES = 40
_MOST_SHOWN_CHARS = 3000

_LOOKALIKES = str.maketrans("‘’‚‛“”„‟‐‑‒–—−\u00a0\u2007\u202f", "''''\"\"\"\"------   ")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an edit goes: `lines[start:end]` become `lines`."""

    start: int
    end: int
    lines: tuple[str, ...]
    kept: tuple[int | None, ...]
    """For each new line, the index of the file's line it repeats (its line end is kept), or None."""
    loose: str = ""
    """How the match was not exact; empty when it was."""


@dataclass(frozen=True, kw_only=True)
class NoPlace:
    """Why there is not exactly one place."""

    reason: str
    current: str


def locate(source: SourceText, search: str, content: str) -> Place | NoPlace:
    """The place of whole lines.

    Args:
        source: the file.
        search: whole lines, each ended by a line feed.
        content: the lines to put there instead, in the same form (may be empty).
    """
    wanted, new = _lines(search), _lines(content)
    wanted, new = _without_common_blanks(source.lines, wanted, new)
    exact = _positions(source.lines, wanted, lambda here, there: here == there)
    if len(exact) == 1:
        return _place(source, exact[0], wanted, new)
    if len(exact) > 1:
        return _several(source, exact, len(wanted))
    for loose, alike in (("trailing blanks", _same_but_trailing), ("look-alike characters", _same_but_lookalikes)):
        found = _positions(source.lines, wanted, alike)
        if len(found) == 1:
            return _loosely(source, found[0], wanted, new, loose)
        if len(found) > 1:
            return _several(source, found, len(wanted))
    filled = _without_inner_blanks(wanted, new)
    found = _positions(source.lines, filled, lambda here, there: here == there)
    if len(found) == 1:
        return _place(source, found[0], filled, new, "blank lines inside")
    if len(found) > 1:
        return _several(source, found, len(filled))
    return _shifted(source, wanted, new)


def nearest(lines: Sequence[str], wanted: Sequence[str]) -> str:
    """The file's present text around the place most like the wanted lines."""
    votes: Counter[int] = Counter()
    where: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        where.setdefault(line.strip(), []).append(number)
    for number, line in enumerate(wanted):
        if line.strip():
            for at in where.get(line.strip(), ())[:50]:
                votes[at - number] += 1
    if votes:
        start = max(0, max(votes.items(), key=lambda item: (item[1], -item[0]))[0])
    else:
        filled = next((line.strip() for line in wanted if line.strip()), "")
        close = difflib.get_close_matches(filled, [line.strip() for line in lines[:5000]], n=1, cutoff=0.4)
        start = next((number for number, line in enumerate(lines) if close and line.strip() == close[0]), 0)
    return excerpt(lines, start, start + len(wanted))


def excerpt(lines: Sequence[str], start: int, end: int) -> str:
    """Lines `start` to `end` with some around them, bounded in size."""
    first = max(0, start - CONTEXT_LINES)
    last = min(len(lines), end + CONTEXT_LINES, first + _MOST_SHOWN_LINES)
    return "\n".join(lines[first:last])[:_MOST_SHOWN_CHARS]


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []


def _positions(lines: Sequence[str], wanted: Sequence[str], alike: Callable[[str, str], bool]) -> list[int]:
    if not wanted:
        return []
    return [
        start
        for start in range(len(lines) - len(wanted) + 1)
        if all(alike(lines[start + number], line) for number, line in enumerate(wanted))
    ]


def _same_but_trailing(here: str, there: str) -> bool:
    return here.rstrip() == there.rstrip()


def _same_but_lookalikes(here: str, there: str) -> bool:
    return _plain(here) == _plain(there)


def _plain(line: str) -> str:
    return unicodedata.normalize("NFC", line.translate(_LOOKALIKES)).rstrip()


def _without_common_blanks(lines: Sequence[str], wanted: list[str], new: list[str]) -> tuple[list[str], list[str]]:
    """Drop blank first and last lines that both sides have, when the file lacks them there."""
    if _positions(lines, wanted, _same_but_trailing):
        return wanted, new
    while len(wanted) > 1 and new and not wanted[0].strip() and not new[0].strip():
        wanted, new = wanted[1:], new[1:]
    while len(wanted) > 1 and new and not wanted[-1].strip() and not new[-1].strip():
        wanted, new = wanted[:-1], new[:-1]
    return wanted, new


def _without_inner_blanks(wanted: Sequence[str], new: Sequence[str]) -> list[str]:
    """The wanted lines without blank ones, when only the search has them: what to put there leaves nothing open then.

    Empty when there is nothing to drop, or the new lines have blank ones too: which of these are meant nobody can say.
    """
    filled = [line for line in wanted if line.strip()]
    meant = len(filled) > 1 and bool(new) and all(line.strip() for line in new)
    return filled if meant and len(filled) < len(wanted) else []


def _several(source: SourceText, positions: Sequence[int], length: int) -> NoPlace:
    shown = ", ".join(str(position + 1) for position in positions[:8])
    return NoPlace(
        reason=f"the search text stands {len(positions)} times (lines {shown}); add lines around it until it is unique",
        current="\n⋮\n".join(excerpt(source.lines, at, at + length) for at in positions[:3])[:_MOST_SHOWN_CHARS],
    )


def _missing(source: SourceText, wanted: Sequence[str], why: str = "") -> NoPlace:
    told = why or "copy the lines exactly as they stand in the file now"
    return NoPlace(reason=f"the search text does not stand in the file; {told}", current=nearest(source.lines, wanted))


def _unchanged(wanted: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """For each new line the author did not change, the number of the search line it repeats."""
    matcher = difflib.SequenceMatcher(None, wanted, new, autojunk=False)
    return {
        block.b + offset: block.a + offset for block in matcher.get_matching_blocks() for offset in range(block.size)
    }


def _place(source: SourceText, start: int, wanted: Sequence[str], new: Sequence[str], loose: str = "") -> Place:
    """The place, with unchanged lines taken from the file rather than from the author."""
    same = _unchanged(wanted, new)
    lines = tuple(source.lines[start + same[number]] if number in same else line for number, line in enumerate(new))
    kept = tuple(start + same[number] if number in same else None for number in range(len(new)))
    return Place(start=start, end=start + len(wanted), lines=lines, kept=kept, loose=loose)


def _loosely(source: SourceText, start: int, wanted: Sequence[str], new: Sequence[str], loose: str) -> Place | NoPlace:
    same = set(_unchanged(wanted, new).values())
    for number, line in enumerate(wanted):
        here = source.lines[start + number]
        if number not in same and here.rstrip() != line.rstrip():
            # Deleting or rewriting such a line is clear only if the author saw what stands there.
            return _missing(source, wanted, f"line {start + number + 1} has other quotes, dashes or accents")
    return _place(source, start, wanted, new, loose)


def _shifted(source: SourceText, wanted: Sequence[str], new: Sequence[str]) -> Place | NoPlace:
    """One indentation shift for all lines: the author wrote the block too far left or too far right."""
    found = _positions(source.lines, wanted, lambda here, there: here.strip() == there.strip())
    if not any(line.strip() for line in wanted) or not found:
        hint = "`...` is not a wildcard: copy every line" if any(_is_elision(line) for line in wanted) else ""
        return _missing(source, wanted, hint)
    if len(found) > 1:
        return _several(source, found, len(wanted))
    start = found[0]
    pairs = [
        (_indent(source.lines[start + number]), _indent(line)) for number, line in enumerate(wanted) if line.strip()
    ]
    for reindent in (_one_shift(pairs), _tabs_for_blanks(pairs), _first_line_only(pairs)):
        if reindent is None:
            continue
        moved = [reindent(number, line) if line.strip() else "" for number, line in enumerate(new)]
        aligned = [reindent(number, line) if line.strip() else "" for number, line in enumerate(wanted)]
        if None not in moved:
            kept = [line for line in moved if line is not None]
            return _place(source, start, [line or "" for line in aligned], kept, "indentation")
    return _missing(source, wanted, "its indentation differs and cannot be carried over; copy it exactly")


Reindent = Callable[[int, str], str | None]
"""Line number and line to the line as the file indents it; None when that is not clear."""


def _one_shift(pairs: Sequence[tuple[str, str]]) -> Reindent | None:
    shift = _shift(pairs)
    if shift is None:
        return None
    added, dropped = shift
    return lambda _number, line: added + line[len(dropped) :] if line.startswith(dropped) else None


def _tabs_for_blanks(pairs: Sequence[tuple[str, str]]) -> Reindent | None:
    """The file indents with tabs and the author with blanks, or the other way round, in one fixed ratio."""
    for here, there in (("\t", " "), (" ", "\t")):
        for width in (2, 4, 8):
            ours, theirs = (here, there * width) if here == "\t" else (here * width, there)
            depths = [len(mine) // len(ours) for mine, _ in pairs]
            fits = all(pair == (ours * depth, theirs * depth) for pair, depth in zip(pairs, depths, strict=True))
            if fits and any(depths):
                return partial(_converted, ours, theirs)
    return None


def _converted(ours: str, theirs: str, _number: int, line: str) -> str | None:
    indent = _indent(line)
    depth = len(indent) // len(theirs)
    return ours * depth + line[len(indent) :] if indent == theirs * depth else None


def _first_line_only(pairs: Sequence[tuple[str, str]]) -> Reindent | None:
    """The author cut the first line's indentation, as a quotation often does, and kept all others."""
    (ours, theirs), rest = pairs[0], pairs[1:]
    if not rest or any(mine != other for mine, other in rest) or not ours.endswith(theirs):
        return None
    least = min((mine for mine, _ in pairs), key=len)

    def reindent(number: int, line: str) -> str | None:
        if number == 0:
            return ours + line[len(theirs) :] if _indent(line) == theirs else None
        return line if line.startswith(least) else None

    return reindent


def _shift(pairs: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """(to add, to drop) so that every `theirs` indentation becomes `ours`; None when no single shift does."""
    ours, theirs = pairs[0]
    if ours.endswith(theirs):
        shift = (ours[: len(ours) - len(theirs)], "")
    elif theirs.endswith(ours):
        shift = ("", theirs[: len(theirs) - len(ours)])
    else:
        return None
    added, dropped = shift
    fits = all(there.startswith(dropped) and added + there[len(dropped) :] == here for here, there in pairs)
    return shift if fits else None


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _is_elision(line: str) -> bool:
    return line.strip().lstrip("#/*- ").startswith(("...", "…"))
