"""Reading what came with a request. Every file is hostile until read; what cannot be read is refused by name.

The bytes decide what a file is, the name only breaks ties between kinds of text.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

from sixfold.domain.data import Digest
from sixfold.domain.errors import RequestError
from sixfold.domain.requirements import Attachment
from sixfold.layers.requirements.extract import MOST_CHARS, Extract, Unreadable
from sixfold.layers.requirements.pictures import BrokenPicture, picture

MOST_BYTES = 20 * 1024 * 1024
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_READABLE = "text, Markdown, code, PNG, JPEG, PDF and DOCX can be read"
_MEDIA_TYPES = {
    "md": "text/markdown",
    "markdown": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
    "py": "text/x-python",
    "xml": "application/xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
}
_FOREIGN = (
    (b"GIF8", "a GIF picture; save it as PNG"),
    (b"BM", "a BMP picture; save it as PNG"),
    (b"II*\0", "a TIFF picture; save it as PNG"),
    (b"MM\0*", "a TIFF picture; save it as PNG"),
    (b"RIFF", "a WebP picture or a sound; save pictures as PNG"),
    (b"\x1f\x8b", "a gzip archive; attach the files in it"),
    (b"7z\xbc\xaf", "a 7z archive; attach the files in it"),
    (b"Rar!", "a RAR archive; attach the files in it"),
    (b"\xd0\xcf\x11\xe0", "an old Office file or one with a password; save it as DOCX or PDF without a password"),
    (b"{\\rtf", "an RTF document; save it as DOCX or text"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)
_CLAIMS = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "pdf": "application/pdf", "docx": DOCX}
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")


def read(name: str, content: bytes, keep: Callable[[bytes], Digest]) -> Attachment:
    """The attachment with its text and pictures extracted; its bytes and pictures are kept as blobs.

    Args:
        name: as the person gave it; folders are dropped.
        content: the whole file.
        keep: stores bytes under their digest; not called for a file that is refused.

    Raises:
        RequestError: empty, over 20 MB, damaged, locked, of a kind that cannot be read, or dangerous to open.
    """
    shown = _CONTROL.sub("", re.split(r"[/\\]", name)[-1]).strip()[:120] or "attachment"
    try:
        media_type, extract = _extract(shown, content)
    except Unreadable as reason:
        raise RequestError(
            f"attachment {shown} {reason}", next=f"leave it out or attach another form: {_READABLE}"
        ) from (reason.__cause__)
    text, notes = extract.text, list(extract.notes)
    if len(text) > MOST_CHARS:
        notes.append(f"text cut after {MOST_CHARS} of {len(text)} characters")
        text = text[:MOST_CHARS]
    types = tuple(found.media_type for item in extract.pictures if (found := picture(item)) is not None)
    return Attachment(
        name=shown,
        media_type=media_type,
        digest=keep(content),
        text=text,
        images=tuple(keep(item) for item in extract.pictures),
        image_types=types,
        note="; ".join(notes),
    )


def _extract(name: str, content: bytes) -> tuple[str, Extract]:
    """The media type by the bytes, and what is in them."""
    if not content:
        raise Unreadable("is empty")
    if len(content) > MOST_BYTES:
        raise Unreadable(f"has {len(content) // 1_000_000} MB; at most {MOST_BYTES >> 20} MB can be read")
    try:
        seen = picture(content)
    except BrokenPicture as reason:
        raise Unreadable(f"is not a whole picture: {reason}") from reason
    if seen is not None:
        return seen.media_type, Extract(text="", pictures=(content,))
    if b"%PDF-" in content[:1024]:
        # Heavy, and most requests come without a PDF.
        from sixfold.layers.requirements.pdf import read_pdf

        return "application/pdf", read_pdf(content)
    if content.startswith(b"PK\x03\x04"):
        from sixfold.layers.requirements.word import read_docx

        return DOCX, read_docx(content)
    suffix = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    for magic, what in _FOREIGN:
        if content.startswith(magic) and (len(magic) > 2 or _looks_binary(content)):
            raise Unreadable(f"is {what}")
    if suffix in _CLAIMS:
        raise Unreadable(f"is named .{suffix} but does not hold one")
    return _MEDIA_TYPES.get(suffix, "text/plain"), _plain(content)


def _looks_binary(content: bytes) -> bool:
    return b"\0" in content[:8192]


def _plain(content: bytes) -> Extract:
    """Text in UTF-8, UTF-16 with its mark, or Windows-1252 as the last resort; line ends made plain."""
    notes: tuple[str, ...] = ()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif _looks_binary(content):
        raise Unreadable("is a binary file")
    else:
        encoding = "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-16":
            raise Unreadable("is damaged UTF-16 text") from error
        text = content.decode("cp1252", errors="replace")
        notes = ("not UTF-8; read as Windows-1252",)
    # Coloured logs hold many escapes and are text all the same.
    if len(_CONTROL.findall(text.replace("\x1b", ""))) > len(text) // 100 + 3:
        raise Unreadable("is a binary file")
    return Extract(text=_CONTROL.sub("", text).replace("\r\n", "\n").replace("\r", "\n"), notes=notes)
