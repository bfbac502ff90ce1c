"""How every value of the vocabulary is written: frozen, typed, plain JSON.

All data that crosses a port, enters the event log or is stored is a `Data`. Decoding validates types, so what was
written by an older version or by a model either becomes a value or raises `InvalidData`; nothing in between.
"""

from __future__ import annotations

import hashlib
from typing import Any, NewType, TypeVar

import msgspec

from sixfold.domain.errors import InvalidData

T = TypeVar("T")

Json = Any
"""What `json.loads` can return. The codec, not the type checker, guards its shape."""

Tree = NewType("Tree", str)
"""A git tree id (40 hex digits) in the run's own repository: the workspace as a value."""

Digest = NewType("Digest", str)
"""SHA-256 of some bytes, 64 hex digits: the name of a blob."""


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen value. Sub-classes are the nouns of the system; sequences in them are tuples.

    msgspec applies `kw_only` to the class that says it only, so every noun says it again.
    """


def digest(content: bytes | str) -> Digest:
    """SHA-256 of bytes, or of a text's UTF-8 form."""
    raw = content.encode() if isinstance(content, str) else content
    return Digest(hashlib.sha256(raw).hexdigest())


def to_json(value: object) -> Json:
    """Turn data (or a container of data) into exactly what reading its JSON text back would give."""
    return msgspec.json.decode(msgspec.json.encode(value))


def from_json(value: Json, kind: type[T]) -> T:
    """Build `kind` from plain JSON values.

    Raises:
        InvalidData: a field is missing or has the wrong type; the message names its path.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise InvalidData(f"not a valid {getattr(kind, '__name__', kind)}: {error}") from error


def canonical(value: object) -> str:
    """The one JSON text of a value: keys sorted, no spaces, UTF-8 kept. Equal values give equal texts."""
    return msgspec.json.encode(value, order="sorted").decode()
