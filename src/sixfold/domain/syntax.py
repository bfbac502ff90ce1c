"""Reading Python source into a syntax tree, from any thread.

Until CPython 3.11.5 the depth of the tree under construction is counted once a process, not once a call, so two
threads that parse at the same time can make each other fail with a `SystemError` (python/cpython issue 106905).
"""

from __future__ import annotations

import ast
import threading

_ONE_AT_A_TIME = threading.Lock()


def parse(source: str | bytes) -> ast.Module:
    """`ast.parse` of a module, one call at a time.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as `ast.parse`.
    """
    with _ONE_AT_A_TIME:
        return ast.parse(source)


def parse_expression(source: str | bytes) -> ast.Expression:
    """`ast.parse` of one expression, one call at a time.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as `ast.parse`.
    """
    with _ONE_AT_A_TIME:
        return ast.parse(source, mode="eval")
