"""JavaScript read without a parser: texts, comments and patterns blanked out, arguments and values cut out."""

from __future__ import annotations

import re

BEFORE_PATTERN = re.compile(r"(?:^|[(,=:\[!&|?{};+\-*%<>~^]|\breturn|\btypeof|\bcase)\s*$")
MOST_CHARS = 4000


def arguments(code: str, start: int) -> list[str]:
    """Arguments of a call whose opening bracket ends at `start`."""
    depth, begin, found = 0, start, []
    for place in range(start, min(len(code), start + MOST_CHARS)):
        char = code[place]
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
            if depth < 0:
                found.append(code[begin:place])
                return [one for one in found if one.strip()]
        elif char == "," and depth == 0:
            found.append(code[begin:place])
            begin = place + 1
    return []


def value_of(code: str, start: int) -> str:
    """The right side of an assignment: to the `;`, a closing bracket, or a line end that ends the expression."""
    depth = 0
    for place in range(start, min(len(code), start + MOST_CHARS)):
        char = code[place]
        depth += (char in "([{") - (char in ")]}")
        if depth < 0 or (depth == 0 and (char == ";" or (char == "\n" and _ends(code, start, place)))):
            return code[start:place]
    return code[start : start + MOST_CHARS]


def _ends(code: str, start: int, place: int) -> bool:
    """Whether an expression is whole where a line ends."""
    before, after = code[start:place].rstrip(), code[place + 1 : place + 200].lstrip()
    return before[-1:] not in ("", *"+?:,(.&|") and after[:1] not in (*"+?:.|",) and before.count("`") % 2 == 0


def blanked(text: str) -> str:
    """The text with comments, regular expressions and the insides of texts as blanks; what `${}` holds stays."""
    kept: list[str] = []
    open_templates: list[int] = []  # depth of braces inside each `${`
    place = 0
    while place < len(text):
        char, two = text[place], text[place : place + 2]
        if two in ("//", "/*"):
            end = text.find("\n" if two == "//" else "*/", place + 2)
            end = len(text) if end < 0 else end if two == "//" else end + 2
            kept.append(_blank(text[place:end]))
        elif char in "'\"":
            end = _closing(text, place + 1, char)
            kept.append(char + _blank(text[place + 1 : end]) + text[end : end + 1])
            end += 1
        elif char == "/" and BEFORE_PATTERN.search("".join(kept[-40:])):
            end = _closing(text, place + 1, "/") + 1
            kept.append(_blank(text[place:end]))
        elif char == "`" or (char == "}" and open_templates and open_templates[-1] == 0):
            if char == "}":
                open_templates.pop()
            end = place + 1
            while end < len(text) and text[end] != "`" and text[end : end + 2] != "${":
                end += 2 if text[end] == "\\" else 1
            opens = text[end : end + 2] == "${"
            kept.append(char + _blank(text[place + 1 : end]) + ("${" if opens else text[end : end + 1]))
            if opens:
                open_templates.append(0)
            end += 2 if opens else 1
        else:
            if open_templates and char in "{}":
                open_templates[-1] += 1 if char == "{" else -1
            kept.append(char)
            end = place + 1
        place = end
    return "".join(kept)


def _closing(text: str, place: int, mark: str) -> int:
    """Where a text or pattern ends; a line end ends it too."""
    inside = False
    while place < len(text) and text[place] != "\n" and (text[place] != mark or inside):
        if mark == "/":
            inside = text[place] == "[" or (inside and text[place] != "]")
        place += 2 if text[place] == "\\" else 1
    return min(place, len(text))


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
