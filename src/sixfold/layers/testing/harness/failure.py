"""A failure in a few stable lines: type, message, and the lines of the tree it passed through."""

from __future__ import annotations

import ast
import linecache
import os
import traceback

MOST_FRAMES = 5
MOST_CHARS = 8000


def describe(error: BaseException, root: str) -> str:
    """Exception type and message, then the innermost statements of files below `root`, outermost first.

    Only what does not depend on the interpreter's version or on the run: no carets, no frames of libraries, no reprs
    of frames. A statement stands with its first line, whatever line of it was running.
    """
    try:
        text = str(error)
    except Exception as trouble:
        text = f"(the message could not be read: {type(trouble).__name__})"
    if isinstance(error, SyntaxError) and error.filename:
        where = _inside(error.filename, root) or os.path.basename(error.filename)
        return f"{type(error).__name__}: {error.msg}\n  {where}:{error.lineno}: {(error.text or '').strip()}"[
            :MOST_CHARS
        ]
    name = type(error).__qualname__
    lines = [f"{name}: {text}" if text else name, *_notes(error)]
    frames = [
        (path, *_statement(frame.f_code.co_filename, number))
        for frame, number in traceback.walk_tb(error.__traceback__)
        if (path := _inside(frame.f_code.co_filename, root))
    ]
    lines += [f"  {path}:{number}: {source}" for path, number, source in frames[-MOST_FRAMES:]]
    return "\n".join(lines)[:MOST_CHARS]


def _notes(error: BaseException) -> list[str]:
    """What was added to an exception: Hypothesis puts the shrunk counterexample there."""
    notes = getattr(error, "__notes__", None)
    return [note for note in notes if type(note) is str][:5] if isinstance(notes, list) else []


def raised_in(error: BaseException, root: str) -> str:
    """Relative path of the innermost file below `root` that the error came through; empty when there is none."""
    found = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        found = _inside(frame.f_code.co_filename, root) or found
    return found


def _inside(filename: str, root: str) -> str:
    path = os.path.realpath(filename)
    if not path.startswith(os.path.realpath(root) + os.sep):
        return ""
    relative = os.path.relpath(path, os.path.realpath(root)).replace(os.sep, "/")
    # An installed product's files are named as they stand in its source.
    return relative.removeprefix(".sixfold/site/")


def _statement(filename: str, number: int) -> tuple[int, str]:
    """First line of the innermost statement at a line: interpreters differ in the line they name inside it."""
    lines = linecache.getlines(filename)
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError):
        tree = ast.Module(body=[], type_ignores=[])
    starts = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= number <= (node.end_lineno or node.lineno)
    ]
    start = max(starts, default=number)
    return start, lines[start - 1].strip()[:200] if 0 < start <= len(lines) else ""
