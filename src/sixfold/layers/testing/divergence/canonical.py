"""The one plain form of any Python value. Runs inside the sandbox beside untrusted code, and outside on literals.

Standard library only: its source is sent into the sandbox as it is. The forms are listed in `domain/divergence.py`.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
from typing import Any

MOST_ITEMS = 1000
MOST_NODES = 4000
MOST_DEPTH = 20
MOST_CHARS = 2000


class Canon:
    """Turns one value into plain JSON; counts what it has written, so that no value grows without end."""

    def __init__(self) -> None:
        self.nodes = 0
        self.above: list[int] = []

    def form(self, value: Any) -> Any:
        """The canonical form."""
        self.nodes += 1
        if self.nodes > MOST_NODES or len(self.above) > MOST_DEPTH:
            return ["cut", "too large"]
        if value is None or value is True or value is False:
            return value
        plain = self.plain(value)
        if plain is not None:
            return plain[0]
        if id(value) in self.above:
            return ["cut", "cycle"]
        self.above.append(id(value))
        try:
            return self.compound(value)
        finally:
            self.above.pop()

    def plain(self, value: Any) -> tuple[Any] | None:
        """Values without parts, wrapped in a tuple; None for the others."""
        kind = type(value).__name__
        if getattr(type(value), "__members__", None) is not None:
            return (["object", kind, getattr(value, "name", None)],)
        if isinstance(value, int):
            value = int(value)
            return (value if abs(value) < 2**53 else ["int", digits(value)],)
        if isinstance(value, float):
            value = float(value)
            return (value if value - value == 0 else ["float", repr(value)],)
        if isinstance(value, str):
            return (text(str(value)),)
        if isinstance(value, bytes | bytearray | memoryview):
            return (["bytes", bytes(value[:MOST_CHARS]).hex()],)
        if kind in ("Decimal", "Fraction"):
            with contextlib.suppress(Exception):  # an untrusted class may only bear the name
                return (["decimal", repr(float(value)) if kind == "Fraction" else str(value)],)
        if kind in ("date", "time", "datetime", "timedelta", "UUID", "PosixPath", "PurePosixPath", "complex"):
            return (["object", kind, text(str(value))],)
        if isinstance(value, type) or kind in ("function", "builtin_function_or_method", "method", "module"):
            return (["object", kind, str(getattr(value, "__name__", ""))],)
        return None

    def compound(self, value: Any) -> Any:
        """Containers, iterators, objects."""
        if isinstance(value, tuple | list):
            return ["list", self.items(value), "tuple" if isinstance(value, tuple) else "list"]
        if isinstance(value, set | frozenset):
            return ["set", sorted(self.items(value), key=order)]
        if isinstance(value, dict):
            pairs = [[self.form(key), self.form(item)] for key, item in itertools.islice(value.items(), MOST_ITEMS)]
            return ["map", sorted(pairs, key=order)]
        if isinstance(value, BaseException):
            return ["object", type(value).__name__, self.form(list(value.args))]
        if hasattr(type(value), "__iter__"):
            return ["list", self.items(value), type(value).__name__]
        fields = dict(getattr(value, "__dict__", None) or {})
        for name in getattr(type(value), "__slots__", ()):
            with contextlib.suppress(AttributeError):
                fields[name] = getattr(value, name)
        shown = {name: item for name, item in fields.items() if not name.startswith("_")}
        return ["object", type(value).__name__, self.form(shown) if shown else None]

    def items(self, values: Any) -> list[Any]:
        """The canonical items of anything that can be gone through, as many as are allowed."""
        found = [self.form(item) for item in itertools.islice(iter(values), MOST_ITEMS + 1)]
        return [*found[:MOST_ITEMS], ["cut", "more"]] if len(found) > MOST_ITEMS else found


def canonical(value: Any) -> Any:
    """The plain form of a value; equal meanings compare equal with `domain.divergence.same`."""
    return Canon().form(value)


def digits(value: int) -> str:
    """Decimal digits, or hexadecimal ones where Python refuses to write that many."""
    try:
        return str(value)
    except ValueError:
        return hashlib.sha256(hex(value).encode()).hexdigest()


def text(value: str) -> Any:
    """A text, or its digest when it is long; lone surrogates are written out."""
    value = value.encode("utf-8", "backslashreplace").decode()
    if len(value) <= MOST_CHARS:
        return value
    return ["object", "text", value[:100] + " … " + hashlib.sha256(value.encode()).hexdigest()]


def order(form: Any) -> str:
    """A sort key for canonical values of mixed types."""
    return json.dumps(form, sort_keys=True)
