"""Acceptance of `ranking.rank`."""

import importlib
import os
import sys

import pytest


@pytest.fixture
def rank():
    sys.path.insert(0, os.environ["SUT_DIR"])
    return importlib.import_module("ranking").rank


def rows(table):
    return [tuple(row) for row in table]


@pytest.mark.core
@pytest.mark.req("R1")
def test_most_points_come_first(rank):
    assert rows(rank({"ann": 3, "bob": 9, "cyd": 5})) == [(1, "bob", 9), (2, "cyd", 5), (3, "ann", 3)]


@pytest.mark.req("R2")
def test_equal_points_share_a_place_and_skip_the_next(rank):
    assert [row[0] for row in rank({"a": 9, "b": 7, "c": 7, "d": 1})] == [1, 2, 2, 4]
    assert [row[0] for row in rank({"a": 7, "b": 7, "c": 7, "d": 1, "e": 1})] == [1, 1, 1, 4, 4]


@pytest.mark.req("R3")
def test_players_of_one_place_stand_alphabetically_without_regard_to_capitals(rank):
    assert [row[1] for row in rank({"bob": 5, "Cyd": 5, "Ann": 5, "dan": 5})] == ["Ann", "bob", "Cyd", "dan"]


@pytest.mark.req("R4")
def test_a_player_without_points_is_left_out(rank):
    assert rows(rank({"ann": None, "bob": 0})) == [(1, "bob", 0)]


@pytest.mark.req("R5")
def test_negative_points_are_ranked(rank):
    assert rows(rank({"ann": -2, "bob": -1, "cyd": 0})) == [(1, "cyd", 0), (2, "bob", -1), (3, "ann", -2)]


@pytest.mark.req("R6")
@pytest.mark.parametrize("points", ["7", float("nan"), [1]])
def test_points_that_are_no_number_are_refused(rank, points):
    with pytest.raises(ValueError):
        rank({"ann": points, "bob": 1})


@pytest.mark.req("R7")
def test_nobody_gives_an_empty_table(rank):
    assert rows(rank({})) == []
