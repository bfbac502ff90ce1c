"""Acceptance of `cards.is_valid`."""

import importlib
import os
import sys

import pytest

req, core = pytest.mark.req, pytest.mark.core


@pytest.fixture
def is_valid():
    sys.path.insert(0, os.environ["SUT_DIR"])
    return importlib.import_module("cards").is_valid


@core
@req("R1")
@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        ("4539319503436467", True),
        ("8273123273520569", False),
        ("59", True),
        ("00", True),
        ("91", True),
        ("05", False),
        ("19", False),
    ],
)
def test_the_sum_decides(is_valid, number, wanted):
    assert is_valid(number) is wanted


@req("R2")
def test_spaces_and_hyphens_between_digits_do_not_matter(is_valid):
    assert is_valid("4539 3195-0343 6467") is True


@req("R3")
@pytest.mark.parametrize("number", ["", "0", "4539a", "٤٥", " "])
def test_anything_else_is_false(is_valid, number):
    assert is_valid(number) is False
