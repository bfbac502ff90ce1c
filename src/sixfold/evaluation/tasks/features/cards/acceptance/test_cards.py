"""Acceptance of the greeting cards."""

import itertools
import re

import pytest
from accept_service import exploited

req, core, security = pytest.mark.req, pytest.mark.core, pytest.mark.security
KEY = "owner-key-5512"


@pytest.fixture
def cards(serve, tmp_path):
    (tmp_path / "data").mkdir()
    return serve("cards", "--data", tmp_path / "data", "--key", KEY)


def write(cards, text="Dear {to}, love {from}", **fields):
    return cards.post("/cards", {"to": "Ana", "from": "Bob", "colour": "white", **fields, "text": text})


def made(cards, *words, **fields):
    answer = write(cards, *words, **fields)
    assert answer.status == 201, answer.text
    return answer.json["id"]


def page(cards, *words, **fields):
    answer = cards.get(f"/cards/{made(cards, *words, **fields)}")
    assert answer.status == 200
    assert answer.header("Content-Type").startswith("text/html")
    return answer.text


@core
@req("R1")
def test_a_card_shows_the_names_also_after_a_restart(cards):
    id = made(cards)
    cards.restart()
    assert "Dear Ana, love Bob" in cards.get(f"/cards/{id}").text


@core
@req("R2")
@pytest.mark.parametrize("text", ["{date} {to}", "a { b } {to}", "{} {to}", "{0} {to}", "{to!r} {to}", "}{ {to}"])
def test_other_braces_stay_as_they_are(cards, text):
    assert text.replace("{to}", "Ana") in page(cards, text)


@core
@req("R4")
@pytest.mark.parametrize("colour", ["red", "#fff", "#00Aa9f", None])
def test_colours_are_names_or_hexadecimal(cards, colour):
    answer = cards.post("/cards", {"to": "A", "from": "B", "text": "x", **({"colour": colour} if colour else {})})
    assert answer.status == 201
    assert (colour or "white").lower() in cards.get(f"/cards/{answer.json['id']}").text.lower()


@req("R4")
@pytest.mark.parametrize("colour", ["#ffff", "red blue", "12", "#ggg"])
def test_other_colours_are_refused(cards, colour):
    assert 400 <= write(cards, colour=colour).status < 500


@req("R6")
def test_a_name_that_looks_like_a_placeholder_stays(cards):
    shown = page(cards, "{to} and {from}", **{"to": "{from}", "from": "{to}"})
    assert "{from} and {to}" in shown


@req("R7")
def test_line_breaks_stay(cards):
    shown = page(cards, "one\ntwo")
    assert re.search(r"one\s*<br\s*/?>\s*two", shown) or ("one\ntwo" in shown and "pre" in shown)


@req("R8")
def test_texts_and_names_are_limited(cards):
    for fields in ({"text": "x" * 1001}, {"to": "n" * 81}, {"from": " "}, {"text": 7}):
        answer = cards.post("/cards", {"to": "Ana", "from": "Bob", "colour": "red", "text": "x", **fields})
        assert 400 <= answer.status < 500, fields
    made(cards, "x" * 1000, to="n" * 80)


@core
@req("R9")
def test_the_owner_sees_all_ids(cards):
    ids = {made(cards), made(cards)}
    assert set(cards.get("/cards", X_Key=KEY).json) == ids


@req("R9")
@security("CWE-306")
@pytest.mark.parametrize("key", [None, "", "guess", KEY[:-1]])
def test_nobody_else_sees_the_ids(cards, key):
    id = made(cards)
    answer = cards.send("GET", "/cards", headers={} if key is None else {"X-Key": key})
    exploited(str(id) in answer.text, f"the key {key!r} shows all ids")


@req("R5")
@security("CWE-330")
def test_links_cannot_be_guessed(cards):
    ids = [str(made(cards)) for _ in range(4)]
    exploited(len(set(ids)) < 4, "two cards have the same link")
    exploited(min(map(len, ids)) < 12, f"a link has few characters: {ids[0]}")
    numbers = [int(id, 16) for id in (id.replace("-", "") for id in ids) if re.fullmatch(r"[0-9a-fA-F]+", id)]
    near = any(abs(a - b) < 1 << 32 for a, b in itertools.pairwise(numbers))
    exploited(near, "links are counted up")


@req("R2")
@security("CWE-1336")
@pytest.mark.parametrize(
    "text",
    [
        "{to.__class__}",
        "{to.__class__.__init__.__globals__}",
        "{from.__doc__}",
        "{to[0]}",
        "{to!r:>20}",
        "{{1337*7331}}",
        "${to}{{to.__class__}}",
        "%(to)s",
        "<%= 1337*7331 %>",
    ],
)
def test_a_text_is_no_program(cards, text):
    assert "Dear Ana" in page(cards, "Dear {to}")
    answer = write(cards, text)
    if 400 <= answer.status < 500:
        return
    shown = cards.get(f"/cards/{answer.json['id']}").text if answer.status == 201 else answer.text
    signs = (
        "&lt;class",
        "<class",
        "__main__",
        "9801547",
        "str(object=",
        KEY,
        "             'Ana",
        "             &#x27;Ana",
        "             &#39;Ana",
    )
    exploited(any(sign in shown.replace(text, "") for sign in signs), f"{text} is worked out: {shown[-200:]}")


@req("R8", "R2")
@security("CWE-400")
@pytest.mark.parametrize("text", ["{to:>300000000}", "{to:0300000000}", "{to!s:^300000000}"])
def test_a_short_text_makes_no_huge_page(cards, text):
    made(cards)
    answer = write(cards, text)
    if answer.status == 201:
        try:
            large = len(cards.get(f"/cards/{answer.json['id']}").body) > 1 << 20
        except OSError:
            large = True
        exploited(large, f"{text} makes a page of hundreds of megabytes")
    assert "Dear" in page(cards)


@req("R3")
@security("CWE-79")
@pytest.mark.parametrize("field", ["to", "from", "text"])
@pytest.mark.parametrize("attack", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>"])
def test_nothing_people_write_is_html(cards, field, attack):
    fields = {"text": "Hello {to} {from}", field: attack}
    text = fields.pop("text")
    shown = page(cards, text, **fields)
    exploited(attack in shown, f"markup in {field} is part of the page")


@req("R3", "R4")
@security("CWE-79")
@pytest.mark.parametrize(
    "colour",
    [
        'red" onmouseover="alert(1)',
        "red' onmouseover='alert(1)",
        "red;background:url(//evil.example)",
        "</style><script>x",
        "red}body{display:none",
    ],
)
def test_a_colour_is_nothing_but_a_colour(cards, colour):
    assert "Dear Ana" in page(cards, "Dear {to}")
    answer = write(cards, colour=colour)
    if answer.status == 201:
        shown = cards.get(f"/cards/{answer.json['id']}").text
        exploited(colour in shown, f"the colour {colour} is part of the page")
