"""Whole products are folded into single programs that the divergence engine can execute side by side."""

from __future__ import annotations

import pytest
from plain_folders import Folders

from sixfold.domain.divergence import Candidate, show
from sixfold.domain.ports import Environment
from sixfold.domain.requirements import Entry, Example, Requirement, Specification, Step
from sixfold.layers.testing.divergence import boundaries, diverge, execute, program
from sixfold.layers.testing.sandbox.bubblewrap import Bubblewrap
from sixfold.layers.testing.sandbox.sandlock import Sandlock


def specification(*steps: Step) -> Specification:
    examples = tuple(Example(id=f"R1.E{n}", title="", steps=(step,)) for n, step in enumerate(steps, 1))
    return Specification(
        title="x",
        requirements=(Requirement(id="R1", text="", examples=examples),),
        entries=(
            Entry(name="shop", kind="library", module="shop.cart"),
            Entry(name="cli", kind="cli", start=("python", "main.py")),
        ),
    )


SHOP = {
    "shop/__init__.py": "",
    "shop/prices.py": "def price(n):\n    if n < 0:\n        raise ValueError(n)\n    return 2 * n\n",
    "shop/cart.py": "from .prices import price\n\n\ndef total(items: list[int]):\n    return sum(map(price, items))\n",
    "main.py": "import sys\nfrom shop.cart import total\n\nprint(total(map(int, sys.argv[1:])))\n",
}


def test_functions_and_commands_of_the_examples_are_the_boundaries() -> None:
    found = boundaries(
        specification(
            Step(call="shop.cart.total([1, 2])"), Step(call="shop.cart.total([])"), Step(argv=("1",)), Step(path="/")
        )
    )
    assert [(one.target.kind, one.target.entry, one.module) for one in found] == [
        ("function", "total", "shop.cart"),
        ("cli", "main.py", "main.py"),
    ]
    assert [steps[0].call for steps in found[0].examples] == ["total([1, 2])", "total([])"]


def test_a_call_of_something_else_is_no_boundary() -> None:
    assert boundaries(specification(Step(call="len(shop.cart.total([1]))"), Step(call="import os"))) == ()


def test_a_product_without_the_boundary_gives_no_program() -> None:
    boundary = boundaries(specification(Step(call="shop.cart.total([1])")))[0]
    assert program({"other.py": "x = 1\n"}, boundary) is None
    assert program({"shop/cart.py": "def total(:\n"}, boundary) is None


@pytest.mark.slow
async def test_products_of_several_modules_are_told_apart_by_what_they_do(
    sandbox: Bubblewrap | Sandlock, folders: Folders, environment: Environment
) -> None:
    given = specification(Step(call="shop.cart.total([1, 2])"), Step(argv=("1", "2")))
    function, command = boundaries(given)
    other = {**SHOP, "shop/prices.py": SHOP["shop/prices.py"].replace("2 * n", "2 * n if n < 9 else n")}
    programs = [program(files, function) for files in (SHOP, other)]
    some = [Candidate(name=name, source=text or "") for name, text in zip("ab", programs, strict=True)]
    async with sandbox.open(folders.add({}), environment=environment) as workspace:
        found = await diverge(workspace, some, function.target, examples=function.examples)
        assert [reading.candidates for reading in found.readings] == [("a",), ("b",)]
        (row,) = await execute(workspace, some[:1], function.target, [(Step(call="total([-1])"),)])
        # Raised by a module inside the product, on purpose: that is an answer, not an accident.
        assert (row[0][0].value, row[0][0].accident) == ("ValueError", False)
        lines = [Candidate(name="a", source=program(SHOP, command) or "")]
        (row,) = await execute(workspace, lines, command.target, command.examples)
        assert show(row[0]) == "prints '6'"
