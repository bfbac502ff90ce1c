"""Inputs fit the types, come out the same under a seed, and shrink; candidates are grouped by what they did."""

from __future__ import annotations

import ast
import random
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.domain.divergence import Candidate, Outcome
from sixfold.domain.evidence import ExecResult
from sixfold.domain.requirements import Step
from sixfold.layers.testing.divergence import Target, generate
from sixfold.layers.testing.divergence.calls import arguments, smaller_inputs
from sixfold.layers.testing.divergence.clusters import ranked, readings, split, without
from sixfold.layers.testing.divergence.execute import read
from sixfold.layers.testing.divergence.messages import smaller_messages
from sixfold.layers.testing.divergence.shapes import Shape, of_annotation, of_value, refined, union
from sixfold.layers.testing.divergence.values import draw, mutated, smaller, telling, written

TYPES = {
    "int": int,
    "float": (int, float),
    "bool": bool,
    "str": str,
    "bytes": bytes,
    "list[int]": list,
    "List[List[str]]": list,
    "dict[str, int]": dict,
    "tuple[int, str]": tuple,
    "set[int]": set,
    "int | None": (int, type(None)),
    "Optional[str]": (str, type(None)),
    "Literal['a', 2]": (str, int),
    "'Sequence[float]'": list,
}
LITERALS = st.recursive(
    st.integers(-1000, 1000) | st.text(max_size=6) | st.booleans() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.sets(st.integers(), max_size=3)
        | st.lists(inner, max_size=2).map(tuple)
    ),
    max_leaves=8,
)


def candidate(name: str, source: str = "", mass: float = 1.0) -> Candidate:
    return Candidate(name=name, source=source, mass=mass)


@pytest.mark.parametrize("annotation", TYPES)
def test_values_have_the_declared_type(annotation: str) -> None:
    shape = of_annotation(ast.parse(annotation, mode="eval").body)
    rng = random.Random(1)
    values = [*telling(shape), *(draw(shape, rng) for _ in range(30))]
    assert len(values) > 30
    for value in values:
        assert isinstance(value, TYPES[annotation]), value  # type: ignore[arg-type]


@settings(deadline=None, max_examples=100)
@given(LITERALS, st.integers(0, 5))
def test_neighbours_keep_the_type_and_everything_can_be_written_down(value: object, seed: int) -> None:
    near = mutated(value, random.Random(seed))
    assert isinstance(near, type(value))
    if "set()" not in written(near):
        assert ast.literal_eval(written(near)) == near


@settings(deadline=None, max_examples=100)
@given(LITERALS)
def test_shrinking_always_ends(value: object) -> None:
    for _ in range(200):
        less = next(iter(smaller(value)), None)
        if less is None:
            return
        assert less != value
        value = less
    raise AssertionError("still shrinking after 200 steps")


def test_examples_narrow_what_the_signature_leaves_open() -> None:
    seen = union([of_value([1, 2]), of_value([5])])
    assert refined(of_annotation(None), seen) == seen
    assert not refined(of_annotation(ast.parse("list", mode="eval").body), seen).items[0].negative
    assert refined(Shape(kind="str"), of_value("()")).choices == ("()",)


def test_equal_seeds_give_equal_inputs_and_others_do_not() -> None:
    one = candidate("a", "def f(xs: list[int], k: int = 1): ...\n")
    first, again, other = (generate([one], Target(entry="f"), seed=seed, most_inputs=60) for seed in (3, 3, 4))
    assert first == again != other
    assert len(first) == 60
    assert all(arguments(steps[0].call) is not None for steps in first)


def test_examples_are_tried_first() -> None:
    example = (Step(call="f('(()')"),)
    inputs = generate([candidate("a", "def f(brackets): ...\n")], Target(entry="f"), examples=[example])
    assert inputs[0] == example
    assert sum(set(arguments(steps[0].call)[0]) <= set("()") for steps in inputs) > len(inputs) / 2  # type: ignore[index]


def test_a_function_with_few_inputs_ends_the_search() -> None:
    assert len(generate([candidate("a", "def f(on: bool): ...\n")], Target(entry="f"))) == 2
    assert len(generate([candidate("a", "def f(): ...\n")], Target(entry="f"))) == 1


def test_candidates_that_are_not_python_are_no_reason_to_stop() -> None:
    assert generate([candidate("a", "def f(:"), candidate("b", "def f(n: int): ...")], Target(entry="f"))
    assert generate([candidate("a", "(" * 5000)], Target(entry="f"))


def test_stories_of_a_class_use_only_what_all_candidates_have() -> None:
    sources = (
        "class A:\n  def __init__(self, n: int): ...\n  def put(self, x: str): ...\n  def old(self): ...\n",
        "class A:\n  def __init__(self, n: int): ...\n  def put(self, x: str): ...\n  def _own(self): ...\n",
    )
    inputs = generate([candidate(str(n), text) for n, text in enumerate(sources)], Target(kind="class", entry="A"))
    assert all(steps[0].call.startswith("A(") for steps in inputs)
    assert {step.call.partition("(")[0] for steps in inputs for step in steps[1:]} == {"it.put"}


def test_command_lines_try_the_flags_of_the_source_and_odd_input() -> None:
    one = candidate("a", "p.add_argument('--reverse')\n")
    inputs = generate([one], Target(kind="cli", entry="x"), examples=[(Step(argv=("3",), stdin="b\na\n"),)])
    assert any("--reverse" in steps[0].argv for steps in inputs)
    assert any(steps[0].stdin == "" for steps in inputs)


def test_requests_try_every_route_of_the_source() -> None:
    one = candidate("a", "ROUTES = ['/items', '/items/{id}']\n")
    paths = {step.path for steps in generate([one], Target(kind="http", entry="app")) for step in steps}
    assert {"/items", "/items/1"} <= paths


def test_smaller_inputs_are_smaller() -> None:
    steps = (Step(call="f([5, 6, 7], 'abc')"),)
    shrunk = [item[0].call for item in islice(smaller_inputs(steps), 20)]
    assert "f([], 'abc')" in shrunk
    assert "f([5, 6, 7], '')" in shrunk
    told = (Step(method="POST", path="/a", body={"x": 1, "y": 2}), Step(path="/a"))
    assert (Step(method="POST", path="/a", body={"y": 2}), Step(path="/a")) in list(smaller_messages(told))


def returned(value: object) -> tuple[Outcome, ...]:
    return (Outcome(kind="returned", value=value),)


CRASH = (Outcome(kind="raised", value="IndexError", accident=True),)


def test_parties_are_weighed_and_the_most_even_one_comes_first() -> None:
    some = [candidate(name) for name in "abcd"]
    uneven = split((Step(call="f(1)"),), some, [returned(1), returned(1), returned(1), returned(2)])
    even = split((Step(call="f(20)"),), some, [returned(1), returned(2), returned(1.0), returned(2)])
    smaller_even = split((Step(call="f(2)"),), some, [returned(1), returned(2), returned(1.0), returned(2)])
    alike = split((Step(call="f(0)"),), some, [returned(0)] * 4)
    crash = split((Step(call="f(3)"),), some, [CRASH, returned(2), CRASH, returned(2)])
    assert even.parts[0].candidates == ("a", "c")
    assert even.entropy_bits == 1.0
    assert ranked([alike, crash, uneven, even, smaller_even]) == (smaller_even, even, uneven, crash)


def test_a_light_reading_that_crashes_is_a_bad_sample_and_one_that_answers_is_not() -> None:
    some = [candidate(name) for name in "abcde"]
    steps = (Step(call="f(1)"),)
    crash = split(steps, some, [returned(1)] * 4 + [CRASH])
    assert [reading.broken for reading in readings(some, [crash])] == [False, True]
    assert without(crash, frozenset("e")).entropy_bits == 0  # type: ignore[union-attr]
    other = split(steps, some, [returned(1)] * 4 + [returned(2)])
    assert not any(reading.broken for reading in readings(some, [other]))
    pair = split(steps, some[:2], [returned(1), CRASH])
    assert not any(reading.broken for reading in readings(some[:2], [pair]))


def test_kinds_of_accident_are_no_difference_worth_a_question() -> None:
    some = [candidate("a"), candidate("b")]
    one = split((Step(call="f(None)"),), some, [CRASH, (Outcome(kind="raised", value="TypeError", accident=True),)])
    assert len(one.parts) == 2
    assert ranked([one]) == ()


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"kind": 1}', '[{"kind": "returned"', "[" * 100_000, "[1]"])
def test_a_garbled_report_counts_as_stopped(text: str) -> None:
    assert read(ExecResult(exit_code=0, stdout=text, stderr="")) == (Outcome(kind="stopped", value="crash", note=""),)
