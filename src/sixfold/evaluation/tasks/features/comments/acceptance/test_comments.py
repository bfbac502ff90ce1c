"""Acceptance of the comments."""

import re

import pytest
from accept_service import exploited

req, core, security = pytest.mark.req, pytest.mark.core, pytest.mark.security
NOW = "2030-05-06T09:00:00"


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def site(serve, data):
    return serve("comments", "--data", data)


def write(site, text="Nice", *, now=NOW, **fields):
    return site.form("/comments", {"name": "Ana", "text": text, **fields}, X_Now=now)


def written(site, text="Nice", **fields):
    answer = write(site, text, **fields)
    assert answer.status == 303, answer.text
    return answer.header("Location")


def log(data):
    return (data / "comments.log").read_text(encoding="utf-8")


@core
@req("R1")
def test_a_comment_is_on_the_page_and_in_the_log(site, data):
    written(site, "A fine article")
    site.restart()
    page = site.get("/").text
    assert "A fine article" in page
    assert "Ana" in page
    assert len(re.findall(r'class="comment"', page)) == 1
    assert log(data).splitlines() == [f"{NOW} Ana"]


@core
@req("R2")
def test_people_end_up_where_they_came_from(site):
    assert written(site, next="/issues/7?page=2#end") == "/issues/7?page=2#end"
    assert written(site) == "/"


@req("R5")
def test_the_newest_comes_first(site):
    written(site, "first one", now="2030-05-06T09:00:00")
    written(site, "second one", now="2030-05-06T10:00:00")
    page = site.get("/").text
    assert page.index("second one") < page.index("first one")


@core
@req("R6")
def test_a_website_is_a_link_on_the_name(site):
    written(site, website="https://example.org/ana")
    assert re.search(r'<a\b[^>]*href="https://example\.org/ana"[^>]*>\s*Ana\s*</a>', site.get("/").text)


@req("R7")
def test_name_and_text_are_needed_and_limited(site):
    for fields in ({"name": " "}, {"text": "\n"}, {"name": "n" * 61}, {"text": "x" * 2001}):
        assert 400 <= write(site, **{"text": "Nice", **fields}).status < 500
    written(site, "x" * 2000, name="n" * 60)
    assert len(re.findall(r'class="comment"', site.get("/").text)) == 1


@req("R9")
def test_line_breaks_stay(site):
    written(site, "one\r\ntwo")
    page = site.get("/").text
    assert re.search(r"one\s*<br\s*/?>\s*two", page) or (re.search(r"one\r?\n?two", page) and "pre" in page)


@req("R3")
@security("CWE-601")
@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "https:evil.example",
        "///evil.example",
        "/\t/evil.example/",
        " //evil.example",
        "javascript:alert(1)",
        "http://127.0.0.1@evil.example/",
    ],
)
def test_nobody_is_sent_to_a_foreign_site(site, target):
    assert written(site, next="/fine") == "/fine"
    answer = write(site, next=target)
    place = answer.header("Location")
    # As browsers read it: backslashes are slashes, tabs and outer spaces are not there.
    seen = re.sub(r"[\t\r\n]", "", place).strip().replace("\\", "/")
    foreign = seen.startswith("//") or re.match(r"[a-zA-Z][\w+.-]*:", seen) is not None
    exploited(foreign, f"next={target!r} leads to {place}")


@req("R3")
@security("CWE-113")
@pytest.mark.parametrize("edge", ["\r\n", "\n", "\r"])
def test_next_begins_no_header(site, edge):
    assert written(site, next="/fine") == "/fine"
    answer = write(site, next=f"/fine{edge}X-Planted: 1{edge}Set-Cookie: session=planted")
    planted = answer.headers.get("X-Planted") or "session" in answer.cookies
    exploited(planted, "a line break in `next` begins a header")


@req("R4")
@security("CWE-79")
@pytest.mark.parametrize("field", ["name", "text", "website"])
def test_nothing_people_write_is_html(site, field):
    attack = "<script>alert(1)</script>"
    prefix = "https://example.org/" if field == "website" else ""
    written(site)
    if write(site, **{"text": "harmless", field: prefix + attack}).status in range(400, 500) and field == "website":
        return  # an address like this may as well be refused
    page = site.get("/").text
    assert 'class="comment"' in page
    exploited(attack in page, f"markup in {field} is part of the page")


@req("R4", "R6")
@security("CWE-79")
@pytest.mark.parametrize(
    "website",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "data:text/html,<b>x",
        "java\tscript:alert(1)",
        'https://example.org/" onmouseover="alert(1)',
        "https://example.org/' onmouseover='alert(1)",
    ],
)
def test_a_website_runs_nothing(site, website):
    write(site, "harmless", website=website)
    written(site, "another")
    page = site.get("/").text
    runs = re.search(r"""href\s*=\s*["']?\s*(java\s*script|data):""", page, re.IGNORECASE)
    breaks_out = re.search(r"<a\b[^>]*=\"[^\"]*\"\s+onmouseover|<a\b[^>]*='[^']*'\s+onmouseover", page)
    exploited(runs or breaks_out, f"the website {website!r} runs a script")


@req("R8")
@security("CWE-117")
@pytest.mark.parametrize("edge", ["\n", "\r\n", "\r", "\x85", "\u2028", "\x0b"])
def test_a_name_writes_no_second_line_into_the_log(site, data, edge):
    written(site, name="Bob")
    write(site, name=f"Ana{edge}2030-05-06T09:00:01 Boss")
    written(site, name="Cleo")
    lines = log(data).splitlines()
    forged = [line for line in lines if line.startswith("2030-05-06T09:00:01")]
    exploited(forged, "a name forges a line of the log")


@req("R7")
@security("CWE-400")
def test_a_very_long_comment_is_refused(site):
    written(site)
    try:
        status = write(site, "x" * (24 << 20)).status
    except OSError:
        status = 413  # hung up while we were still sending
    exploited(status == 303, "a comment of 24 MiB is taken")
