"""Acceptance of `names.initials`."""

import importlib
import os
import sys

import pytest

req, core = pytest.mark.req, pytest.mark.core


@pytest.fixture
def initials():
    sys.path.insert(0, os.environ["SUT_DIR"])
    return importlib.import_module("names").initials


@core
@req("R1")
def test_first_letters_in_capitals(initials):
    assert initials("Ada Lovelace") == "AL"
    assert initials("ada lovelace") == "AL"


@core
@req("R2")
def test_first_and_last_word_count(initials):
    assert initials("Johann Sebastian Bach") == "JB"


@req("R3")
def test_one_word_gives_two_letters(initials):
    assert initials("Plato") == "PL"
    assert initials("X") == "X"


@req("R4")
def test_particles_do_not_count(initials):
    assert initials("Ludwig van Beethoven") == "LB"
    assert initials("Leonardo di") == "LE"
    assert initials("Van Morrison") == "MO"
    assert initials("de la") == "DL"


@req("R5")
def test_a_double_name_is_one_word(initials):
    assert initials("Jean-Luc Picard") == "JP"
    assert initials("Anna Meyer-Landrut") == "AM"


@req("R6")
def test_accents_stay(initials):
    assert initials("Élodie Ångström") == "ÉÅ"
    assert initials("élodie ångström") == "ÉÅ"


@req("R7")
@pytest.mark.parametrize("name", ["", "   ", "123", "?!"])
def test_no_name_is_a_question_mark(initials, name):
    assert initials(name) == "?"


@req("R8")
def test_titles_do_not_count(initials):
    assert initials("Dr. Ada Lovelace") == "AL"
    assert initials("Prof. Dr. Plato") == "PL"
