"""SQL that is put together from text (CWE-89), with what is harmless left alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from sixfold.layers.testing.scanners.call_rules import Problem
from sixfold.layers.testing.scanners.taint import dotted, last_name
from sixfold.layers.testing.scanners.trees import nodes


def built_sql(scope: ast.AST, constants: set[str]) -> Iterator[Problem]:
    """Statements put together from text and handed to a database in the same scope.

    Args:
        constants: names of the module that are bound to literals only.
    """
    built: dict[str, ast.AST] = {}
    own = list(_own_nodes(scope))
    chosen = frozenset((*_chosen(own), *_tested(own), *constants))
    for node in own:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if _is_built_sql(node.value, chosen):
                built[node.targets[0].id] = node
            else:
                built.pop(node.targets[0].id, None)
    for node in own:
        if not (isinstance(node, ast.Call) and node.args):
            continue
        verb = last_name(node.func)
        if verb not in (
            "execute",
            "executemany",
            "executescript",
            "raw",
            "text",
            "read_sql",
            "read_sql_query",
            "fetch",
            "fetchrow",
        ):
            continue
        statement = node.args[0]
        if _is_built_sql(statement, chosen) or (isinstance(statement, ast.Name) and statement.id in built):
            severe = not _is_computed(built.get(statement.id, node) if isinstance(statement, ast.Name) else statement)
            told = "an SQL statement is put together from text; use parameters"
            yield Problem(node, "sql-injection", "CWE-89", told, severe)


def _chosen(inside: list[ast.AST]) -> Iterator[str]:
    """Names that hold nothing but an element of a constant: `column = COLUMNS[COLUMNS.index(wanted)]`."""
    values: dict[str, list[ast.expr]] = {}
    for node in inside:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            values.setdefault(node.targets[0].id, []).append(node.value)
    for name, given in values.items():
        if all(
            _is_constant(one) or (isinstance(one, ast.Subscript) and last_name(one.value).isupper()) for one in given
        ):
            yield name


def _is_constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or (
        isinstance(node, ast.IfExp) and _is_constant(node.body) and _is_constant(node.orelse)
    )


def _tested(inside: list[ast.AST]) -> Iterator[str]:
    """Names that are held against a list or a pattern before use, or taken from a mapping of constants."""
    for node in inside:
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            yield from (part.id for part in nodes(node.left) if isinstance(part, ast.Name))
        elif isinstance(node, ast.Call) and last_name(node.func) in ("fullmatch", "match", "isidentifier", "isdigit"):
            yield from (part.id for part in nodes(node) if isinstance(part, ast.Name))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], (ast.Name, ast.Tuple)):
            owner = _mapped(node.value)
            if isinstance(owner, ast.Dict) or last_name(owner).isupper():
                yield from (part.id for part in nodes(node.targets[0]) if isinstance(part, ast.Name))


def _mapped(value: ast.expr) -> ast.expr:
    """What a look-up looks into."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "get":
        return value.func.value
    return value.value if isinstance(value, (ast.Subscript, ast.Attribute)) else value


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        yield child
        yield from _own_nodes(child)


def _is_built_sql(node: ast.AST, chosen: frozenset[str]) -> bool:
    parts: list[ast.AST] = []
    if isinstance(node, ast.JoinedStr):
        parts = [value.value for value in node.values if isinstance(value, ast.FormattedValue)]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
        parts = [part for part in _flat(node) if not isinstance(part, ast.Constant)]
    elif isinstance(node, ast.Call) and last_name(node.func) == "format" and isinstance(node.func, ast.Attribute):
        parts = [*node.args, *(keyword.value for keyword in node.keywords)]
    text = ast.unparse(node)
    if not re.search(
        r"(?is)\b(select\b.+\bfrom|insert\s+into|update\b.+\bset|delete\s+from|drop\s+table|where)\b", text
    ):
        return False
    return any(not _is_harmless(part) for part in parts if not _is_chosen(part, chosen))


def _is_chosen(node: ast.AST, chosen: frozenset[str]) -> bool:
    """A name that holds only what the code says, or what such a mapping gives: `ORDER[wanted]`."""
    if isinstance(node, ast.Call) and last_name(node.func) == "get" and isinstance(node.func, ast.Attribute):
        return _is_chosen(node.func.value, chosen) and all(
            _is_constant(one) or _is_chosen(one, chosen) for one in node.args[1:]
        )
    if isinstance(node, ast.Subscript):
        return _is_chosen(node.value, chosen)
    return (isinstance(node, ast.Name) and node.id in chosen) or (
        isinstance(node, (ast.Name, ast.Attribute)) and last_name(node).isupper()
    )


def _is_computed(node: ast.AST) -> bool:
    """True when every changing part is what a function of the product gives: it may have checked it."""
    if isinstance(node, ast.Assign):
        node = node.value
    parts: list[ast.AST] = [part.value for part in nodes(node) if isinstance(part, ast.FormattedValue)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [part for part in _flat(node) if not isinstance(part, (ast.Constant, ast.JoinedStr))] + parts
    calls = [
        part
        for part in parts
        if isinstance(part, ast.Call)
        and last_name(part.func) not in ("str", "repr", "format", "join")
        and (
            isinstance(part.func, ast.Name) or not isinstance(node, ast.BinOp) or dotted(part.func).startswith("self.")
        )
    ]
    return bool(parts) and len(calls) == len([part for part in parts if not _is_harmless(part)])


def _flat(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp):
        yield from _flat(node.left)
        yield from _flat(node.right)
    elif isinstance(node, (ast.Tuple, ast.Dict)):
        for child in ast.iter_child_nodes(node):
            yield from _flat(child)
    elif isinstance(node, ast.expr):
        yield node


def _is_harmless(node: ast.AST) -> bool:
    """Placeholders, constants by their name, and numbers."""
    text = ast.unparse(node)
    if isinstance(node, ast.Constant) or re.fullmatch(r"[\w.]*\b_?[A-Z][A-Z0-9_]*", text):
        return True
    joined = re.search(r"\.join\(", text) and re.search(r"['\"](\?|%s|:\w+)", text)
    repeated = re.search(r"['\"][?,% s]+['\"] \*|\* len\(", text)
    named = re.fullmatch(
        r"(placeholders?|marks|question_marks|where|conditions|clauses?|columns|assignments|sets|table|order)", text
    )
    return bool(joined or repeated or named or re.match(r"(int|len)\(", text))
