"""Values of a shape: the telling ones first, then drawn ones, mutations of known ones, and smaller ones."""

from __future__ import annotations

import ast
import math
import random
import string
from collections.abc import Iterator
from typing import Any

from sixfold.layers.testing.divergence.shapes import INT, NUMBERS, TEXT, Shape

Value = Any
"""A Python literal value: numbers, texts, None and containers of them."""

_LETTERS = string.ascii_letters + string.digits + " .,-_"


def telling(shape: Shape) -> tuple[Value, ...]:
    """Values at which readings part most often: empty, one, ties, order, signs, boundaries."""
    if shape.kind == "int":
        return (0, 1, 2, 7, 10, 100) + ((-1, -7) if shape.negative else ())
    if shape.kind == "float":
        return (0.0, 0.5, 1.0, 1.5, 2.5, 99.995) + ((-1.5, -0.5) if shape.negative else ())
    if shape.kind == "bool":
        return (True, False)
    if shape.kind == "str":
        seen = _characters(shape)
        plain = ("", "a", "ab", "aba", "Abc", "a b", " a ", "aA1", "hello world")
        return plain if not shape.choices else ("", seen[0], seen[:2], seen[-1] + seen[0], seen[0] * 2, "Ab c")
    if shape.kind == "bytes":
        return (b"", b"a", b"\x00\xff")
    if shape.kind == "none":
        return (None,)
    if shape.kind == "literal":
        return tuple(ast.literal_eval(choice) for choice in shape.choices)
    if shape.kind == "list":
        return _telling_lists(shape)
    if shape.kind == "set":
        return tuple(found for items in _telling_lists(shape) if (found := _as_set(items)) is not None)
    if shape.kind == "tuple":
        places = [telling(place) or (None,) for place in shape.items]
        return tuple(tuple(place[turn % len(place)] for place in places) for turn in range(3))
    if shape.kind == "dict":
        return _telling_maps(shape)
    if shape.kind == "union":
        return tuple(value for part in shape.items for value in telling(part)[:4])
    return (0, 1, -1, "", "a", (), [], [1, 2], None)


def draw(shape: Shape, rng: random.Random, depth: int = 0) -> Value:
    """A random value, small ones more often."""
    if shape.kind == "int":
        most = rng.choice((3, 10, 10, 50, 1000))
        return rng.randint(-most if shape.negative else 0, most)
    if shape.kind == "float":
        return round(rng.uniform(-20 if shape.negative else 0, 20), rng.choice((0, 1, 2, 3)))
    if shape.kind == "str":
        seen = _characters(shape)
        return "".join(rng.choice(seen) for _ in range(rng.choice((1, 2, 3, 5, 8, 12))))
    if shape.kind == "bytes":
        return bytes(rng.randrange(256) for _ in range(rng.randint(0, 6)))
    if shape.kind in ("list", "set"):
        items = [draw(shape.items[0] if shape.items else INT, rng, depth + 1) for _ in range(_length(rng, depth))]
        if items and rng.random() < 0.4:
            items.insert(rng.randrange(len(items) + 1), rng.choice(items))
        return items if shape.kind == "list" else _as_set(items) or set()
    if shape.kind == "tuple":
        return tuple(draw(place, rng, depth + 1) for place in shape.items)
    if shape.kind == "dict":
        key, value = (*shape.items, TEXT, INT)[:2]
        return {_key(draw(key, rng, depth + 1)): draw(value, rng, depth + 1) for _ in range(_length(rng, depth))}
    if shape.kind == "union":
        return draw(rng.choice(shape.items), rng, depth)
    if shape.kind == "any":
        return draw(rng.choice((INT, TEXT, NUMBERS)), rng, depth)
    return rng.choice(telling(shape))


def mutated(value: Value, rng: random.Random) -> Value:
    """A neighbour of a value, of the same type: the inputs nearest to what the person wrote."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return rng.choice((value + 1, value - 1 if value > 0 else value + 2, value * 2, value // 2, value + 10))
    if isinstance(value, float):
        return round(rng.choice((value + 0.5, value / 2, value * 2, value + 0.01)), 6)
    if isinstance(value, str):
        return _mutated_text(value, rng)
    if isinstance(value, bytes):
        return value + rng.choice((b"", b"a")) if value else b"a"
    if isinstance(value, list):
        return _mutated_list(value, rng)
    if isinstance(value, tuple):
        place = rng.randrange(len(value)) if value else 0
        return tuple(mutated(item, rng) if at == place else item for at, item in enumerate(value))
    if isinstance(value, set | frozenset):
        return _as_set(_mutated_list(sorted(value, key=repr), rng)) or set()
    if isinstance(value, dict) and value:
        key = rng.choice(sorted(value, key=repr))
        rest = {name: item for name, item in value.items() if name != key}
        return rest if rng.random() < 0.4 else {**value, key: mutated(value[key], rng)}
    return value


def smaller(value: Value) -> Iterator[Value]:
    """Simpler values of the same type, the boldest first."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int):
        yield from dict.fromkeys(item for item in (0, 1, value // 2, value - 1) if abs(item) < abs(value))
        if value < 0:
            yield -value
    elif isinstance(value, float):
        if value - value == 0:
            yield from (item for item in (0.0, 1.0, float(math.trunc(value))) if len(repr(item)) < len(repr(value)))
    elif isinstance(value, str | bytes | list):
        yield from _smaller_sequence(value)
        if isinstance(value, list):
            for place, item in enumerate(value[:8]):
                for less in list(smaller(item))[:3]:
                    yield [*value[:place], less, *value[place + 1 :]]
    elif isinstance(value, tuple):
        for place, item in enumerate(value):
            for less in list(smaller(item))[:3]:
                yield (*value[:place], less, *value[place + 1 :])
    elif isinstance(value, set | frozenset):
        for item in sorted(value, key=repr):
            yield type(value)(value - {item})
    elif isinstance(value, dict):
        for key in sorted(value, key=repr):
            yield {name: item for name, item in value.items() if name != key}
        for key in sorted(value, key=repr)[:8]:
            for less in list(smaller(value[key]))[:2]:
                yield {**value, key: less}


def written(value: Value) -> str:
    """A value as Python source, sets in a fixed order."""
    if isinstance(value, set | frozenset):
        inner = "{" + ", ".join(sorted(written(item) for item in value)) + "}" if value else "set()"
        return inner if isinstance(value, set) else f"frozenset({inner})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(key)}: {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(item) for item in value) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(written(item) for item in value) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, float) and value - value != 0:
        return f"float({str(value)!r})"
    return repr(value)


def _telling_lists(shape: Shape) -> tuple[list[Value], ...]:
    inner = shape.items[0] if shape.items else INT
    values = telling(inner)[1:] if inner.kind in ("int", "float", "str") else telling(inner)
    some = [*values, *values, *values][:3] if values else []
    if not some:
        return ([],)
    # Empty, one, a tie, falling and rising order, equal neighbours and equal strangers.
    return (
        [],
        some[:1],
        [some[0], some[0]],
        some,
        some[::-1],
        [some[1], some[0], some[1]],
        [*values][-3:],
        [some[0], some[1], some[1], some[2], some[0]],
    )


def _telling_maps(shape: Shape) -> tuple[dict[Value, Value], ...]:
    key, value = (*shape.items, TEXT, INT)[:2]
    keys = [_key(item) for item in telling(key)[1:4]] or ["a"]
    values = list(telling(value)[1:4]) or [1]
    last = values[-1]
    return (
        {},
        {keys[0]: values[0]},
        dict(zip(keys, values, strict=False)),
        {name: values[0] for name in keys},
        {name: last for name in reversed(keys)},
    )


def _smaller_sequence(value: Any) -> Iterator[Any]:
    if not len(value):
        return
    yield value[:0]
    if len(value) > 2:
        yield value[: len(value) // 2]
        yield value[len(value) // 2 :]
    for place in range(min(len(value), 12)):
        yield value[:place] + value[place + 1 :]


def _mutated_text(value: str, rng: random.Random) -> str:
    if not value:
        return rng.choice(("a", " ", "A"))
    place = rng.randrange(len(value))
    other = rng.choice(value)
    return rng.choice(
        (
            value[:place] + value[place + 1 :],
            value[:place] + other + value[place:],
            value[:place] + other + value[place + 1 :],
            value[:place] + value[place].swapcase() + value[place + 1 :],
            value[::-1],
            value + value[:1],
            value[: place + 1],
        )
    )


def _mutated_list(value: list[Value], rng: random.Random) -> list[Value]:
    if not value:
        return value
    place = rng.randrange(len(value))
    shuffled = list(value)
    rng.shuffle(shuffled)
    return rng.choice(
        (
            value[:place] + value[place + 1 :],
            [*value[:place], value[place], *value[place:]],
            [*value[:place], mutated(value[place], rng), *value[place + 1 :]],
            [*value[:place], mutated(value[place], rng), *value[place + 1 :]],
            value[::-1],
            shuffled,
            value[: place + 1],
        )
    )


def _characters(shape: Shape) -> str:
    return (shape.choices[0] if shape.choices else "") or _LETTERS


def _length(rng: random.Random, depth: int) -> int:
    return rng.choice((0, 1, 2, 3, 5, 8)) if depth == 0 else rng.choice((0, 1, 2, 3))


def _key(value: Value) -> Value:
    return tuple(value) if isinstance(value, list) else written(value) if isinstance(value, set | dict) else value


def _as_set(items: list[Value]) -> set[Value] | None:
    try:
        return set(items)
    except TypeError:
        return None
