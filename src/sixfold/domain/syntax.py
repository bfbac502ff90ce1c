"""Reading Python source into a syntax tree, from any thread.

Until CPython 3.11.5 the depth of the tree under construction is counted once a process, not once a call, so two
threads that parse at the same time can make each other fail with a `SystemError` (python/cpython issue 106905).
"""

from __future__ import annotations

import ast
import threading
from typing import Literal, overload

_ONE_AT_A_TIME = threading.Lock()


@overload
def parse(source: str | bytes, mode: Literal["exec"] = "exec") -> ast.Module: ...
@overload
def parse(source: str | bytes, mode: Literal["eval"]) -> ast.Expression: ...
@overload
def parse(source: str | bytes, mode: str) -> ast.AST: ...
def parse(source: str | bytes, mode: str = "exec") -> ast.AST:
    """`ast.parse`, one call at a time.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as `ast.parse`.
    """
    with _ONE_AT_A_TIME:
        return ast.parse(source, mode=mode)
