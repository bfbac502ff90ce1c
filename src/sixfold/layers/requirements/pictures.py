"""PNG and JPEG without an imaging library: what they are, how large, whether they are whole."""

from __future__ import annotations

import struct
import zlib

from sixfold.domain.data import Data

_PNG = b"\x89PNG\r\n\x1a\n"
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
MOST_PIXELS = 50_000_000


class Picture(Data, frozen=True, kw_only=True):
    """What a picture's header says."""

    media_type: str
    width: int
    height: int
    channels: int = 3
    """Colour components; 4 in a JPEG is print colour, which few viewers can show."""


class BrokenPicture(Exception):
    """The bytes begin like a picture but are not a whole one; the text says why."""


def picture(content: bytes) -> Picture | None:
    """The picture these bytes are, or None when they are something else.

    Raises:
        BrokenPicture: truncated, damaged, or larger than 50 million pixels.
    """
    if content.startswith(_PNG):
        found = _png(content)
    elif content.startswith(b"\xff\xd8\xff"):
        found = _jpeg(content)
    else:
        return None
    if not 0 < found.width * found.height <= MOST_PIXELS:
        raise BrokenPicture(f"it claims {found.width} × {found.height} pixels")
    return found


def png(width: int, height: int, channels: int, samples: bytes) -> bytes:
    """A PNG file of 8-bit samples, row by row; `channels` is 1 (grey) or 3 (red, green, blue)."""
    row = width * channels
    raw = b"".join(b"\0" + samples[start : start + row] for start in range(0, row * height, row))
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    return _PNG + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(raw, 6)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(content: bytes) -> Picture:
    place, size = len(_PNG), (0, 0)
    while place + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        if kind == b"IHDR" and length == 13:
            size = struct.unpack_from(">II", content, place + 8)
        if kind == b"IEND":
            return Picture(media_type="image/png", width=size[0], height=size[1])
        place += 12 + length
    raise BrokenPicture("it is cut off")


def _jpeg(content: bytes) -> Picture:
    place = 2
    found = None
    while place + 4 <= len(content) and found is None:
        if content[place] != 0xFF:
            raise BrokenPicture("it is damaged")
        kind = content[place + 1]
        if kind == 0xFF:
            place += 1
            continue
        (length,) = struct.unpack_from(">H", content, place + 2)
        if kind in _FRAMES and place + 10 <= len(content):
            height, width, channels = struct.unpack_from(">HHB", content, place + 5)
            found = Picture(media_type="image/jpeg", width=width, height=height, channels=channels)
        place += 2 + length
    if found is None or b"\xff\xd9" not in content[place:]:
        raise BrokenPicture("it is cut off")
    return found
