"""What is attached reaches the analyst as it is: tables of a PDF as rows, pictures as pictures, all of it as data."""

from __future__ import annotations

import io

import pypdf
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from sixfold.domain.data import Digest, digest
from sixfold.domain.requirements import Assumption, Request, Specification
from sixfold.layers.requirements.decide import decide_request
from sixfold.layers.requirements.documents import read
from sixfold.layers.requirements.pictures import png
from sixfold.layers.requirements.specify import specify_request

TABLE = (
    "Fee table          per day   most",
    "hand tool          0.50      10.00",
    "power tool         1.20      30.00",
)

LEDGER = Specification(title="Lend tools", assumptions=(Assumption(id="A1", text="Loans: 21 days"),))


def keep(content: bytes) -> Digest:
    return digest(content)


def table() -> bytes:
    """A PDF with one page that holds a table, as a word processor would print it."""
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(400, 300)
    name = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Courier"}
    font = DictionaryObject({NameObject(key): NameObject(value) for key, value in name.items()})
    fonts = DictionaryObject({NameObject("/F1"): font})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    drawn = DecodedStreamObject()
    lines = " ".join(f"({line}) Tj T*" for line in TABLE)
    drawn.set_data(f"BT /F1 11 Tf 20 260 Td 16 TL {lines} ET".encode())
    page[NameObject("/Contents")] = writer._add_object(drawn)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def request() -> Request:
    sketch = read("sketch.png", png(64, 64, 3, bytes(64 * 64 * 3)), keep)
    return Request(text="A tool library; loans last 21 days.", attachments=(sketch, read("fees.pdf", table(), keep)))


def test_table_of_a_pdf_keeps_its_rows_and_their_numbers() -> None:
    text = decide_request(request(), "", most_questions=5).messages[0].text
    rows = [line.split() for line in text.splitlines() if line.startswith(("hand tool", "power tool"))]
    assert rows == [["hand", "tool", "0.50", "10.00"], ["power", "tool", "1.20", "30.00"]]
    assert '<untrusted source="attachment fees.pdf"' in text


def test_picture_goes_to_both_calls_and_is_named_where_it_is_spoken_of() -> None:
    for asked in (decide_request(request(), "", most_questions=5), specify_request(request(), "", LEDGER)):
        assert [image.media_type for image in asked.messages[0].images] == ["image/png"]
        assert "Attachment sketch.png (image/png), picture 1" in asked.messages[0].text
