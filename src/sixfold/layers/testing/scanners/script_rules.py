"""JavaScript and TypeScript that hands data to an interpreter: a shell, `eval`, a page's markup.

No parser: comments and the insides of texts are blanked out, and what is left is looked at. A finding blocks where data
visibly goes in without an escape; where a bare name goes in that may be harmless, it is a warning.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence

from sixfold.domain.data import Tree
from sixfold.domain.evidence import Finding
from sixfold.domain.ports import Repository
from sixfold.layers.testing.scanners.files import FileRules, line_of
from sixfold.layers.testing.scanners.script_flows import Use, find_flows, find_settings
from sixfold.layers.testing.scanners.script_text import arguments, blanked, value_of

ENDINGS = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")
TEST = re.compile(r"(^|/)(tests?|__tests__)/|\.(test|spec)\.\w+$")
FIRST = re.compile(
    r"child_process|\beval\b|\bFunction\b|\w+HTML\b|document\.write|srcdoc|"
    r"\b(req|request|ctx)\.|Math\.random|rejectUnauthorized|TLS_REJECT|createHash|(?i:select|insert|update|delete)\s"
)
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
    for place, rule, cwe, severity, message in (
        *_uses(text, code),
        *find_flows(text, code),
        *find_settings(text, code),
    ):
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


def _uses(text: str, code: str) -> Iterator[Use]:
    for found in CALLS.finditer(code):
        given = arguments(code, found.end())
        name = found[1] or found[2]
        if not given or CONSTANT.fullmatch(given[-1]):
            continue
        if found[1]:
            yield found.start(), "evaluated-data", "CWE-95", "error", f"{name} runs text that is not constant as code"
        else:
            yield from _markup(found.start(), name, given[-1])
    for found in ASSIGNED.finditer(code):
        yield from _markup(found.start(), found[1] or found[2], value_of(code, found.end()))
    if PROCESSES.search(text):
        for found in SHELL.finditer(code):
            given = arguments(code, found.end())
            if given and not CONSTANT.fullmatch(given[0]):
                data = "${" in given[0] or "+" in given[0]
                message = f"{found[1]} hands text that is not constant to a shell; use execFile with a list"
                yield found.start(), "shell-command", "CWE-78", "error" if data else "warning", message
        for found in SPAWN.finditer(code):
            given = arguments(code, found.end())
            constant = all(CONSTANT.fullmatch(one.strip("[] \n")) for one in given[:-1])
            if given and re.search(r"\bshell\s*:\s*true\b", given[-1]) and not constant:
                message = f"{found[1]} with shell: true hands text that is not constant to a shell"
                yield found.start(), "shell-command", "CWE-78", "error", message


def _markup(place: int, name: str, value: str) -> Iterator[Use]:
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
