"""Acceptance of `bounds.clamp`."""

import importlib
import os
import sys

import pytest

req, core = pytest.mark.req, pytest.mark.core


@pytest.fixture
def clamp():
    sys.path.insert(0, os.environ["SUT_DIR"])
    return importlib.import_module("bounds").clamp


@core
@req("R1")
@pytest.mark.parametrize(
    ("value", "wanted"), [(12, 10), (-1, 0), (3.5, 3.5), (0.5, 0.5), (9.5, 9.5), (0, 0), (10, 10), (float("inf"), 10)]
)
def test_values_are_held_within_bounds(clamp, value, wanted):
    assert clamp(value, 0, 10) == wanted


@req("R2")
def test_bounds_the_wrong_way_round_are_refused(clamp):
    with pytest.raises(ValueError):
        clamp(1, 2, 0)
    assert clamp(1, 2, 2) == 2


@req("R3")
@pytest.mark.parametrize("place", [0, 1, 2])
def test_nan_is_refused(clamp, place):
    values = [1.0, 0.0, 2.0]
    values[place] = float("nan")
    with pytest.raises(ValueError):
        clamp(*values)
