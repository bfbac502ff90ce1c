"""Acceptance of `prices.price_tag`."""

import importlib
import os
import sys

import pytest

req, core = pytest.mark.req, pytest.mark.core


@pytest.fixture
def price_tag():
    sys.path.insert(0, os.environ["SUT_DIR"])
    return importlib.import_module("prices").price_tag


def plain(text):
    return text.replace("\u00a0", " ")


@core
@req("R1")
def test_cents_follow_a_comma(price_tag):
    assert plain(price_tag(1999)) == "19,99 €"
    assert plain(price_tag(1905)) == "19,05 €"


@req("R2")
def test_thousands_have_a_point(price_tag):
    assert plain(price_tag(123450)) == "1.234,50 €"
    assert plain(price_tag(123456789)) == "1.234.567,89 €"


@core
@req("R3")
def test_whole_euros_have_a_dash(price_tag):
    assert plain(price_tag(500)) == "5,- €"
    assert plain(price_tag(100000)) == "1.000,- €"


@core
@req("R4")
def test_nothing_is_gratis(price_tag):
    assert price_tag(0) == "gratis"


@req("R5")
def test_below_one_euro_it_is_cents(price_tag):
    assert plain(price_tag(99)) == "99 Cent"
    assert plain(price_tag(1)) == "1 Cent"


@req("R6")
def test_negative_amounts_are_refused(price_tag):
    with pytest.raises(ValueError):
        price_tag(-1)


@req("R7")
@pytest.mark.parametrize("cents", [19.5, "199", None, True])
def test_what_is_no_whole_number_is_refused(price_tag, cents):
    with pytest.raises(ValueError):
        price_tag(cents)


@req("R8")
def test_the_space_does_not_break(price_tag):
    assert "\u00a0€" in price_tag(1999)
