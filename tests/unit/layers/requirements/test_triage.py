"""Small concrete requests go direct, everything else is drafted first; no model is asked to tell them apart."""

from __future__ import annotations

import pytest

from sixfold.layers.requirements.lint import contradictions, lint
from sixfold.layers.requirements.triage import route

REPOSITORY = "src/store.py (120 lines)"


@pytest.mark.parametrize(
    "text",
    [
        "create fizz.py with fizz(n) and a test",
        "Write a python function to find the shared elements of two lists.",
        "Write a function that takes as input two lists and returns their sums.",
        "def add(a: int, b: int) -> int:\n    '''Sum of a and b.'''\n",
        "Write a script csv2json.py that turns CSV into JSON",
    ],
)
def test_one_function_or_file_goes_direct(text: str) -> None:
    assert route(text, "auto", False, "").route == "direct"


@pytest.mark.parametrize(
    "text",
    [
        "In src/api/server.py change the default port to 8080",
        "rename `load` to `read` in store.py",
        "add a --verbose flag to the cli",
        "Change the greeting from Hello to Hi",
    ],
)
def test_small_edit_of_a_repository_goes_direct(text: str) -> None:
    assert route(text, "auto", False, REPOSITORY).route == "direct"


@pytest.mark.parametrize(
    "text",
    [
        "a bookmark service",
        "build me a todo app",
        "I need something to track my expenses",
        "make it faster",
        "Fix the bug",
        "Create a CLI tool in Python that resizes images",
        "Add user accounts and login",
        "",
    ],
)
@pytest.mark.parametrize("repository", ["", REPOSITORY])
def test_systems_and_vague_wishes_are_clarified(text: str, repository: str) -> None:
    assert route(text, "auto", False, repository).route == "clarify"


def test_attachment_is_always_read_into_the_specification() -> None:
    assert route("create fizz.py with fizz(n)", "auto", True, "").route == "clarify"


def test_always_clarifies_what_would_go_direct() -> None:
    assert route("create fizz.py with fizz(n)", "always", False, "").route == "clarify"


def test_never_still_drafts_a_large_request() -> None:
    assert route("a bookmark service", "never", False, "").route == "clarify"


def test_contradiction_is_clarified_whatever_the_size() -> None:
    found = route("Write a function to sort in ascending order. The output is in descending order.", "auto", False, "")
    assert found.route == "clarify"
    assert "ascending" in found.signals[0]


@pytest.mark.parametrize(
    "text",
    [
        "Sort ascending or descending, by a flag.",
        "Sort by name ascending, then by date descending.",
        "Keys are case-insensitive while values are case-sensitive.",
    ],
)
def test_words_that_offer_a_choice_are_no_contradiction(text: str) -> None:
    assert contradictions(text) == ()


def codes(text: str) -> set[str]:
    return {signal.split(":")[0] for signal in lint(text)}


def test_example_in_any_usual_form_is_seen() -> None:
    for text in (">>> f(1)\n2", "f([1, 2]) == 3", "assert f(1) == 2", "For example, 3 gives 9", "f(2) should return 4"):
        assert "no-example" not in codes(text), text
    assert "no-example" in codes("Write a function to add two numbers.")


def test_parameters_without_type_or_mention_are_named() -> None:
    found = lint("def f(a, b: int):\n    '''Doubles a.'''\n")
    assert "untyped-parameter: a has no type" in found
    assert "unmentioned-parameter: the text never speaks of b" in found
    assert not any("speaks of a" in signal for signal in found)


def test_ties_and_units_are_missed_only_where_they_matter() -> None:
    assert {"ties", "no-unit"} <= codes("Return the most frequent letter within the timeout.")
    assert not {"ties", "no-unit"} & codes("Return the most frequent letter, ties by alphabet, timeout in seconds.")


def test_hostile_text_costs_no_time_and_no_crash() -> None:
    route("def f(" + "(" * 20_000, "auto", False, "")
    route("a" * 100_000 + "." * 1_000, "auto", False, "")


def test_a_short_wish_about_what_a_repository_has_is_attempted_directly() -> None:
    overview = "src/tally/book.py\n  class Book: add, report\nsrc/tally/api.py"
    wish = "report should put the biggest total first instead of sorting by name"
    assert route(wish, "auto", False, overview).route == "direct"
    assert route("let the api answer 404 when there is no such category", "auto", False, overview).route == "direct"
    assert route(wish, "auto", False, "").route == "clarify"
    assert route("add user accounts with roles and a web dashboard", "auto", False, overview).route == "clarify"
