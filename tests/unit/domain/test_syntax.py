"""Python source is read the same from every thread."""

from __future__ import annotations

import ast
from concurrent.futures import ThreadPoolExecutor

import pytest

from sixfold.domain import syntax

SOURCE = "def f(n: int) -> list[int]:\n    return [g(n, k) for k in (1, (2, 3), {4: [5]})]\n" * 200


def test_threads_that_parse_at_once_all_get_the_whole_tree() -> None:
    with ThreadPoolExecutor(8) as pool:
        trees = list(pool.map(syntax.parse, [SOURCE] * 40))
    assert {ast.dump(tree) for tree in trees} == {ast.dump(ast.parse(SOURCE))}


def test_what_is_no_python_is_refused_as_usual_and_blocks_nobody() -> None:
    with pytest.raises(SyntaxError):
        syntax.parse("def f(:")
    assert isinstance(syntax.parse_expression("1 + 1").body, ast.BinOp)
