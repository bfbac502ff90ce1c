"""XPath and LDAP texts that are put together from values (CWE-643, CWE-90)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from sixfold.layers.testing.scanners.call_rules import Problem
from sixfold.layers.testing.scanners.taint import Function, last_name
from sixfold.layers.testing.scanners.trees import nodes


def built_queries(tree: ast.Module) -> Iterator[Problem]:
    """XPath and LDAP texts put together from values; sure where a value goes in as it came."""
    for function in (node for node in nodes(tree) if isinstance(node, Function)):
        # What a function of the module alone is handed may have been escaped by who calls it.
        inner = function.args.args if function.name.startswith("_") else ()
        built: dict[str, ast.expr] = {one.arg: ast.Constant("") for one in inner}
        added: dict[str, list[ast.expr]] = {}
        for node in nodes(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                if _is_built(node.value):
                    built[node.targets[0].id] = node.value
                if isinstance(node.value, ast.List):
                    added.setdefault(node.targets[0].id, []).extend(node.value.elts)
            elif isinstance(node, ast.Call) and last_name(node.func) == "append" and node.args:
                owner = node.func.value if isinstance(node.func, ast.Attribute) else node
                added.setdefault(last_name(owner), []).append(node.args[0])
        for node in nodes(function):
            if not isinstance(node, ast.Call):
                continue
            verb = last_name(node.func)
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                whole = built.get(argument.id) if isinstance(argument, ast.Name) else argument
                text = ast.unparse(whole) if whole is not None and _is_built(whole) else ""
                severe = whole is not None and _is_raw(whole, built, added, 0)
                if verb in ("xpath", "XPath", "select") and re.search(r"//|\[@?\w+\s*=", text):
                    told = "an XPath is put together from text; use variables"
                    yield Problem(node, "query-injection", "CWE-643", told, severe)
                elif verb.startswith(("search", "paged_search")) and re.search(r"\([&|!]?\(?\w+=", text):
                    told = "an LDAP filter is put together from text; escape it"
                    yield Problem(node, "query-injection", "CWE-90", told, severe)


def _is_raw(node: ast.expr, built: dict[str, ast.expr], added: dict[str, list[ast.expr]], depth: int) -> bool:
    """True when a name goes into the text as it is; what a function of the product gives may have been checked."""
    if depth > 5 or isinstance(node, ast.Constant):
        return False
    if isinstance(node, ast.JoinedStr):
        inner = [value.value for value in node.values if isinstance(value, ast.FormattedValue)]
        return any(_is_raw(value, built, added, depth + 1) for value in inner)
    if isinstance(node, ast.BinOp):
        return any(_is_raw(part, built, added, depth + 1) for part in (node.left, node.right))
    if isinstance(node, ast.Tuple):
        return any(_is_raw(part, built, added, depth + 1) for part in node.elts)
    if isinstance(node, ast.Name):
        if node.id in built:
            return _is_raw(built[node.id], built, added, depth + 1)
        return not node.id.isupper()
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "join" and node.args:
            parts = added.get(last_name(node.args[0]), [])
            return any(isinstance(part, ast.JoinedStr) and _is_raw(part, built, added, depth + 1) for part in parts)
        if node.func.attr in ("strip", "lower", "upper", "format"):
            given = node.args if node.func.attr == "format" else [node.func.value]
            return any(_is_raw(part, built, added, depth + 1) for part in given)
    return isinstance(node, (ast.Attribute, ast.Subscript))


def _is_built(node: ast.expr) -> bool:
    """True for a text with values in it that nothing escaped."""
    parts: list[ast.AST] = []
    if isinstance(node, ast.JoinedStr):
        parts = [value.value for value in node.values if isinstance(value, ast.FormattedValue)]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
        parts = [part for part in nodes(node) if isinstance(part, (ast.Name, ast.Attribute, ast.Call))]
        calls = [part for part in parts if isinstance(part, ast.Call)]
        inside = {id(inner) for call in calls for inner in nodes(call) if inner is not call}
        parts = [part for part in parts if id(part) not in inside]
    elif isinstance(node, ast.Call) and last_name(node.func) == "format" and isinstance(node.func, ast.Attribute):
        parts = [*node.args, *(keyword.value for keyword in node.keywords)]
    harmless = re.compile(r"(?i)escape|quote|int$|len$|sanitiz")
    return any(not (isinstance(part, ast.Call) and harmless.search(last_name(part.func))) for part in parts)
