"""No hidden character survives, and nothing else changes."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from sixfold.interfaces.escape import hostile, one_line, visible, visible_json

HIDDEN = "\x1b\x07\x9b\x7f\r\u202e\u2066\u200b\ufeff\u2028\U000e0041"


def test_every_hidden_character_is_spelled_out() -> None:
    for sign in HIDDEN:
        assert hostile(f"a{sign}b")
        assert visible(f"a{sign}b") == "a" + sign.encode("unicode_escape").decode().replace("\\r", "\\x0d") + "b"


def test_honest_text_is_left_alone() -> None:
    text = "def größe():\n\treturn '日本語 😀'\n"
    assert visible(text) == text
    assert visible("a\r\nb") == "a\nb"
    assert not hostile("a\r\nb")


@given(st.text())
def test_shown_text_is_never_hostile(text: str) -> None:
    assert not hostile(visible(text))
    assert "\n" not in one_line(text)


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",))))
def test_json_keeps_its_meaning(text: str) -> None:
    raw = json.dumps({"x": text}, ensure_ascii=False)
    assert json.loads(visible_json(raw)) == {"x": text}
    assert not hostile(visible_json(raw))


def test_one_line_is_cut_to_size() -> None:
    assert one_line("a b\nc", 4) == "a b…"
    assert one_line("abcd", 4) == "abcd"
