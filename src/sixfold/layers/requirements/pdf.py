"""PDF: text with its layout, and pictures that can be had without an imaging library."""

from __future__ import annotations

import contextlib
import io
import logging
import struct
import zlib
from collections.abc import Iterator

import pypdf
from pypdf.errors import PyPdfError
from pypdf.generic import DictionaryObject, StreamObject

from sixfold.layers.requirements.extract import MOST_CHARS, Extract, Unreadable
from sixfold.layers.requirements.pictures import MOST_PIXELS, BrokenPicture, picture, png

_MOST_PAGES = 200
_MOST_PICTURES = 20
_LEAST_SIDE = 48
"""Pixels; smaller pictures are rules, bullets and logos."""

# What a parser written in Python meets in a damaged or hostile file; it names none of these as its own.
_DAMAGE = (
    PyPdfError, ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError, NotImplementedError,
    RecursionError, OverflowError, MemoryError, OSError, zlib.error, struct.error,
)  # fmt: skip


def read_pdf(content: bytes) -> Extract:
    """Text page by page, each under `[page N]`, and pictures of a readable size.

    Raises:
        Unreadable: locked with a password, or too damaged for its page list to be read.
    """
    with _quiet():
        try:
            reader = pypdf.PdfReader(io.BytesIO(content))
            # An empty password opens files that are only protected against changes.
            locked = reader.is_encrypted and not reader.decrypt("")
            count = 0 if locked else len(reader.pages)
        except _DAMAGE as error:
            if "crypt" in str(error).lower() or "AES" in str(error):
                raise Unreadable("is an encrypted PDF; save it without a password") from error
            raise Unreadable("is a damaged PDF") from error
        if locked:
            raise Unreadable("is an encrypted PDF; save it without a password")
        if count == 0:
            raise Unreadable("is a PDF without pages, or a damaged one")
        return _pages(reader, count)


def _pages(reader: pypdf.PdfReader, count: int) -> Extract:
    texts: list[str] = []
    images: dict[bytes, None] = {}
    size = broken = skipped = 0
    for number in range(min(count, _MOST_PAGES)):
        try:
            page = reader.pages[number]
            text = page.extract_text(extraction_mode="layout").rstrip()
        except _DAMAGE:
            broken += 1
            continue
        if text.strip():
            texts.append(f"[page {number + 1}]\n{text}")
            size += len(text)
        for image in _images(page):
            if image is None or len(images) >= _MOST_PICTURES:
                skipped += 1
            else:
                images[image] = None
        if size > MOST_CHARS:
            break
    if broken == count:
        raise Unreadable("is a damaged PDF")
    notes = []
    if count > _MOST_PAGES:
        notes.append(f"only the first {_MOST_PAGES} of {count} pages were read")
    if broken:
        notes.append(f"{broken} page(s) could not be read")
    if skipped:
        notes.append(f"{skipped} picture(s) could not be taken over")
    if not texts:
        notes.append("no text was found: drawn or scanned pages")
    return Extract(text="\n\n".join(texts), pictures=tuple(images), notes=tuple(notes))


def _images(page: pypdf.PageObject) -> Iterator[bytes | None]:
    """PNG or JPEG files of a page's pictures; None for one that cannot be taken over. Small ones are passed by."""
    try:
        resources = page.get("/Resources", DictionaryObject()).get_object()
        objects = resources.get("/XObject", DictionaryObject()).get_object()
        names = list(objects)
    except _DAMAGE:
        return
    for name in names:
        try:
            item = objects[name].get_object()
            if not isinstance(item, StreamObject) or item.get("/Subtype") != "/Image":
                continue
            width, height = int(str(item["/Width"])), int(str(item["/Height"]))
            if min(width, height) < _LEAST_SIDE:
                continue
            yield _image(item, width, height)
        except (*_DAMAGE, BrokenPicture):
            yield None


def _image(item: StreamObject, width: int, height: int) -> bytes | None:
    filters = item.get("/Filter")
    names = [str(filters)] if isinstance(filters, str) else [str(one) for one in filters or []]
    if width * height > MOST_PIXELS:
        return None
    if names == ["/DCTDecode"]:
        raw = bytes(item._data)
        seen = picture(raw)
        return raw if seen is not None and seen.channels in (1, 3) else None
    if names not in ([], ["/FlateDecode"]) or item.get("/BitsPerComponent") != 8:
        return None
    channels = {"/DeviceRGB": 3, "/DeviceGray": 1, "/CalRGB": 3, "/CalGray": 1}.get(_colours(item), 0)
    samples = item.get_data() if channels else b""
    return png(width, height, channels, samples) if channels and len(samples) >= width * height * channels else None


def _colours(item: StreamObject) -> str:
    space = item.get("/ColorSpace")
    space = space.get_object() if space is not None else ""
    if isinstance(space, str):
        return str(space)
    if isinstance(space, list) and len(space) > 1 and space[0] == "/ICCBased":
        return {1: "/DeviceGray", 3: "/DeviceRGB"}.get(space[1].get_object()["/N"], "")
    return str(space[0]) if isinstance(space, list) and space else ""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The parser's remarks about damaged files are not for the person's screen: the note says what was lost."""
    logger = logging.getLogger("pypdf")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
