"""Canonical values compare by meaning, and no value an untrusted program makes can break the comparison."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.domain.data import Json, from_json, to_json
from sixfold.domain.divergence import Outcome, agree, crashed, same, show, show_value
from sixfold.layers.testing.divergence.canonical import canonical

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=4)
        | st.sets(st.integers() | st.text(max_size=3), max_size=4)
    ),
    max_leaves=12,
)
JSON: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(
        inner | st.sampled_from(["list", "set", "map", "int", "float", "decimal", "bytes", "object", "changed"]),
        max_size=4,
    ),
    max_leaves=10,
)


@settings(deadline=None, max_examples=150)
@given(VALUES)
def test_every_value_equals_itself_after_travelling_as_json(value: Any) -> None:
    form = canonical(value)
    assert same(form, to_json(form))
    assert same(to_json(form), canonical(value))


@settings(deadline=None, max_examples=150)
@given(JSON, JSON)
def test_hostile_forms_are_compared_and_shown_without_an_error(one: Json, other: Json) -> None:
    assert same(one, other) == same(other, one)
    assert isinstance(show_value(one), str)
    for kind in ("returned", "raised", "exited", "answered", "stopped"):
        assert isinstance(show((Outcome(kind=kind, value=one),)), str)  # type: ignore[arg-type]


@dataclass
class Point:
    x: int
    y: int


class Colour(Enum):
    RED = 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.1 + 0.2, 0.3),
        (1, 1.0),
        (True, 1),
        (Fraction(1, 2), 0.5),
        (float("nan"), math.nan),
        ([1, 2], (1, 2)),
        ([1, 2], deque([1, 2])),
        ([0, 1], range(2)),
        ([1, 4], (n * n for n in (1, 2))),
        ({3, 1, 2}, {2, 3, 1}),
        ({0.1 + 0.2, 5.0}, {5.0, 0.3}),
        ({"a": 1, "b": [0.3]}, OrderedDict([("b", [0.1 + 0.2]), ("a", 1)])),
        ({"a": 2}, Counter("aa")),
        (Point(1, 2), Point(1, 2)),
        pytest.param(10**5000, 10**5000, id="more digits than Python writes"),
    ],
)
def test_two_ways_to_write_one_meaning_are_the_same(one: object, other: object) -> None:
    assert same(canonical(one), canonical(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (None, 0),
        (None, ""),
        (None, []),
        ({"a": None}, {}),
        ("1", 1),
        (b"a", "a"),
        ([1, 2], [2, 1]),
        ([1], {1}),
        ([], {}),
        (1.0, 1.001),
        (10**20, 10**20 + 1),
        (Colour.RED, 1),
        (Point(1, 2), Point(2, 1)),
        (math.inf, -math.inf),
    ],
)
def test_different_meanings_stay_different(one: object, other: object) -> None:
    assert not same(canonical(one), canonical(other))


def test_endless_and_circular_values_have_a_form_of_bounded_size() -> None:
    circle: list[object] = []
    circle.append(circle)
    deep: object = 0
    for _ in range(5000):
        deep = [deep]

    def endless() -> Any:
        while True:
            yield 1

    for value in (circle, deep, endless(), "x" * 10**6, [list(range(1000))] * 1000):
        assert len(str(canonical(value))) < 200_000


def test_exceptions_agree_by_type_whatever_they_say() -> None:
    one, other = (Outcome(kind="raised", value="ValueError", note=note) for note in ("a", "b"))
    assert agree((one,), (other,))
    assert not agree((one,), (Outcome(kind="raised", value="KeyError"),))
    assert not agree((one,), (Outcome(kind="returned", value="ValueError"),))
    assert not agree((one,), (one, one))


def test_an_accident_is_told_from_a_refusal() -> None:
    assert crashed(Outcome(kind="raised", value="IndexError", accident=True))
    assert crashed(Outcome(kind="stopped", value="wall"))
    assert not crashed(Outcome(kind="raised", value="ValueError"))
    assert not crashed(Outcome(kind="raised", value="InsufficientFunds"))


def test_outcomes_are_shown_as_a_person_would_write_them() -> None:
    def shown(kind: str, value: Json) -> str:
        return show((from_json({"kind": kind, "value": value}, Outcome),))

    assert shown("returned", canonical({"b": (1,), "a": {2, 1}})) == "{'a': {1, 2}, 'b': (1,)}"
    assert shown("raised", "ValueError") == "raises ValueError"
    assert shown("stopped", "wall") == "never ends"
    assert shown("exited", [2, ""]) == "prints nothing, exit code 2"
    assert shown("answered", [404, "no"]) == "404 'no'"
