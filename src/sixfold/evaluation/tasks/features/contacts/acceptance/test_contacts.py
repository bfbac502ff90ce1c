"""Acceptance of the contact lists."""

import csv
import io
import zipfile

import pytest
from accept_service import exploited, size_of

req, core, security = pytest.mark.req, pytest.mark.core, pytest.mark.security
FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "=cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    '=HYPERLINK("http://evil.example","x")',
]


@pytest.fixture
def place(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path


@pytest.fixture
def book(serve, place):
    return serve("contacts", "--data", place / "data")


def file(*rows, header=("name", "email", "note")):
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode()


def packed(members):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return body.getvalue()


def bring(book, body):
    return book.send("POST", "/import", body)


def brought(book, body):
    answer = bring(book, body)
    assert answer.status == 200, answer.text
    return answer.json


def names(book):
    return [contact["name"] for contact in book.get("/contacts").json]


def exported(book):
    return list(csv.reader(io.StringIO(book.get("/export.csv").body.decode("utf-8-sig"), newline="")))


@core
@req("R1")
def test_contacts_end_up_in_one_list_also_after_a_restart(book):
    assert brought(book, file(("Ana", "ana@x.example", 'a, b\n"c"'))) == {"added": 1, "skipped": 0}
    brought(book, file(("Bob", "bob@x.example", "")))
    book.restart()
    assert book.get("/contacts").json == [
        {"name": "Ana", "email": "ana@x.example", "note": 'a, b\n"c"'},
        {"name": "Bob", "email": "bob@x.example", "note": ""},
    ]
    assert exported(book)[0] == ["name", "email", "note"]
    assert exported(book)[1:] == [["Ana", "ana@x.example", 'a, b\n"c"'], ["Bob", "bob@x.example", ""]]


@core
@req("R3")
def test_an_address_is_one_contact(book):
    brought(book, file(("Ana", "ana@x.example", "old"), ("Bob", "bob@x.example", "")))
    brought(book, file(("Anna", "ANA@x.example", "new")))
    found = {(contact["name"], contact["note"]) for contact in book.get("/contacts").json}
    assert found == {("Anna", "new"), ("Bob", "")}


@req("R4")
def test_lines_that_are_not_complete_are_skipped_and_counted(book):
    body = file(("Ana", "ana@x.example", ""), (" ", "x@x.example", ""), ("Cleo", "nowhere", ""), ("Dan",))
    assert brought(book, body) == {"added": 1, "skipped": 3}


@req("R5")
def test_the_list_is_ordered_by_name(book):
    brought(book, file(("zoe", "z@x.example", ""), ("Bob", "b@x.example", ""), ("adam", "a@x.example", "")))
    assert names(book) == ["adam", "Bob", "zoe"]
    assert [row[0] for row in exported(book)[1:]] == ["adam", "Bob", "zoe"]


@req("R6")
def test_marks_and_semicolons_are_fine(book):
    brought(book, b"\xef\xbb\xbf" + file(("Änne", "ae@x.example", "")))
    brought(book, "name;email;note\nÖz;oe@x.example;a, b\n".encode())
    assert {contact["name"]: contact["note"] for contact in book.get("/contacts").json} == {"Änne": "", "Öz": "a, b"}


@core
@req("R7")
def test_zip_files_are_read(book):
    members = {"a.csv": file(("Ana", "a@x.example", "")), "sub/B.CSV": file(("Bob", "b@x.example", ""))}
    assert brought(book, packed({**members, "readme.txt": b"hello"})) == {"added": 2, "skipped": 0}
    assert names(book) == ["Ana", "Bob"]


@req("R8")
@pytest.mark.parametrize("body", [b"", b"hello", b"a,b\n1,2\n", b"PK\x03\x04 broken", b"\xff\xfe\x00\x81"])
def test_other_files_are_refused(book, body):
    assert bring(book, body).status == 400
    assert names(book) == []


@req("R8")
def test_a_zip_file_with_one_bad_list_is_refused_as_a_whole(book):
    body = packed({"a.csv": file(("Ana", "a@x.example", "")), "b.csv": b"age\n7\n"})
    assert bring(book, body).status == 400
    assert names(book) == []


@req("R2")
@security("CWE-1236")
@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("column", [0, 2])
def test_no_cell_is_a_formula(book, formula, column):
    row = ["Ana", "ana@x.example", "fine"]
    row[column] = formula
    brought(book, file(row, ("Bob", "bob@x.example", "ok")))
    rows = exported(book)
    assert ["Bob", "bob@x.example", "ok"] in rows
    cells = [cell for row in rows for cell in row]
    exploited(any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells), f"{formula!r} is run by Excel")
    assert any(formula.strip() in cell for cell in cells)


@req("R2")
@security("CWE-1236")
def test_an_address_is_no_formula(book):
    brought(book, file(("Ana", "=1+1@x.example", ""), ("Bob", "bob@x.example", "")))
    rows = exported(book)
    assert any("bob@x.example" in row for row in rows)
    exploited(any(cell.startswith("=") for row in rows for cell in row), "an address is run by Excel")


@req("R7")
@security("CWE-22")
@pytest.mark.parametrize(
    "name", ["../planted.csv", "../../planted.csv", "{place}/planted.csv", "sub/../../planted.csv"]
)
def test_a_zip_file_writes_nothing_elsewhere(book, place, name):
    brought(book, file(("Ana", "ana@x.example", "")))
    bring(book, packed({name.format(place=place): file(("Eve", "eve@x.example", ""))}))
    found = [str(path) for folder in (place, place.parent) for path in folder.glob("planted.csv")]
    exploited(found, f"{name} was written outside the data folder")
    assert "Ana" in names(book)


@req("R9")
@security("CWE-409")
@pytest.mark.parametrize("name", ["bomb.csv", "bomb.txt"])
def test_a_small_zip_file_does_not_fill_the_memory(book, place, name):
    brought(book, file(("Ana", "ana@x.example", "")))
    before = book.peak_bytes()
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(name, "w") as member:
            member.write(b"name,email,note\n")
            for _ in range(256):
                member.write(b"x" * (1 << 20))
        archive.writestr("fine.csv", file(("Bob", "bob@x.example", "")))
    try:
        bring(book, body.getvalue())
    except OSError:
        exploited(book.process.poll() is not None, "a small zip file ends the service")
    grown = book.peak_bytes() - before
    exploited(grown > 128 << 20, f"a zip file of {len(body.getvalue()) >> 10} KiB took {grown >> 20} MiB of memory")
    kept = size_of(place)
    exploited(kept > 64 << 20, f"a zip file of {len(body.getvalue()) >> 10} KiB filled {kept >> 20} MiB of disk")
    assert "Ana" in names(book)


@security("CWE-400")
def test_an_endless_file_fills_neither_memory_nor_disk(book, place):
    brought(book, file(("Ana", "ana@x.example", "")))
    before = book.peak_bytes()
    book.flood("/import", b"name,email,note\n", "text/csv")
    grown = book.peak_bytes() - before
    exploited(grown > 128 << 20, f"a file without an end took {grown >> 20} MiB of memory")
    kept = size_of(place)
    exploited(kept > 128 << 20, f"a file without an end filled {kept >> 20} MiB of disk")
    assert names(book) == ["Ana"]


@req("R9")
def test_a_very_large_file_is_refused(book):
    brought(book, file(("Ana", "ana@x.example", "")))
    try:
        status = bring(book, file(*((f"N{n}", f"n{n}@x.example", "x" * 1000) for n in range(40_000)))).status
    except OSError:
        status = 413  # hung up while we were still sending
    assert status != 200, "a file of 40 MB is taken"
    assert names(book) == ["Ana"]
