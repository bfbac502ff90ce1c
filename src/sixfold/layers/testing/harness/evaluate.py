"""Evaluates expressions over the product in a process of its own; only plain values travel back.

Run as `python evaluate.py DESCRIPTOR FOLDER…`: requests are JSON lines on stdin, answers JSON lines on the
descriptor, so that prints of the product do not mix with them.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
import json
import os
import sys
from typing import Any

MOST_DEPTH = 20
WELL_KNOWN = {
    "Counter": "collections",
    "OrderedDict": "collections",
    "defaultdict": "collections",
    "date": "datetime",
    "timedelta": "datetime",
    "Decimal": "decimal",
    "Fraction": "fractions",
    "Path": "pathlib",
    "UUID": "uuid",
}
"""Names examples use without saying where they come from."""


def main() -> None:
    """Answer requests until end of input."""
    descriptor = int(sys.argv[1])
    sys.path[:0] = sys.argv[2:]
    names: dict[str, Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        answer = _answer(request["code"], request["module"], names)
        os.write(descriptor, json.dumps(answer).encode() + b"\n")


def _answer(code: str, module: str, names: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"value": plain(_run(code, module, names))}
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        kinds = [kind.__name__ for kind in type(error).__mro__ if kind not in (object, BaseException)]
        return {"raises": kinds, "message": str(error)}


def _run(code: str, module: str, names: dict[str, Any]) -> Any:
    tree = ast.parse(code.strip(), mode="exec")
    _bring_names(tree, module, names)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        exec(compile(tree, "<call>", "exec"), names)  # noqa: S102 - the point of this process, inside the sandbox
        return None
    exec(compile(ast.Module(tree.body[:-1], []), "<call>", "exec"), names)  # noqa: S102 - the point of this process, inside the sandbox
    return eval(compile(ast.Expression(last.value), "<call>", "eval"), names)  # noqa: S307 - as above


def _bring_names(tree: ast.Module, module: str, names: dict[str, Any]) -> None:
    """Import what the code names: modules by their path, bare names from the entry's own module."""
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    stored |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            _import_path(ast.unparse(node).split("."), names, stored)
        if not isinstance(node, ast.Name) or node.id in names or node.id in stored:
            continue
        own = importlib.import_module(module) if module and module != node.id else None
        if own is not None and hasattr(own, node.id):
            names[node.id] = getattr(own, node.id)
        elif hasattr(builtins, node.id):
            continue
        elif node.id in WELL_KNOWN:
            names[node.id] = getattr(importlib.import_module(WELL_KNOWN[node.id]), node.id)
        elif importlib.util.find_spec(node.id) is not None:
            loaded = importlib.import_module(node.id)
            same = getattr(loaded, node.id, None)
            # `fizz(15)` where `fizz` is the module `fizz` that holds a function of its own name.
            names[node.id] = same if node.id in called and callable(same) else loaded


def _import_path(parts: list[str], names: dict[str, Any], stored: set[str]) -> None:
    if not all(part.isidentifier() for part in parts) or parts[0] in stored:
        return
    if parts[0] in names and not hasattr(names[parts[0]], "__path__"):
        return
    for end in range(2, len(parts) + 1):
        path = ".".join(parts[:end])
        try:
            if importlib.util.find_spec(path) is None:
                return
        except (ImportError, AttributeError, ValueError):
            return
        importlib.import_module(path)


def plain(value: Any, depth: int = 0) -> Any:
    """A tagged JSON form that keeps Python's built-in types apart; anything else by its type and `repr`.

    Types are compared exactly, so an object that pretends to be equal to everything travels as what it is.
    """
    kind = type(value)
    if depth > MOST_DEPTH:
        return {"t": "deep"}
    if value is None or kind in (bool, str):
        return value
    if kind is int:
        return {"t": "int", "v": str(value)}
    if kind is float:
        return {"t": "float", "v": repr(value)}
    if kind is bytes:
        return {"t": "bytes", "v": value.hex()}
    if kind in (list, tuple):
        return {"t": kind.__name__, "v": [plain(part, depth + 1) for part in value]}
    if kind in (set, frozenset):
        return {"t": "set", "v": sorted((plain(part, depth + 1) for part in value), key=json.dumps)}
    if kind is dict:
        return {"t": "dict", "v": [[plain(key, depth + 1), plain(part, depth + 1)] for key, part in value.items()]}
    return {"t": "other", "v": repr(value), "type": kind.__name__}


if __name__ == "__main__":
    main()
