"""Edits as one JSON object, for models with a JSON mode or tool calls: the arguments of a call are the object."""

from __future__ import annotations

from sixfold.domain.code import Patch
from sixfold.domain.replies import Unreadable, json_in
from sixfold.layers.synthesis.formats.format import EditFormat

INSTRUCTION = """\
Answer with one JSON object: {"note": "one line", "edits": [...]}. An edit is
{"path": "a.py", "kind": "write", "content": "whole file"},
{"path": "a.py", "kind": "replace", "search": "whole lines, exactly as they stand once", "content": "new lines"} or
{"path": "a.py", "kind": "delete"}. Never abbreviate content.
"""


def parse(text: str) -> Patch:
    """Read the JSON object of an answer."""
    patch = json_in(text, Patch)
    if not patch.edits:
        raise Unreadable("the object holds no edits")
    return patch


OBJECTS = EditFormat(name="objects", instruction=INSTRUCTION, parse=parse)
