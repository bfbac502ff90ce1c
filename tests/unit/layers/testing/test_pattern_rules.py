"""Patterns that take exponential time block; those in which no text matches in two ways do not."""

from __future__ import annotations

import pytest

from sixfold.layers.testing.scanners.audit import audit

PAIRS = [
    (r"(?:[A-Za-z0-9]+[-_]?)+", r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*[-_]?"),
    (r"^(\w+\s?)*$", r"^\w+(\s\w+)*$"),
    (r"^([a-z]+)+@example$", r"^[a-z]+@example$"),
    (r"(\d+|\d+,)*;", r"(\d+,)*;"),
]


def rules(pattern: str, check: str = "") -> list[tuple[str, str]]:
    """Rule and severity of what is found in a module with the pattern."""
    checked = f"def known(text):\n    {check or 'pass'}\n    return KNOWN.fullmatch(text)\n"
    text = f"import re\nKNOWN = re.compile({pattern!r})\n{checked}"
    return [(one.rule, one.severity) for one in audit("lib.py", text.encode()) if one.rule == "endless-pattern"]


@pytest.mark.parametrize(("slow", "quick"), PAIRS)
def test_exponential_pattern_blocks_and_its_repaired_form_does_not(slow: str, quick: str) -> None:
    assert rules(slow) == [("endless-pattern", "error")]
    assert rules(quick) == []


def test_a_short_limit_on_the_text_makes_it_a_warning() -> None:
    assert rules(PAIRS[0][0], "assert len(text) <= 20") == [("endless-pattern", "warning")]


def test_a_pattern_that_cannot_be_read_is_passed_over() -> None:
    assert rules(r"(?:[a-z]+[-_]?)+(") == []
