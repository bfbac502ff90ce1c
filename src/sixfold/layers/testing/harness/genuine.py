"""Whether the test functions about to run are those written in their files."""

from __future__ import annotations

import ast
import os
from collections.abc import Sequence
from types import CodeType
from typing import Any

import pytest
from _pytest.assertion.rewrite import _rewrite_test

from sixfold.layers.testing.harness.listing import plain_tests


def altered_tests(items: Sequence[pytest.Function], config: Any, root: str) -> list[str]:
    """Ids of plainly written tests whose code object is not what their file compiles to.

    Catches a product or a hook that replaces functions or byte code of the tests that judge it. Tests under a decorator
    other than `pytest.mark` are skipped: their callable is rightly another one.
    """
    codes: dict[str, dict[str, bytes]] = {}
    altered = []
    for item in items:
        path = str(item.path)
        if path not in codes:
            codes[path] = _codes(item, config)
        name = item.nodeid.split("[", 1)[0].partition("::")[2]
        expected = codes[path].get(name)
        if expected is None:
            continue
        function = getattr(item.obj, "__func__", item.obj)
        code = getattr(function, "__code__", None)
        if code is None or _shape(code) != expected:
            altered.append(item.nodeid)
    return altered


def _codes(item: pytest.Function, config: Any) -> dict[str, bytes]:
    try:
        source = item.path.read_bytes()
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError):
        return {}
    plain = {
        name
        for name, node in plain_tests(tree).items()
        if all(ast.unparse(decorator).startswith(("pytest.mark.", "mark.")) for decorator in node.decorator_list)
    }
    _, module = _rewrite_test(item.path, config)
    found: dict[str, bytes] = {}
    _collect(module, "", found)
    return {name: shape for name, shape in found.items() if name in plain}


def _collect(code: CodeType, prefix: str, found: dict[str, bytes]) -> None:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            name = f"{prefix}{constant.co_name}"
            found[name] = _shape(constant)
            _collect(constant, f"{name}::", found)


def _shape(code: CodeType) -> bytes:
    constants = b"".join(_shape(part) if isinstance(part, CodeType) else repr(part).encode() for part in code.co_consts)
    return b"|".join((code.co_code, repr(code.co_names).encode(), constants, os.fsencode(code.co_name)))
