"""Examples become tests; sloppy or hostile ones are named and left out."""

from __future__ import annotations

import ast

import pytest

from sixfold.domain.requirements import Entry, Example, Expect, Requirement, Specification, Step
from sixfold.layers.testing.examples import to_tests, unusable_examples
from sixfold.layers.testing.harness.listing import list_tests

ENTRIES = (
    Entry(name="lib", kind="library", module="fizz"),
    Entry(name="tool", kind="cli", start=("python", "cli.py")),
    Entry(name="api", kind="service", start=("python", "api.py", "{port}")),
)


def specification(*examples: Example) -> Specification:
    return Specification(title="t", requirements=(Requirement(id="R1", text="x", examples=examples),), entries=ENTRIES)


def one(step: Step, entry: str = "") -> Specification:
    return specification(Example(id="R1.E1", title="t", entry=entry, steps=(step,)))


def test_each_entry_gets_one_file_and_the_text_is_the_same_each_time() -> None:
    examples = (
        Example(id="R1.E1", title="a", steps=(Step(call="fizz(3)", expect=Expect(value="'Fizz'")),)),
        Example(id="R1.E2", title="b", steps=(Step(argv=("3",), expect=Expect(exit=0, contains=("Fizz",))),)),
        Example(id="R1.E3", title="c", steps=(Step(path="/3", expect=Expect(status=200, json={"a": [1]})),)),
    )
    files = to_tests(specification(*examples))
    assert list(files) == [f"sixfold_examples/test_{name}.py" for name in ("lib", "tool", "api")]
    assert files == to_tests(specification(*examples))
    assert len(list_tests(files)) == 3


UNUSABLE = {
    "broken expression": (Step(call="fizz(("), ""),
    "broken value": (Step(call="fizz(3)", expect=Expect(value="the word Fizz")), ""),
    "two actions": (Step(call="fizz(3)", path="/"), ""),
    "no action": (Step(), ""),
    "unknown entry": (Step(path="/"), "web"),
    "wrong kind of entry": (Step(path="/"), "tool"),
    "NUL in an argument": (Step(argv=("a\0b",)), ""),
    "no exception name": (Step(call="fizz(3)", expect=Expect(raises="an error!")), ""),
    "header injection in the method": (Step(path="/", method="GET / HTTP/1.1\r\nX: y"), ""),
}


@pytest.mark.parametrize(("step", "entry"), UNUSABLE.values(), ids=UNUSABLE)
def test_unusable_example_is_named_and_left_out(step: Step, entry: str) -> None:
    written = one(step, entry)
    (found,) = unusable_examples(written)
    assert found.id == "R1.E1"
    assert found.reason
    assert to_tests(written) == {}


def test_an_example_cannot_add_code_to_its_file() -> None:
    evil = "'''\nimport os; os.system('x')\n'''\\"
    step = Step(argv=(evil, "{data}"), stdin=evil, expect=Expect(stdout=evil, contains=(evil,)))
    (source,) = to_tests(specification(Example(id=evil, title=evil, steps=(step,)))).values()
    tree = ast.parse(source)
    assert [type(node).__name__ for node in tree.body] == ["Expr", "Import", "FunctionDef"]
    assert not any(isinstance(node, ast.Name) and node.id == "os" for node in ast.walk(tree))


def test_same_ids_become_different_tests() -> None:
    example = Example(id="R1.E1", title="t", steps=(Step(call="fizz(3)"),))
    assert len(list_tests(to_tests(specification(example, example)))) == 2
