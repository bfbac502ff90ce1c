"""Acceptance of `bills.share`."""

import importlib
import os
import sys

import pytest

req, core = pytest.mark.req, pytest.mark.core


@pytest.fixture
def share():
    sys.path.insert(0, os.environ["SUT_DIR"])
    return importlib.import_module("bills").share


@core
@req("R1")
def test_it_adds_up(share):
    assert share(900, ["ann", "bob", "cyd"]) == {"ann": 300, "bob": 300, "cyd": 300}
    paid = share(1000, ["ann", "bob", "cyd"])
    assert sum(paid.values()) == 1000
    assert max(paid.values()) - min(paid.values()) == 1


@core
@req("R2")
def test_the_first_pay_what_is_left_over(share):
    assert share(1001, ["cyd", "ann", "bob"]) == {"cyd": 334, "ann": 334, "bob": 333}
    assert share(2, ["a", "b", "c"]) == {"a": 1, "b": 1, "c": 0}


@core
@req("R3")
def test_a_name_twice_pays_two_shares(share):
    assert share(900, ["ann", "bob", "ann"]) == {"ann": 600, "bob": 300}
    assert share(901, ["bob", "ann", "ann"]) == {"bob": 301, "ann": 600}


@req("R4")
def test_the_order_is_that_of_the_list(share):
    assert list(share(10, ["zoe", "ann", "zoe", "bob"])) == ["zoe", "ann", "bob"]


@req("R5")
def test_zero_and_refunds_are_shared_too(share):
    assert share(0, ["ann", "bob"]) == {"ann": 0, "bob": 0}
    assert share(-1000, ["ann", "bob", "cyd"]) == {"ann": -334, "bob": -333, "cyd": -333}


@req("R6")
def test_nobody_cannot_pay(share):
    with pytest.raises(ValueError):
        share(10, [])


@req("R7")
@pytest.mark.parametrize("name", ["", "  "])
def test_a_blank_name_cannot_pay(share, name):
    with pytest.raises(ValueError):
        share(10, ["ann", name])
