"""DOCX: paragraphs and tables in order as Markdown, and the pictures in it."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib

import docx
from docx.opc.exceptions import OpcError
from docx.table import Table
from docx.text.paragraph import Paragraph

from sixfold.layers.requirements.extract import MOST_CHARS, Extract, Unreadable
from sixfold.layers.requirements.pictures import BrokenPicture, picture

_MOST_MEMBERS = 2_000
_MOST_UNPACKED_BYTES = 100_000_000
_MOST_RATIO = 150
"""Unpacked to packed size of a member over a megabyte; ordinary text stays below 30."""
_MOST_PICTURES = 20
_MOST_ROWS = 2_000

# What the parser meets in a damaged or hostile file. lxml's syntax errors are `SyntaxError`s.
_DAMAGE = (
    OpcError, zipfile.BadZipFile, zlib.error, struct.error, ValueError, KeyError, IndexError, TypeError, AttributeError,
    SyntaxError, RecursionError, NotImplementedError, EOFError, OSError, RuntimeError,
)  # fmt: skip


def read_docx(content: bytes) -> Extract:
    """Headings, paragraphs, lists and tables as Markdown.

    Raises:
        Unreadable: no DOCX, damaged, locked, or built to exhaust whoever opens it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            notes = _inspect(archive)
            pictures, skipped = _pictures(archive)
        document = docx.Document(io.BytesIO(content))
        text, cut = _markdown(document.iter_inner_content())
    except _DAMAGE as error:
        raise Unreadable("is a damaged DOCX or ZIP file") from error
    if skipped:
        notes.append(f"{skipped} picture(s) could not be taken over")
    if cut:
        notes.append(f"a table was cut after {_MOST_ROWS} rows")
    return Extract(text=text, pictures=pictures, notes=tuple(notes))


def _inspect(archive: zipfile.ZipFile) -> list[str]:
    """Refuse what must not be opened; note what will not be read."""
    members = archive.infolist()
    names = {member.filename for member in members}
    if "word/document.xml" not in names:
        raise Unreadable("is a ZIP archive or another Office file; attach the files in it, or save it as DOCX or PDF")
    if any(member.flag_bits & 1 for member in members):
        raise Unreadable("is locked with a password")
    whole = sum(member.file_size for member in members)
    swollen = any(
        member.file_size > 1_000_000 and member.file_size > _MOST_RATIO * max(1, member.compress_size)
        for member in members
    )
    if len(members) > _MOST_MEMBERS or whole > _MOST_UNPACKED_BYTES or swollen:
        raise Unreadable("unpacks to far more than a document holds; it was not opened")
    for member in members:
        if member.filename.endswith((".xml", ".rels")):
            # Some encodings would hide the words from this search; Word itself writes UTF-8 only.
            text = archive.read(member)
            if text.startswith((b"\xff\xfe", b"\xfe\xff")) or b"<!DOCTYPE" in text or b"<!ENTITY" in text:
                raise Unreadable("holds a document type definition, which no DOCX needs; it was not opened")
    notes = []
    if any(name.endswith("vbaProject.bin") for name in names):
        notes.append("macros were ignored")
    for part in ("comments", "footnotes", "endnotes"):
        if f"word/{part}.xml" in names:
            notes.append(f"{part} were not read")
    return notes


def _pictures(archive: zipfile.ZipFile) -> tuple[tuple[bytes, ...], int]:
    """The PNG and JPEG files of the document in the order of their numbers, and how many others there are."""
    found: dict[bytes, None] = {}
    skipped = 0
    media = [name for name in archive.namelist() if name.startswith("word/media/") and not name.endswith("/")]
    for name in sorted(
        media, key=lambda name: [int(part) if part.isdigit() else 0 for part in re.split(r"(\d+)", name)]
    ):
        content = archive.read(name)
        try:
            readable = picture(content) is not None
        except BrokenPicture:
            readable = False
        if readable and len(found) < _MOST_PICTURES:
            found[content] = None
        else:
            skipped += 1
    return tuple(found), skipped


def _markdown(content: object) -> tuple[str, bool]:
    """The body as Markdown, and whether a table was cut."""
    parts: list[str] = []
    size, cut = 0, False
    for item in content:  # type: ignore[attr-defined]
        if isinstance(item, Table):
            part, shortened = _table(item)
            cut = cut or shortened
        elif isinstance(item, Paragraph):
            part = _paragraph(item)
        else:
            continue
        if part:
            parts.append(part)
            size += len(part)
        if size > MOST_CHARS:
            break
    text = "\n\n".join(parts)
    # Items of one list stand together.
    return re.sub(r"(?m)^(- .*)\n\n(?=- )", r"\1\n", text), cut


def _paragraph(item: Paragraph) -> str:
    text = item.text.strip()
    style = (item.style.name or "") if item.style is not None else ""
    heading = re.fullmatch(r"Heading ([1-6])", style)
    if not text:
        return ""
    if heading or style == "Title":
        return f"{'#' * int(heading.group(1)) if heading else '#'} {text}"
    numbered = item._p.pPr is not None and item._p.pPr.numPr is not None
    return f"- {text}" if style.startswith("List") or numbered else text


def _table(item: Table) -> tuple[str, bool]:
    """A Markdown table; the first row is taken as its head."""
    lines = []
    rows = list(item.rows)
    for row in rows[:_MOST_ROWS]:
        cells = [re.sub(r"\s+", " ", cell.text).strip().replace("|", "\\|") for cell in row.cells]
        lines.append("| " + " | ".join(cells) + " |")
        if len(lines) == 1:
            lines.append("|" + " --- |" * len(cells))
    return "\n".join(lines), len(rows) > _MOST_ROWS
