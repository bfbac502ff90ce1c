"""Syntax trees that several scanners share."""

from __future__ import annotations

import ast
import gc
from pathlib import Path

import pytest

from sixfold.layers.testing.scanners.files import nothing_collected
from sixfold.layers.testing.scanners.trees import module, nodes

SOURCES = sorted(Path(module.__wrapped__.__code__.co_filename).parent.glob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_nodes_are_those_of_a_walk_in_its_order_but_for_whether_a_name_is_bound(path: Path) -> None:
    tree = module(path.read_bytes())
    for root in (tree, *tree.body):
        assert nodes(root) == [node for node in ast.walk(root) if not isinstance(node, ast.expr_context)]
        assert nodes(root) is nodes(root)


def test_the_same_content_is_parsed_once_and_what_is_no_python_is_refused_each_time() -> None:
    assert module(b"a = 1\n") is module(b"a = 1\n")
    for _ in range(2):
        with pytest.raises(SyntaxError):
            module(b"def")


def test_collecting_goes_on_after_the_last_of_several_that_held_it_up() -> None:
    with nothing_collected():
        with nothing_collected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
