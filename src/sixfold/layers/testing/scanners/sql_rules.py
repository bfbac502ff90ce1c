"""SQL that is put together from text (CWE-89), with what is harmless left alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from sixfold.layers.testing.scanners.call_rules import Problem
from sixfold.layers.testing.scanners.sql_parts import Parts
from sixfold.layers.testing.scanners.taint import dotted, last_name
from sixfold.layers.testing.scanners.trees import nodes

STATEMENT = re.compile(r"(?is)\b(select\b.+\bfrom|insert\s+into|update\b.+\bset|delete\s+from|drop\s+table|where)\b")
RUNS = (
    *("execute", "executemany", "executescript", "raw", "text", "read_sql", "read_sql_query", "fetch", "fetchrow"),
    *("fetchall", "fetchval"),
)


def built_sql(scope: ast.AST, constants: set[str]) -> Iterator[Problem]:
    """Statements put together from text and handed to a database in the same scope.

    Args:
        constants: names of the module that are bound to literals only.
    """
    built: dict[str, ast.AST] = {}
    own = list(_own_nodes(scope))
    parts = Parts(own, constants)
    for node in own:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if _is_built(node.value, parts):
                built[node.targets[0].id] = node.value
            else:
                built.pop(node.targets[0].id, None)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            begun = any(STATEMENT.search(ast.unparse(one)) for one in parts.told(node.target.id))
            if begun and isinstance(node.value, (ast.JoinedStr, ast.BinOp)) and not parts.is_harmless(node.value):
                built[node.target.id] = node.value
    for node in own:
        if isinstance(node, ast.Call) and node.args and last_name(node.func) in RUNS:
            statement = node.args[0]
            made = built.get(statement.id) if isinstance(statement, ast.Name) else None
            if made is not None or _is_built(statement, parts):
                told = "an SQL statement is put together from text; use parameters"
                severe = not _is_computed(statement if made is None else made, parts)
                yield Problem(node, "sql-injection", "CWE-89", told, severe)


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        yield child
        yield from _own_nodes(child)


def _is_built(node: ast.AST, parts: Parts) -> bool:
    if isinstance(node, ast.Call) and last_name(node.func) == "format" and isinstance(node.func, ast.Attribute):
        given: list[ast.AST] = [*node.args, *(keyword.value for keyword in node.keywords)]
    elif isinstance(node, (ast.JoinedStr, ast.BinOp)):
        given = list(_changing(node))
    else:
        return False
    return bool(STATEMENT.search(ast.unparse(node))) and any(not parts.is_harmless(one) for one in given)


def _changing(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a text that is put together which are no constants."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
        yield from _changing(node.left)
        yield from _changing(node.right)
    elif isinstance(node, (ast.Tuple, ast.Dict, ast.JoinedStr)):
        for child in ast.iter_child_nodes(node):
            yield from _changing(child)
    elif isinstance(node, ast.FormattedValue):
        yield node.value
    elif isinstance(node, ast.expr) and not isinstance(node, ast.Constant):
        yield node


def _is_computed(node: ast.AST, parts: Parts) -> bool:
    """True when every changing part is what a function of the product gives: it may have checked it."""
    given = [part.value for part in nodes(node) if isinstance(part, ast.FormattedValue)]
    if isinstance(node, ast.BinOp):
        given += [part for part in _changing(node) if isinstance(part, ast.expr) and part not in given]
    calls = [
        part
        for part in given
        if isinstance(part, ast.Call)
        and last_name(part.func) not in ("str", "repr", "format", "join")
        and (
            isinstance(part.func, ast.Name) or not isinstance(node, ast.BinOp) or dotted(part.func).startswith("self.")
        )
    ]
    return bool(given) and len(calls) == len([part for part in given if not parts.is_harmless(part)])
