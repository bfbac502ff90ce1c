"""Which tests a file holds, read without running it: the set that must come back from a test run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

Function = ast.FunctionDef | ast.AsyncFunctionDef


def list_tests(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Ids (`path::Class::test`) of the tests that stand plainly in these files, in file order.

    Only unconditional definitions count: top-level `test*` functions, methods of `Test*` classes and of direct
    `TestCase` children. Parameters are not part of an id. A file that does not parse holds no tests here; its
    collection error is reported by the run.
    """
    found: dict[str, None] = {}
    for path, content in files.items():
        try:
            module = ast.parse(content)
        except (SyntaxError, ValueError):
            continue
        for name in _tests(module.body):
            found[f"{path}::{name}"] = None
    return tuple(found)


def is_test_file(path: str) -> bool:
    """True for the names pytest collects by default."""
    name = path.rsplit("/", 1)[-1]
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


def plain_tests(module: ast.Module) -> dict[str, Function]:
    """Test functions by name inside the file (`Class::test`)."""
    return dict(_functions(module.body, ""))


def _tests(body: list[ast.stmt]) -> Iterator[str]:
    return (name for name, _ in _functions(body, ""))


def _functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, Function):
            if node.name.startswith("test") and not _is_fixture(node):
                yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef) and _is_collected(node):
            yield from _functions(node.body, f"{prefix}{node.name}::")


def _is_fixture(node: Function) -> bool:
    return any("fixture" in ast.unparse(decorator) for decorator in node.decorator_list)


def _is_collected(node: ast.ClassDef) -> bool:
    case = any(ast.unparse(parent).rsplit(".", 1)[-1].endswith("TestCase") for parent in node.bases)
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name in ("__init__", "__new__") and not case:
            return False
        if isinstance(statement, ast.Assign) and any(ast.unparse(target) == "__test__" for target in statement.targets):
            return False
    return case or node.name.startswith("Test")
