"""Python files read once for all rules: the syntax tree of a file, and all nodes of a part of it.

The trees are shared between scanners and threads; nobody changes one.
"""

from __future__ import annotations

import ast
from functools import lru_cache

from sixfold.domain import syntax

MOST_TREES = 256
"""Files whose trees are kept: scanners take turns, each going over all files of a change."""
_NODES = "sixfold_nodes"
_OWN = "sixfold_own_nodes"
PLAIN = frozenset({"arg", "attr", "conversion", "ctx", "id", "kind", "level", "module", "type_comment"})
"""Fields that hold no node, and the one that only says whether a name is read or bound, which every name does."""
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}
INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@lru_cache(maxsize=MOST_TREES)
def module(source: bytes) -> ast.Module:
    """The tree of a file.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as `ast.parse`.
    """
    return syntax.parse(source)


def nodes(root: ast.AST) -> list[ast.AST]:
    """The nodes that `ast.walk` gives, in its order, but for those of `PLAIN`; many rules ask for those of one part."""
    known: list[ast.AST] | None = getattr(root, _NODES, None)
    if known is None:
        known = [root]
        for node in known:  # grows while it is gone through
            known += _children(node)
        setattr(root, _NODES, known)
    return known


def own_nodes(scope: ast.AST) -> list[ast.AST]:
    """Nodes below one without those of functions and classes inside it, each before those below it."""
    known: list[ast.AST] | None = getattr(scope, _OWN, None)
    if known is None:
        known = []
        waiting = [scope]
        while waiting:
            node = waiting.pop()
            if node is not scope:
                known.append(node)
            waiting += [child for child in reversed(_children(node)) if type(child) not in INNER]
        setattr(scope, _OWN, known)
    return known


def _children(node: ast.AST) -> list[ast.AST]:
    kind = type(node)
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _FIELDS[kind] = tuple(name for name in kind._fields if name not in PLAIN)
    found: list[ast.AST] = []
    for field in fields:
        value = getattr(node, field, None)
        if value.__class__ is list:
            found += [part for part in value if isinstance(part, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found
