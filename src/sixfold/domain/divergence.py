"""What candidate programs did with the same inputs, and how values are compared.

Layer 5 makes these; layer 1 asks about them, layer 4 selects by them. Canonical values are plain JSON: `null`,
booleans, numbers and texts stand for themselves; everything else is a list whose first item is a tag:
`["list", items, kind]`, `["set", items]`, `["map", [[key, value], …]]`, `["int", digits]`, `["float", name]`,
`["decimal", digits]`, `["bytes", hex]`, `["object", type, value]`, `["printed", text]`, `["changed", arguments]`,
`["cut", why]`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from sixfold.domain.data import Data, Json
from sixfold.domain.requirements import Step

_RELATIVE, _ABSOLUTE = 1e-6, 1e-9
_MOST_DEPTH = 60


class Candidate(Data, frozen=True, kw_only=True):
    """One program that may be what was meant."""

    name: str
    source: str
    mass: float = 1.0
    """How many samples said the same; any positive number, only the share counts."""


class Outcome(Data, frozen=True, kw_only=True):
    """What one step gave."""

    kind: Literal["returned", "raised", "exited", "answered", "stopped"]
    """`exited`: a command; `answered`: an HTTP handler; `stopped`: ended by a limit or unreadable."""
    value: Json = None
    """Canonical. `raised`: name of the exception class; `exited`: [exit code, standard output]; `answered`:
    [status, body]; `stopped`: which limit."""
    note: str = ""
    """An exception's message; shown, never compared."""
    accident: bool = False
    """An exception that no `raise` of the candidate's own caused: nobody decided it."""


class Part(Data, frozen=True, kw_only=True):
    """Candidates that did the same with one input."""

    candidates: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    """One a step, of the first of them."""
    mass: float
    """Share of all candidates, 0 to 1."""

    @property
    def crashed(self) -> bool:
        """Whether it ended by accident rather than by a decision of its author."""
        return any(crashed(outcome) for outcome in self.outcomes)


class Split(Data, frozen=True, kw_only=True):
    """One input and the parties it makes, heaviest first."""

    steps: tuple[Step, ...]
    parts: tuple[Part, ...]
    entropy_bits: float = 0.0
    """How evenly it splits; accidents count as one party."""


class Reading(Data, frozen=True, kw_only=True):
    """Candidates that did the same with every input: one meaning of the request."""

    candidates: tuple[str, ...]
    mass: float
    broken: bool = False
    """A light one that crashes where most do not: a bad sample, not a meaning."""


class Divergence(Data, frozen=True, kw_only=True):
    """Where candidate programs part."""

    readings: tuple[Reading, ...] = ()
    """Heaviest first."""
    splits: tuple[Split, ...] = ()
    """Inputs on which unbroken candidates differ, the one worth asking about first."""
    inputs: int = 0
    """How many were tried."""

    @property
    def agreed(self) -> bool:
        """Whether no input parts the unbroken candidates."""
        return not self.splits


def crashed(outcome: Outcome) -> bool:
    """Whether this is the accident of a program rather than an answer."""
    return outcome.kind == "stopped" or (outcome.kind == "raised" and outcome.accident)


def agree(one: Sequence[Outcome], other: Sequence[Outcome]) -> bool:
    """Whether two programs did the same, step by step. Exceptions agree by type, numbers within 1e-6 of their size."""
    return len(one) == len(other) and all(
        left.kind == right.kind and (left.kind == "stopped" or same(left.value, right.value))
        for left, right in zip(one, other, strict=True)
    )


def same(one: Json, other: Json, depth: int = 0) -> bool:
    """Whether two canonical values are equal: list or tuple alike, sets and maps in any order, NaN equal to itself.

    Values come out of untrusted programs: a malformed one is only equal to itself, none costs unbounded time.
    """
    left, right = _number(one), _number(other)
    if left is not None and right is not None:
        return _close(left, right)
    if not (isinstance(one, list) and isinstance(other, list)):
        return type(one) is type(other) and bool(one == other)
    if depth > _MOST_DEPTH or len(one) < 2 or len(other) < 2 or one[0] != other[0]:
        return depth <= _MOST_DEPTH and one == other
    if one[0] in ("list", "changed") and isinstance(one[1], list) and isinstance(other[1], list):
        return _same_items(one[1], other[1], depth)
    if one[0] in ("set", "map") and isinstance(one[1], list) and isinstance(other[1], list):
        return _same_in_any_order(one[1], other[1], depth, pairs=one[0] == "map")
    if one[0] == "object" and len(one) == len(other) == 3:
        return bool(one[1] == other[1]) and same(one[2], other[2], depth + 1)
    return bool(one == other)


def _same_items(one: Sequence[Json], other: Sequence[Json], depth: int) -> bool:
    return len(one) == len(other) and all(same(left, right, depth + 1) for left, right in zip(one, other, strict=True))


def _same_in_any_order(one: Sequence[Json], other: Sequence[Json], depth: int, *, pairs: bool) -> bool:
    """Both come sorted by their text, so the pairwise look nearly always settles it; rounding may swap neighbours."""
    if len(one) != len(other):
        return False
    compare = _same_items if pairs else same
    left_over = list(other)
    for item in one:
        if pairs and not isinstance(item, list):
            return bool(one == other)
        for place, candidate in enumerate(left_over[:8]):
            if (not pairs or isinstance(candidate, list)) and compare(item, candidate, depth + 1):
                del left_over[place]
                break
        else:
            return False
    return True


def _number(value: Json) -> float | int | None:
    if isinstance(value, int | float):
        return value
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], str) and len(value[1]) <= 10_000:
        try:
            if value[0] == "int":
                return int(value[1]) if len(value[1]) <= 4_000 else None
            if value[0] in ("float", "decimal"):
                return float(value[1])
        except ValueError:
            return None
    return None


def _close(one: float | int, other: float | int) -> bool:
    if isinstance(one, int) and isinstance(other, int):
        return one == other
    try:
        left, right = float(one), float(other)
    except OverflowError:
        return False
    return (math.isnan(left) and math.isnan(right)) or math.isclose(left, right, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)


def show(outcomes: Sequence[Outcome], most_chars: int = 200) -> str:
    """What a program did, for a person: the last step, cut to a length, on one line."""
    if not outcomes:
        return "nothing"
    text = _show_outcome(outcomes[-1])
    return text if len(text) <= most_chars else text[: most_chars - 1] + "…"


def _show_outcome(outcome: Outcome) -> str:
    value = outcome.value
    if outcome.kind == "raised":
        return f"raises {value}"
    if outcome.kind == "stopped":
        return "never ends" if value in ("wall", "cpu") else "crashes"
    if outcome.kind == "exited" and isinstance(value, list) and len(value) == 2:
        printed = f"prints {value[1]!r}" if value[1] else "prints nothing"
        return printed if value[0] == 0 else f"{printed}, exit code {value[0]}"
    if outcome.kind == "answered" and isinstance(value, list) and len(value) == 2:
        return f"{value[0]} {show_value(value[1])}"
    return show_value(value)


def show_value(value: Json, depth: int = 0) -> str:
    """A canonical value written as Python would write it, as far as that is possible."""
    if depth > _MOST_DEPTH:
        return "…"
    if not isinstance(value, list) or len(value) < 2:
        return repr(value)
    tag, body = value[0], value[1]
    if tag in ("list", "set", "changed") and isinstance(body, list):
        items = ", ".join(show_value(item, depth + 1) for item in body)
        if tag == "set":
            return "{" + items + "}" if items else "set()"
        if tag == "changed":
            return f"arguments changed to ({items})"
        return f"({items}{',' if len(body) == 1 else ''})" if value[2:] == ["tuple"] else f"[{items}]"
    if tag == "map" and isinstance(body, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in body):
        return "{" + ", ".join(f"{show_value(k, depth + 1)}: {show_value(v, depth + 1)}" for k, v in body) + "}"
    if tag == "bytes":
        try:
            return repr(bytes.fromhex(str(body)))
        except ValueError:
            return repr(body)
    if tag == "printed":
        return f"prints {body!r}"
    if tag == "object":
        return f"{body} {show_value(value[2], depth + 1)}" if len(value) == 3 and value[2] is not None else str(body)
    return str(body)
