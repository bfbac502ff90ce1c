"""Examples are read as written, contradictions show two lines, and one question offers what readings really do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.domain.divergence import Divergence, Outcome, Part, Split
from sixfold.domain.requirements import Step
from sixfold.layers.requirements.blind import Fit, blind_check, consistency_question, next_move
from sixfold.layers.requirements.choice import as_steps, chosen, concrete_choice, worth_asking
from sixfold.layers.requirements.completeness import incomplete, missing_pieces, prose
from sixfold.layers.requirements.given import conflicting, given_examples

HEAD = "def f(xs):\n    '''Return the items of xs in ascending order.\n"


@pytest.mark.parametrize(
    ("line", "call", "value"),
    [
        (">>> f([2, 1])\n    [1, 2]", "f([2, 1])", "[1, 2]"),
        (">>> f([2, 1]) == [1, 2]", "f([2, 1])", "[1, 2]"),
        ("assert f([2, 1]) == [1, 2]", "f([2, 1])", "[1, 2]"),
        ("f([2, 1]) => [1, 2]", "f([2, 1])", "[1, 2]"),
        ("f([2, 1]) ==> [1, 2]  # rising", "f([2, 1])", "[1, 2]"),
        ("f([2, 1]) ➞ [1, 2]", "f([2, 1])", "[1, 2]"),
        ("* f([2, 1]) -> [1, 2] (rising)", "f([2, 1])", "[1, 2]"),
        ("f([2, 1]) should return [1, 2], as said.", "f([2, 1])", "[1, 2]"),
        ("f([2, 1]) # => 'Yes'", "f([2, 1])", "'Yes'"),
        ("f(']') gives True.", "f(']')", "True"),
        ("f(aab) => false", "f('aab')", "False"),
        ("For xs = [2, 1], the output should be [1, 2].", "f([2, 1])", "[1, 2]"),
        ("Input: xs = [2, 1]\n    Output: [1, 2]", "f([2, 1])", "[1, 2]"),
        (">>> g([2, 1]) == [1, 2]", "f([2, 1])", "[1, 2]"),
        ("f(2) == 6.00", "f(2)", "6.0"),
    ],
)
def test_examples_are_read_in_the_forms_people_write(line: str, call: str, value: str) -> None:
    (found,) = given_examples(f"{HEAD}    {line}\n    '''\n")
    assert (found.call, found.expected) == (call, value)


def test_expected_exception_is_an_example() -> None:
    (found,) = given_examples(HEAD + "    f(None) raises TypeError\n'''")
    assert (found.expected, found.raises) == ("", "TypeError")


@pytest.mark.parametrize(
    "line",
    [
        "f(xs) returns 3 items",
        "f(1) = 3\n    f(n) = f(n - 1) + 2",
        "f('a') => ('b')",
        "f([1]) => 1 - 0 = 1",
        "call f([1]) twice",
        "f([1, 2",
    ],
)
def test_what_is_not_certain_is_not_an_example(line: str) -> None:
    assert given_examples(f"{HEAD}    {line}\n    '''\n") == ()


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet="def f(xs):=>'\"[]{}1,.\n ➞Input Output#`", max_size=200))
def test_no_text_breaks_the_readers(text: str) -> None:
    given_examples(text)
    incomplete(text)
    prose(text)


def test_hostile_length_costs_no_time() -> None:
    for text in ("f(" * 50_000, "def f(x):\n" + "f((((" * 2000, "a, " * 100_000, ">>> f(" + ")" * 100_000):
        given_examples(text)
        incomplete(text)


def test_two_examples_that_disagree_are_found_without_running_anything() -> None:
    text = HEAD + "    f([2, 1]) == [1, 2]\n    f([2,1]) == [2, 1]\n'''"
    examples = given_examples(text)
    assert len(conflicting(examples)) == 1
    fit = blind_check(text, examples, [None, None], [split_of("f([2, 1])", [1.0])] * 2)
    assert fit.inconsistencies[0].example == "f([2, 1]) == [1, 2]"
    assert fit.inconsistencies[0].statement == "f([2,1]) == [2, 1]"


def numbers(*items: int) -> list[object]:
    return ["list", list(items), "list"]


def part(names: str, value: object, mass: float, kind: str = "returned") -> Part:
    outcome = Outcome(kind=kind, value=value, accident=value == "IndexError")  # type: ignore[arg-type]
    return Part(candidates=tuple(names), outcomes=(outcome,), mass=mass)


def split_of(call: str, masses: list[float], entropy: float = 1.0) -> Split:
    parts = tuple(part("abcde"[place], place, mass) for place, mass in enumerate(masses))
    return Split(steps=(Step(call=call),), parts=parts, entropy_bits=entropy)


REQUEST = HEAD + "    It never changes xs.\n\n    f([2, 1]) == [2, 1]\n'''"


def check(*parts: Part) -> Fit:
    expected = Outcome(kind="returned", value=numbers(2, 1))
    split = Split(steps=(Step(call="f([2, 1])"),), parts=parts)
    return blind_check(REQUEST, given_examples(REQUEST), [expected], [split])


def test_readers_that_agree_against_an_example_show_both_lines() -> None:
    fit = check(part("abc", numbers(1, 2), 1.0))
    (found,) = fit.inconsistencies
    assert fit.fitting == 0
    assert found.example == "f([2, 1]) == [2, 1]"
    assert found.statement == "Return the items of xs in ascending order."
    question = consistency_question(found, number=1)
    assert found.example in question.text
    assert found.statement in question.text
    assert question.default in {option.value for option in question.options}


def test_readers_that_meet_the_example_or_do_not_agree_show_nothing() -> None:
    assert check(part("abc", numbers(2, 1), 1.0)) == Fit()
    parted = check(part("a", numbers(1, 2), 0.4), part("b", numbers(1, 1), 0.3), part("c", numbers(2, 1), 0.3))
    assert parted.inconsistencies == ()
    assert parted.fitting == pytest.approx(1 / 3)


def test_a_float_is_held_to_the_digits_that_were_written() -> None:
    text = "def f(x):\n    '''Return the root of x.\n    f(5) == 2.24\n'''"
    for value, met in ((2.23606797, True), (2.5, False)):
        split = Split(steps=(Step(call="f(5)"),), parts=(part("a", value, 1.0),))
        fit = blind_check(text, given_examples(text), [Outcome(kind="returned", value=2.24)], [split])
        assert bool(fit.inconsistencies) is not met


def test_a_clear_request_costs_one_candidate_and_any_other_at_most_five() -> None:
    good, bad = Fit(), Fit(fitting=0.0, inconsistencies=check(part("abc", numbers(1, 2), 1.0)).inconsistencies)
    parted = Divergence(splits=(split_of("f(1)", [0.6, 0.4]),))
    assert next_move(1, good, incomplete=False) == "clear"
    assert [next_move(drawn, bad, incomplete=False) for drawn in (1, 2, 3)] == ["draw", "draw", "inconsistent"]
    assert [next_move(n, good, incomplete=True, divergence=parted) for n in (1, 2, 3, 4, 5)] == ["draw"] * 4 + [
        "choose"
    ]
    assert [next_move(n, good, incomplete=True, divergence=Divergence()) for n in (1, 2, 3)] == [
        "draw",
        "draw",
        "clear",
    ]


@settings(deadline=None, max_examples=100)
@given(st.integers(5, 9), st.floats(0, 1), st.booleans(), st.booleans())
def test_after_five_candidates_the_check_always_ends(drawn: int, fitting: float, hole: bool, parted: bool) -> None:
    divergence = Divergence(splits=(split_of("f(1)", [0.5, 0.5]),)) if parted else None
    assert next_move(drawn, Fit(fitting=fitting), incomplete=hole, divergence=divergence) != "draw"


def test_the_question_offers_what_readings_do_and_the_answer_becomes_an_example() -> None:
    split = Split(
        steps=(Step(call="f([])"),),
        parts=(part("ab", None, 0.5), part("c", 0, 0.25), part("d", "ValueError", 0.25, "raised")),
        entropy_bits=1.5,
    )
    question = concrete_choice(split, number=2)
    assert question.id == "Q2"
    assert "f([])" in question.text
    assert [option.value for option in question.options] == ["A", "B", "C", "other"]
    assert question.options[0].consequence.startswith("None (50%")
    assert question.default == "A"
    assert chosen(split, "b") == ("c",)
    assert as_steps(split, "B")[0].expect.value == "0"
    assert as_steps(split, "C")[0].expect.raises == "ValueError"
    assert chosen(split, "reject") == ("d",)
    assert chosen(split, "other") == () == as_steps(split, "it should give -1")


def test_refusal_is_offered_where_no_reading_refuses() -> None:
    values = [option.value for option in concrete_choice(split_of("f(1)", [0.5, 0.5]), number=1).options]
    assert values == ["A", "B", "other", "reject"]


def test_strays_and_accidents_are_not_worth_an_interruption() -> None:
    stray = split_of("f(1)", [0.9, 0.1])
    accident = Split(steps=(Step(call="f(2)"),), parts=(part("a", 1, 0.5), part("b", "IndexError", 0.5, "raised")))
    good = split_of("f(3)", [0.5, 0.5])
    assert worth_asking(Divergence(splits=(stray, accident))) is None
    assert worth_asking(Divergence(splits=(accident, good))) == good


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("def f(...):\n  '''Check a list of numbers. f(1) == 2'''", "unfinished-signature"),
        ("def f(a, b):\n  '''\n  f('a', 'b') => False\n  '''", "no-behaviour"),
        ("def f(s):\n  '''Create a function that returns the closest'''", "cut-off"),
        ("def f(xs):\n  '''Return the sum of the even items that..\n\n  f([1]) == 0'''", "cut-off"),
        ("def f(s):\n  '''Returns True if the last letter of a string is , and False otherwise.'''", "cut-off"),
        ("def f(d):\n  '''The date is valid if all rules hold:\n  1.\n  '''", "empty-item"),
        ("def f(xs):\n  '''You are given a list of integers.\n  f([1]) == 1\n  '''", "no-result"),
        ("def f(xs):\n  '''Return the sum of xs.'''", "no-example"),
    ],
)
def test_a_deleted_piece_leaves_a_hole_that_is_seen(text: str, code: str) -> None:
    assert code in [signal.split(":")[0] for signal in incomplete(text)]


@pytest.mark.parametrize(
    "text",
    [
        "def f(xs):\n  '''Return the sum of xs.\n  f([1, 2]) == 3\n  '''",
        "def f(n):\n  '''Check whether n is even or not.\n  >>> f(2)\n  True\n  '''",
        "def f(s):\n  '''How many letters does s consist of?\n  For example:\n  f('ab') -> 2\n  '''",
        "def f(xs):\n  '''Filter the list.\n\n  Example 1:\n      Input: xs = [1]\n      Output: [1]\n  '''",
        "def g(s):\n  return s[::-1]\n\ndef f(s):\n  '''Takes what g gives and returns what it was.'''",
    ],
)
def test_a_complete_request_shows_no_hole(text: str) -> None:
    assert incomplete(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "Write a function to find the shared elements from the given two lists.",
        "Write a python function to check whether the number is prime or not.",
        "create fizz.py with fizz(n) and a test",
    ],
)
def test_a_plain_one_line_wish_has_no_hole(text: str) -> None:
    assert missing_pieces(text) == ()
