"""JavaScript and TypeScript that hands data to an interpreter: a shell, `eval`, or a page's markup.

No parser: comments and the insides of texts are blanked out, and what is left is looked at. A finding blocks where data
visibly goes in without an escape; where a bare name goes in that may be harmless, it is a warning.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from typing import Literal

from sixfold.domain.data import Tree
from sixfold.domain.evidence import Finding
from sixfold.domain.ports import Repository
from sixfold.layers.testing.scanners.files import FileRules, line_of

ENDINGS = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")
TEST = re.compile(r"(^|/)(tests?|__tests__)/|\.(test|spec)\.\w+$")
FIRST = re.compile(r"child_process|\beval\b|\bFunction\b|\w+HTML\b|document\.write|srcdoc")
"""Without one of these no rule applies; looked for first."""

CALLS = re.compile(
    r"(?<![\w$.])(?:(?:globalThis|window|self)\.)?(eval|new\s+Function)\s*\(|\b(document\.write(?:ln)?|insertAdjacentHTML|"
    r"createContextualFragment)\s*\("
)
ASSIGNED = re.compile(
    r"\.(innerHTML|outerHTML|srcdoc)\s*\+?=(?![=>])|\b(dangerouslySetInnerHTML)\s*=\s*\{\{\s*__html\s*:"
)
SHELL = re.compile(r"(?<![\w$.])(?:(?:child_process|childProcess|cp)\.)?(exec|execSync|execAsync)\s*\(")
SPAWN = re.compile(r"(?<![\w$.])(?:(?:child_process|childProcess|cp)\.)?(spawn|spawnSync|execFile|execFileSync)\s*\(")
PROCESSES = re.compile(r"""['"](?:node:)?child_process['"]""")
CONSTANT = re.compile(r"[\s'\"`+\d.,()]*")
NAME = re.compile(r"[\w$.\[\]\s()]*")
SAFE = re.compile(r"(?i)escape|sanit|purif|encode|\bsafe|\bNumber\(|parseInt\(|toFixed\(|\.length\b")
"""Words of what makes data harmless before it becomes markup."""
NUMERIC = re.compile(r"\s*(\d+|[\w$.]*(?i:count|total|index|number|length|size|width|height|percent))\s*")
BEFORE_PATTERN = re.compile(r"(?:^|[(,=:\[!&|?{};+\-*%<>~^]|\breturn|\btypeof|\bcase)\s*$")
MOST_CHARS = 4000


class ScriptRules:
    """The scanner port over `find_in_script`."""

    name = "script"

    def __init__(self, repository: Repository) -> None:
        self._files = FileRules(repository, find_in_script)

    async def scan(self, tree: Tree, paths: Sequence[str] = ()) -> tuple[Finding, ...]:
        """Findings in JavaScript and TypeScript outside of tests."""
        return await asyncio.to_thread(self._files.scan, tree, paths)


def find_in_script(path: str, content: bytes) -> Iterator[Finding]:
    """Findings in one file."""
    text = content.decode("utf-8", errors="replace")
    if not path.endswith(ENDINGS) or path.endswith((".min.js", ".d.ts")) or TEST.search(path) or not FIRST.search(text):
        return
    code = blanked(text)
    for place, rule, cwe, severity, message in _uses(text, code):
        line = text.count("\n", 0, place) + 1
        yield Finding(
            tool="script",
            rule=rule,
            severity=severity,
            message=message,
            path=path,
            line=line,
            cwe=cwe,
            evidence=line_of(text, line),
        )


_Use = tuple[int, str, str, Literal["warning", "error"], str]


def _uses(text: str, code: str) -> Iterator[_Use]:
    for found in CALLS.finditer(code):
        arguments = _arguments(code, found.end())
        name = found[1] or found[2]
        if not arguments or CONSTANT.fullmatch(arguments[-1]):
            continue
        if found[1]:
            yield found.start(), "evaluated-data", "CWE-95", "error", f"{name} runs text that is not constant as code"
        else:
            yield from _markup(found.start(), name, arguments[-1])
    for found in ASSIGNED.finditer(code):
        yield from _markup(found.start(), found[1] or found[2], _value(code, found.end()))
    if PROCESSES.search(text):
        for found in SHELL.finditer(code):
            arguments = _arguments(code, found.end())
            if arguments and not CONSTANT.fullmatch(arguments[0]):
                data = "${" in arguments[0] or "+" in arguments[0]
                message = f"{found[1]} hands text that is not constant to a shell; use execFile with a list"
                yield found.start(), "shell-command", "CWE-78", "error" if data else "warning", message
        for found in SPAWN.finditer(code):
            arguments = _arguments(code, found.end())
            constant = all(CONSTANT.fullmatch(one.strip("[] \n")) for one in arguments[:-1])
            if arguments and re.search(r"\bshell\s*:\s*true\b", arguments[-1]) and not constant:
                message = f"{found[1]} with shell: true hands text that is not constant to a shell"
                yield found.start(), "shell-command", "CWE-78", "error", message


def _markup(place: int, name: str, value: str) -> Iterator[_Use]:
    """Markup made of data; numbers and what went through an escape are let pass."""
    if CONSTANT.fullmatch(value) or not value.strip():
        return
    parts = _interpolated(value)
    raw = [part for part in parts if not SAFE.search(part) and not NUMERIC.fullmatch(part)]
    if raw:
        shown = " ".join(raw[0].split())[:60]
        yield (
            place,
            "raw-markup",
            "CWE-79",
            "error",
            f"{name} gets {shown!r} as markup without an escape; use textContent",
        )
    elif not parts and not SAFE.search(value) and NAME.fullmatch(value):
        yield place, "raw-markup", "CWE-79", "warning", f"{name} gets markup that is not constant"


def _interpolated(value: str) -> list[str]:
    """What goes into a text: between `${` and `}`, and the other side of a `+`; only plain names and calls.

    Longer expressions, such as a `map` that returns a text itself, are looked at through the texts inside them.
    """
    inside = [part for part in re.findall(r"\$\{([^{}]*)\}", value) if "`" not in part and "=>" not in part]
    joined = re.findall(r"[`'\"]\s*\+\s*([\w$.\[\]]+(?:\([^()]*\))?)|([\w$.\[\]]+(?:\([^()]*\))?)\s*\+\s*[`'\"]", value)
    return [part for part in (*inside, *(one or other for one, other in joined)) if not _is_choice(part)]


def _is_choice(part: str) -> bool:
    """Whether only constant texts can come out of it: `open ? '' : ''`."""
    return "?" in part and CONSTANT.fullmatch(part.partition("?")[2].replace(":", "")) is not None


def _arguments(code: str, start: int) -> list[str]:
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


def _value(code: str, start: int) -> str:
    """The right side of an assignment: to the `;`, a closing bracket, or a line end that ends the expression."""
    depth = 0
    for place in range(start, min(len(code), start + MOST_CHARS)):
        char = code[place]
        depth += (char in "([{") - (char in ")]}")
        before, after = code[start:place].rstrip(), code[place + 1 :].lstrip()
        whole = char == "\n" and before and before[-1] not in "+?:,(.&|" and after[:1] not in ("+", "?", ":", ".", "|")
        if depth < 0 or (depth == 0 and (char == ";" or (whole and code[start:place].count("`") % 2 == 0))):
            return code[start:place]
    return code[start : start + MOST_CHARS]


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
