"""Which lines of the product its own tests ran, as far as they ran in the test process.

Python 3.12 and later tell of each line once (`sys.monitoring`, PEP 669); before that a trace function looks only at
the product's own frames, and at those no longer once every line of theirs was seen. What a test starts as another
process is not seen.
"""

from __future__ import annotations

import ast
import os
import sys
import threading
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

from sixfold.layers.testing.harness.listing import is_test_file

MOST_FILE_BYTES = 1 << 20
TOOL = 4
"""A tool id of `sys.monitoring` that debuggers, coverage.py and profilers do not take."""


class Lines:
    """Lines of files below one folder that were run since it was made."""

    def __init__(self, root: str) -> None:
        self._root = os.path.join(os.path.realpath(root), "")
        self._ran: dict[str, set[int]] = {}
        self._left: dict[int, tuple[CodeType, set[int], set[int]]] = {}
        self._ours: dict[str, bool] = {}
        self._tracer = self._call
        self._told = sys.version_info >= (3, 12)

    def start(self) -> None:
        """From now on; modules that are imported already count for nothing."""
        if not self._told:
            threading.settrace(self._tracer)
            sys.settrace(self._tracer)
            return
        monitoring: Any = vars(sys)["monitoring"]  # not known to a type checker of an older Python
        if monitoring.get_tool(TOOL) is None:
            monitoring.use_tool_id(TOOL, "sixfold")
            monitoring.register_callback(TOOL, monitoring.events.LINE, self._line_told)
            monitoring.set_events(TOOL, monitoring.events.LINE)

    def stop(self) -> dict[str, tuple[list[int], list[int]]] | None:
        """Lines run and lines not run, by file relative to the root; None when the product took the tracing away."""
        if self._told:
            monitoring: Any = vars(sys)["monitoring"]
            whole = monitoring.get_tool(TOOL) == "sixfold"
            if whole:
                monitoring.set_events(TOOL, 0)
                monitoring.free_tool_id(TOOL)
        else:
            whole = sys.gettrace() == self._tracer
            sys.settrace(None)
            threading.settrace(None)
        if not whole:
            return None
        found = {}
        for path in _sources(self._root):
            lines = _executable(os.path.join(self._root, path))
            if lines:
                ran = self._ran.get(os.path.join(self._root, path), set())
                found[path] = (sorted(lines & ran), sorted(lines - ran))
        return found

    def _is_ours(self, code: CodeType) -> bool:
        ours = self._ours.get(code.co_filename)
        if ours is None:
            ours = self._ours[code.co_filename] = os.path.realpath(code.co_filename).startswith(self._root)
        return ours

    def _line_told(self, code: CodeType, line: int) -> object:
        if self._is_ours(code):
            self._ran.setdefault(os.path.realpath(code.co_filename), set()).add(line)
        monitoring: Any = vars(sys)["monitoring"]
        return monitoring.DISABLE

    def _call(self, frame: FrameType, event: str, argument: object) -> Any:
        # Every call of pytest's own code comes by here, so: one look-up by the name of its file, and out.
        code = frame.f_code
        ours = self._ours.get(code.co_filename)
        if ours is False or (ours is None and not self._is_ours(code)):
            return None
        known = self._left.get(id(code))  # a code object hashes all it holds, each time; kept, its id stays its own
        if known is None:
            ran = self._ran.setdefault(os.path.realpath(code.co_filename), set())
            known = self._left[id(code)] = (code, set(_lines(code)), ran)
        _, left, ran = known
        if not left:
            return None

        def line(frame: FrameType, event: str, argument: object) -> Any:
            if event == "line":
                ran.add(frame.f_lineno)
                left.discard(frame.f_lineno)
            return line

        return line


def _sources(root: str) -> Iterator[str]:
    """Python files of the product itself, in order."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and name not in ("__pycache__", "node_modules", "build", "dist", "venv")
        )
        for name in sorted(names):
            if name.endswith(".py") and not is_test_file(name) and name not in ("conftest.py", "setup.py"):
                yield os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")


def _executable(path: str) -> set[int]:
    """Lines that can run at all; bodies for type checkers and for starting as a program are left out."""
    if os.path.getsize(path) > MOST_FILE_BYTES:
        return set()
    with open(path, "rb") as file:
        content = file.read()
    try:
        module = ast.parse(content)
        code = compile(content, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return set()
    lines = set(_all_lines(code))
    for node in ast.walk(module):
        if isinstance(node, ast.If) and ast.unparse(node.test).split(".")[-1].split(" ")[0] in (
            "TYPE_CHECKING",
            "__name__",
        ):
            lines -= set(range(node.lineno, (node.body[-1].end_lineno or node.lineno) + 1))
    return lines


def _all_lines(code: CodeType) -> Iterator[int]:
    yield from _lines(code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _all_lines(constant)


def _lines(code: CodeType) -> Iterator[int]:
    """Lines of one function or module, without the one its definition stands on: that one is its surrounding's."""
    for _, _, line in code.co_lines():
        if line and (line != code.co_firstlineno or code.co_name == "<module>" or code.co_name.startswith("<")):
            yield line
