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


@lru_cache(maxsize=MOST_TREES)
def module(source: bytes) -> ast.Module:
    """The tree of a file.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as `ast.parse`.
    """
    return syntax.parse(source)


def nodes(root: ast.AST) -> list[ast.AST]:
    """The nodes that `ast.walk` gives, in its order; a dozen rules ask for those of the same function."""
    known: list[ast.AST] | None = getattr(root, _NODES, None)
    if known is None:
        known = [root]
        for node in known:  # grows while it is gone through
            for field in node._fields:
                value = getattr(node, field, None)
                if isinstance(value, list):
                    known += [part for part in value if isinstance(part, ast.AST)]
                elif isinstance(value, ast.AST):
                    known.append(value)
        setattr(root, _NODES, known)
    return known
