"""Text that a model, a repository or a file wrote, made harmless for people's eyes.

Control sequences could repaint a terminal and hide what is approved; bidirectional controls reorder code on the screen
(CVE-2021-42574, "Trojan Source"); zero-width and tag characters hide text. All of them are spelled out
as backslash escapes.
"""

from __future__ import annotations

import json
import re

_DELETE = "\\u007f"
"""`json.dumps` leaves this one control character as it is."""
_HOSTILE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and line feed, DEL, C1
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff"  # bidi, zero width, separators
    "\U000e0000-\U000e007f\ud800-\udfff]"  # tags, lone surrogates
)


def visible(text: str) -> str:
    """The text with every control, bidi and hidden character spelled out. Line feeds and tabs stay."""
    return _HOSTILE.sub(_spell, text.replace("\r\n", "\n"))


def one_line(text: str, most_chars: int = 0) -> str:
    """`visible`, on one line, cut to `most_chars` when that is not 0."""
    line = " ".join(visible(text).split())
    return line[: most_chars - 1] + "…" if most_chars and len(line) > most_chars else line


def visible_json(text: str) -> str:
    """JSON text with the same characters written as JSON's own escapes: equal to a parser, harmless on a screen."""
    return _HOSTILE.sub(lambda match: _DELETE if match.group() == "\x7f" else json.dumps(match.group())[1:-1], text)


def hostile(text: str) -> bool:
    """True when the text holds something `visible` would spell out."""
    return bool(_HOSTILE.search(text.replace("\r\n", "\n")))


def _spell(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
