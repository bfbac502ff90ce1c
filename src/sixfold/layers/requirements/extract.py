"""What a reader of documents gives, and how it refuses."""

from __future__ import annotations

from sixfold.domain.data import Data

MOST_CHARS = 200_000
"""Of text taken over from one attachment."""


class Extract(Data, frozen=True, kw_only=True):
    """What a document held."""

    text: str
    pictures: tuple[bytes, ...] = ()
    """PNG or JPEG files, each different."""
    notes: tuple[str, ...] = ()


class Unreadable(Exception):
    """A document cannot be read; the text completes "attachment NAME …"."""
