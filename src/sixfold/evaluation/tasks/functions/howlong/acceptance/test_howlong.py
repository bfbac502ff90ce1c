"""Acceptance of `spans.how_long`."""

import importlib
import os
import sys

import pytest

req, core = pytest.mark.req, pytest.mark.core


@pytest.fixture
def how_long():
    sys.path.insert(0, os.environ["SUT_DIR"])
    return importlib.import_module("spans").how_long


@core
@req("R1")
def test_hours_and_minutes(how_long):
    assert how_long(3725) == "1 h 2 min"


@core
@req("R2")
def test_two_units_cut_off(how_long):
    assert how_long(59.9) == "59 s"
    assert how_long(119) == "1 min 59 s"
    assert how_long(7199) == "1 h 59 min"
    assert how_long(86400 + 3 * 3600 + 3599) == "1 d 3 h"


@req("R3")
def test_zero_units_are_left_out(how_long):
    assert how_long(7200) == "2 h"
    assert how_long(60) == "1 min"


@req("R4")
def test_the_second_unit_is_right_below_the_first(how_long):
    assert how_long(86400 + 300) == "1 d"
    assert how_long(3600 + 30) == "1 h"


@req("R5")
@pytest.mark.parametrize("seconds", [0, 0.4, 0.999])
def test_less_than_a_second(how_long, seconds):
    assert how_long(seconds) == "under 1 s"


@req("R6")
def test_days_are_the_largest_unit(how_long):
    assert how_long(40 * 86400) == "40 d"


@req("R7")
def test_negative_spans_have_a_minus(how_long):
    assert how_long(-90) == "-1 min 30 s"
