"""What a coder may say besides edits: notes for those who use its contracts, that a contract or an order is wrong."""

from __future__ import annotations

import re

from msgspec.structs import replace

from sixfold.domain.code import Objection, Patch
from sixfold.layers.synthesis.formats import EditFormat, blocks

MOST_NOTES = 3
_MOST_NOTE_CHARS = 300
_MOST_OBJECTION_CHARS = 4_000
_NOTE = re.compile(r"^[ ]{0,3}<note>(.*?)</note>[ \t]*$", re.MULTILINE)
_CONTRACT = re.compile(
    r"""^[ ]{0,3}<contract id=["']([^"'\n]+)["']>(.*?)</contract>[ \t]*$""", re.MULTILINE | re.DOTALL
)
_NOTHING = re.compile(r"^[ ]{0,3}<nothing>(.*?)</nothing>[ \t]*$", re.MULTILINE | re.DOTALL)
_BODY = re.compile(r"^[ ]{0,3}<(file|edit)\b.*?</\1>", re.MULTILINE | re.DOTALL)


def parse(text: str, format: EditFormat = blocks.BLOCKS, *, may_decline: bool = False) -> Patch:
    """Read an answer: edits with notes around them, or an objection and nothing else.

    Tags inside the content of a file are content.

    Args:
        may_decline: the answer that there is nothing to change is one, too.

    Raises:
        Unreadable: as the edit format; an answer of notes alone holds no edits.
    """
    outside = _BODY.sub("", text)
    notes = [" ".join(match[1].split())[:_MOST_NOTE_CHARS] for match in _NOTE.finditer(outside)]
    objection = _CONTRACT.search(outside)
    if objection is not None and "<file" not in outside and not _BODY.search(text):
        return Patch(
            edits=(),
            objection=Objection(contract=objection[1].strip(), text=objection[2].strip()[:_MOST_OBJECTION_CHARS]),
        )
    nothing = _NOTHING.search(outside) if may_decline and not re.search(r"<(file|edit|delete)\b", text) else None
    if nothing is not None:
        return Patch(edits=(), declined=" ".join(nothing[1].split())[:_MOST_NOTE_CHARS] or "no reason was given")
    patch = format.parse(text)
    told = tuple(note for note in notes if note)[:MOST_NOTES]
    return replace(patch, published=told) if told else patch
