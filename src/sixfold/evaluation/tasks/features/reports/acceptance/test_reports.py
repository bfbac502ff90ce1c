"""Acceptance of the report downloads."""

import html
import os
import urllib.parse

import pytest
from accept_service import exploited

req, core, security = pytest.mark.req, pytest.mark.core, pytest.mark.security
SECRET = "top-secret-word"


@pytest.fixture
def place(tmp_path):
    """Two reports, and secrets all around them."""
    for path, text in {
        "reports/2030/march.pdf": "march",
        "reports/Overview.txt": "overview",
        "reports/.drafts/next.txt": SECRET,
        "reports/.password": SECRET,
        "reports-private/salaries.txt": SECRET,
        "secret.txt": SECRET,
    }.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


@pytest.fixture
def site(serve, place):
    return serve("reports", "--folder", place / "reports")


def fetch(site, name):
    return site.get("/download?name=" + urllib.parse.quote(name, safe=""))


def names(site):
    return [item["name"] for item in site.get("/api/reports").json]


@core
@req("R1")
def test_reports_are_listed_and_downloaded(site, place):
    assert sorted(names(site)) == ["2030/march.pdf", "Overview.txt"]
    assert fetch(site, "2030/march.pdf").body == b"march"
    (place / "reports" / "late.bin").write_bytes(bytes(range(256)) * 300)
    assert {"name": "late.bin", "size": 76800} in site.get("/api/reports").json
    assert fetch(site, "late.bin").body == bytes(range(256)) * 300


@core
@req("R1")
def test_the_page_links_to_every_report(site):
    page = html.unescape(site.get("/").text)
    assert "march.pdf" in page
    assert "/download?name=" in page


@req("R3")
def test_hidden_files_are_not_listed(site):
    assert not [name for name in names(site) if "drafts" in name or "password" in name]


@req("R4")
def test_the_list_is_ordered_by_name(site, place):
    for name in ("zebra.txt", "Apple.txt", "banana.txt"):
        (place / "reports" / name).write_text("x")
    assert names(site) == ["2030/march.pdf", "Apple.txt", "banana.txt", "Overview.txt", "zebra.txt"]


@req("R5")
def test_a_download_has_the_files_own_name(site):
    kept = fetch(site, "2030/march.pdf").header("Content-Disposition")
    assert "attachment" in kept
    assert "march.pdf" in kept
    assert "2030" not in kept


@req("R6")
@pytest.mark.parametrize("name", ["März 2030.txt", 'the "big" one.txt', "a+b & c;d.txt", "100%.txt"])
def test_names_with_odd_letters_work(site, place, name):
    (place / "reports" / name).write_text("odd")
    assert name in names(site)
    assert fetch(site, name).body == b"odd"


@req("R7")
def test_unknown_and_missing_names_are_told_apart(site):
    assert fetch(site, "nothing.txt").status == 404
    assert site.get("/download").status == 400
    assert fetch(site, "").status == 400
    assert 400 <= fetch(site, "2030").status < 500


@req("R2")
@security("CWE-22")
@pytest.mark.parametrize(
    "name",
    [
        "../secret.txt",
        "2030/../../secret.txt",
        "./../secret.txt",
        "2030//../..//secret.txt",
        "..%2fsecret.txt",
        "....//secret.txt",
        "..\\secret.txt",
        "{place}/secret.txt",
        "//{place}/secret.txt",
        "../reports-private/salaries.txt",
        "../secret.txt\x00.pdf",
    ],
)
def test_no_name_leads_out_of_the_folder(site, place, name):
    assert fetch(site, "Overview.txt").body == b"overview"
    answer = fetch(site, name.format(place=str(place)))
    exploited(SECRET in answer.text, f"{name} gives a file outside the folder")


@req("R2")
@security("CWE-22")
@pytest.mark.parametrize("path", ["/../secret.txt", "/%2e%2e/secret.txt", "/reports/../secret.txt", "/secret.txt"])
def test_no_path_leads_out_of_the_folder(site, path):
    assert fetch(site, "Overview.txt").body == b"overview"
    exploited(SECRET in site.get(path).text, f"{path} gives a file outside the folder")


@req("R2")
@security("CWE-59")
@pytest.mark.parametrize("name", ["link.txt", "away/secret.txt", "away/reports-private/salaries.txt"])
def test_no_link_leads_out_of_the_folder(site, place, name):
    os.symlink(place / "secret.txt", place / "reports" / "link.txt")
    os.symlink(place, place / "reports" / "away")
    assert fetch(site, "Overview.txt").body == b"overview"
    exploited(SECRET in fetch(site, name).text, f"{name} follows a link out of the folder")
    exploited(any(part.startswith(("link", "away")) for part in names(site)), "what lies behind a link is listed")


@req("R3")
@security("CWE-552")
@pytest.mark.parametrize("name", [".password", ".drafts/next.txt", "2030/../.password", "./.password"])
def test_hidden_files_are_not_given(site, name):
    assert fetch(site, "Overview.txt").body == b"overview"
    exploited(SECRET in fetch(site, name).text, f"{name} gives a hidden file")


@req("R6")
@security("CWE-113")
@pytest.mark.parametrize("edge", ["\r\n", "\n", "\r"])
def test_a_name_begins_no_header(site, place, edge):
    name = f"a{edge}X-Planted: 1.txt"
    (place / "reports" / name).write_text("odd")
    assert fetch(site, "Overview.txt").body == b"overview"
    exploited(fetch(site, name).headers.get("X-Planted"), "a file's name begins a header")
    exploited(fetch(site, f"x{edge}X-Planted: 1").headers.get("X-Planted"), "a name asked for begins a header")


@req("R8")
@security("CWE-79")
def test_names_are_no_html(site, place):
    (place / "reports" / "<img src=x onerror=alert(1)>.txt").write_text("odd")
    page = site.get("/").text
    assert "Overview.txt" in page
    exploited("<img src=x onerror" in page, "a file's name becomes markup")
    answer = fetch(site, "<script>alert(1)</script>")
    shown = "<script>alert(1)" in answer.text and "html" in answer.header("Content-Type")
    exploited(shown, "a name asked for becomes markup")


@req("R9")
@security("CWE-79")
def test_a_report_does_not_run_as_a_page(site, place):
    (place / "reports" / "page.html").write_text("<script>alert(1)</script>")
    answer = fetch(site, "page.html")
    assert answer.body == b"<script>alert(1)</script>"
    exploited("attachment" not in answer.header("Content-Disposition").lower(), "a report is shown as a page")
