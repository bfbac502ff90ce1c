"""Attachments: read when they are what they seem, refused in one line that names them otherwise."""

from __future__ import annotations

import contextlib
import io
import zipfile

import docx
import pypdf
import pytest
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject, NumberObject, StreamObject

from sixfold.domain.data import Digest, digest
from sixfold.domain.errors import RequestError
from sixfold.domain.requirements import Attachment
from sixfold.layers.requirements.documents import DOCX, MOST_BYTES, read
from sixfold.layers.requirements.extract import MOST_CHARS
from sixfold.layers.requirements.pictures import BrokenPicture, picture, png

PNG = png(64, 64, 3, bytes(64 * 64 * 3))
JPEG = (
    b"\xff\xd8\xff\xe0\x00\x04ab"
    + b"\xff\xc0\x00\x11\x08\x00\x40\x00\x50\x03\x01\x11\x00\x02\x11\x01\x03\x11\x01"
    + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00data\xff\xd9"
)


class Blobs:
    def __init__(self) -> None:
        self.kept: dict[Digest, bytes] = {}

    def keep(self, content: bytes) -> Digest:
        self.kept[digest(content)] = content
        return digest(content)


def opened(name: str, content: bytes) -> Attachment:
    return read(name, content, Blobs().keep)


def pdf(*, text: str = "Retention is 30 days", password: str = "", image: StreamObject | None = None) -> bytes:
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(300, 200)
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Courier"),
        }
    )
    resources = DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})})
    if image is not None:
        resources[NameObject("/XObject")] = DictionaryObject({NameObject("/Im0"): writer._add_object(image)})
    page[NameObject("/Resources")] = resources
    stream = DecodedStreamObject()
    stream.set_data(f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode())
    page[NameObject("/Contents")] = writer._add_object(stream)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def pdf_image(data: bytes, *, jpeg: bool) -> StreamObject:
    image = StreamObject()
    image._data = data
    fields = {"/Type": "/XObject", "/Subtype": "/Image", "/ColorSpace": "/DeviceRGB"}
    for key, value in fields.items():
        image[NameObject(key)] = NameObject(value)
    for key, number in {"/Width": 64, "/Height": 64, "/BitsPerComponent": 8}.items():
        image[NameObject(key)] = NumberObject(number)
    if jpeg:
        image[NameObject("/Filter")] = NameObject("/DCTDecode")
    return image


def word(*, image: bytes = b"") -> bytes:
    document = docx.Document()
    document.add_heading("Roles", level=2)
    document.add_paragraph("Admins delete.")
    document.add_paragraph("first", style="List Bullet")
    document.add_paragraph("second", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(
        (*table.rows[0].cells, *table.rows[1].cells), ("Role", "May", "a|b", "read\nall"), strict=True
    ):
        cell.text = text
    document.add_paragraph("After the table.")
    if image:
        document.add_picture(io.BytesIO(image))
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def repacked(content: bytes, changes: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in changes:
                new.writestr(name, old.read(name))
        for name, data in changes.items():
            new.writestr(name, data)
    return out.getvalue()


def test_markdown_is_taken_over_with_plain_line_ends() -> None:
    found = opened("/home/me/notes.md", b"\xef\xbb\xbf# Rules\r\nNo ties.\r\n")
    assert (found.name, found.media_type, found.text) == ("notes.md", "text/markdown", "# Rules\nNo ties.\n")


def test_text_in_other_encodings_is_read_and_said_so() -> None:
    assert opened("a.txt", "größer".encode("utf-16")).text == "größer"
    latin = opened("a.txt", "größer".encode("cp1252"))
    assert latin.text == "größer"
    assert "Windows-1252" in latin.note


def test_long_text_is_cut_with_a_note() -> None:
    found = opened("a.txt", b"x" * (MOST_CHARS + 10))
    assert len(found.text) == MOST_CHARS
    assert "cut" in found.note


def test_terminal_controls_do_not_pass() -> None:
    assert "\x07" not in opened("a\x1b[2J.txt", b"bell \x07 rings").text
    assert "\x1b" not in opened("a\x1b[2J.txt", b"bell").name


@pytest.mark.parametrize(("content", "kind"), [(PNG, "image/png"), (JPEG, "image/jpeg")])
def test_picture_is_known_by_its_bytes_whatever_its_name(content: bytes, kind: str) -> None:
    blobs = Blobs()
    found = read("sketch.txt", content, blobs.keep)
    assert found.media_type == kind
    assert found.image_types == (kind,)
    assert blobs.kept[found.images[0]] == content


def test_pdf_gives_text_by_page() -> None:
    found = opened("spec.pdf", pdf())
    assert found.media_type == "application/pdf"
    assert found.text.startswith("[page 1]")
    assert "Retention is 30 days" in found.text


@pytest.mark.parametrize(
    ("data", "jpeg", "kind"), [(JPEG, True, "image/jpeg"), (bytes(64 * 64 * 3), False, "image/png")]
)
def test_pictures_in_a_pdf_become_files_a_model_can_see(data: bytes, jpeg: bool, kind: str) -> None:
    blobs = Blobs()
    found = read("spec.pdf", pdf(image=pdf_image(data, jpeg=jpeg)), blobs.keep)
    assert found.image_types == (kind,)
    seen = picture(blobs.kept[found.images[0]])
    assert seen is not None
    assert seen.media_type == kind


def test_docx_keeps_order_tables_lists_and_pictures() -> None:
    found = opened("roles.docx", word(image=PNG))
    assert found.media_type == DOCX
    assert found.text == (
        "## Roles\n\nAdmins delete.\n\n- first\n- second\n\n"
        "| Role | May |\n| --- | --- |\n| a\\|b | read all |\n\nAfter the table."
    )
    assert found.image_types == ("image/png",)


DTD = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]><w:document/>'
HOSTILE = {
    "empty": (b"", "is empty"),
    "huge": (b"x" * (MOST_BYTES + 1), "at most 20 MB"),
    "binary": (b"a\0b" * 100, "is a binary file"),
    "control.txt": (b"\x01\x02\x03\x04" * 100, "is a binary file"),
    "cut.png": (PNG[:-20], "is not a whole picture"),
    "cut.jpg": (JPEG[:30], "is not a whole picture"),
    "huge.png": (PNG[:16] + b"\x00\x0f\xff\xff" * 2 + PNG[24:], "pixels"),
    "fake.png": (b"hello", "does not hold one"),
    "fake.pdf": (b"hello", "does not hold one"),
    "fake.docx": (b"hello", "does not hold one"),
    "old.doc": (b"\xd0\xcf\x11\xe0" + bytes(600), "save it as DOCX"),
    "moving.gif": (b"GIF89a" + bytes(20), "save it as PNG"),
    "locked.pdf": (pdf(password="secret"), "encrypted PDF"),
    "cut.pdf": (pdf()[:200], "PDF"),
    "noise.pdf": (b"%PDF-1.7\n" + bytes(range(256)) * 20, "PDF"),
    "other.zip": (repacked(word(), {})[:0] or b"PK\x03\x04" + bytes(100), "damaged"),
    "cut.docx": (word()[:-200], "damaged"),
    "bomb.docx": (repacked(word(), {"word/document.xml": b" " * 30_000_000}), "not opened"),
    "dtd.docx": (repacked(word(), {"word/document.xml": DTD}), "document type definition"),
    "broken.docx": (repacked(word(), {"word/document.xml": b"<w:document"}), "damaged"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_in_one_line_and_nothing_is_kept(name: str) -> None:
    content, reason = HOSTILE[name]
    blobs = Blobs()
    with pytest.raises(RequestError) as caught:
        read(name, content, blobs.keep)
    assert caught.value.what.startswith(f"attachment {name} ")
    assert reason in caught.value.what
    assert "\n" not in caught.value.what
    assert blobs.kept == {}


def test_spreadsheet_is_not_taken_for_a_document() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    with pytest.raises(RequestError, match="another Office file"):
        opened("table.xlsx", out.getvalue())


def test_bytes_damaged_anywhere_never_end_in_another_error() -> None:
    for whole in (pdf(image=pdf_image(JPEG, jpeg=True)), word(image=PNG), PNG, JPEG):
        for place in range(0, len(whole), max(1, len(whole) // 25)):
            damaged = bytearray(whole)
            damaged[place : place + 4] = b"\xff\x00\xfe\x01"
            # Read or refused: any other exception fails the test.
            with contextlib.suppress(RequestError):
                opened("damaged.bin", bytes(damaged))


def test_picture_of_no_size_is_broken() -> None:
    with pytest.raises(BrokenPicture):
        picture(PNG[:16] + bytes(8) + PNG[24:])
