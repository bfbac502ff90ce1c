"""What a new text must pass before it replaces an old one: nothing cut, nothing lost by accident, still well-formed."""

from __future__ import annotations

import ast
import json
import re
import tomllib
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

from sixfold.domain import syntax
from sixfold.layers.synthesis.matching import excerpt

LARGE_FILE_LINES = 30
"""A file of at least this many filled lines is protected against losing most of them."""
LARGEST_LOSS = 0.5
"""Share of its filled lines such a file may lose without having been asked to."""
LARGEST_TEXT_BYTES = 2 * 1024 * 1024
"""Largest text file an edit may write."""

_COMMENT = re.compile(r"^(?:#|//|/\*+|<!--|--|;|%|\*|\{/\*)\s*(?P<text>.*?)\s*(?:\*/\}?|-->)?\s*$")
_ELISION = re.compile(
    r"^[\[(]?(?:\.{3,}|…)\s*[)\]]?(?:$|.*\b(?:rest|existing|remaining|remainder|unchanged|previous|same|omitted|other|"
    r"original|code|continue[sd]?|before|above|below|implementation|methods?|functions?|here)\b)",
    re.IGNORECASE,
)
_PHRASES = re.compile(
    r"\b(?:rest|remainder) of (?:the |this |your )?(?:\w+ )?(?:code|file|function|class|module|methods?|implementation|"
    r"content|script|document)s?\b.*\b(?:unchanged|same|here|remains?|stays?|omitted|as before|goes)\b"
    r"|\b(?:rest|remaining (?:code|methods?|functions?)|existing code|previous code|"
    r"other (?:code|methods?|functions?))\b"
    r"[ ,:]*(?:is |are |remains? |stays? |goes )?(?:the )?(?:unchanged|same|here|omitted|as before)\b"
    r"|\b(?:code|content|lines?|implementation) (?:is |are )?(?:omitted|unchanged|elided)\b"
    r"|\bomitted for brevity\b|\bkeep (?:the |your )?(?:existing|rest of the) code\b|\b(?:rest|all) unchanged\b",
    re.IGNORECASE,
)
_PROSE = (".md", ".markdown", ".mdx", ".rst", ".txt")
_COMMENTED_JSON = re.compile(r"(^|/)(tsconfig[^/]*|jsconfig|devcontainer)\.json$|(^|/)\.vscode/|\.jsonc$")


def placeholder(path: str, old: str, new: str) -> str:
    """The first line of `new` that stands for code instead of being it, and was not there before; empty when none."""
    before = {line.strip() for line in old.split("\n")}
    for line in new.split("\n"):
        text = line.strip()
        comment = _COMMENT.match(text)
        if comment is None or text in before:
            continue
        if path.endswith(_PROSE) and not text.startswith("<!--"):
            continue  # `#` and `*` are headings and bullets there
        if _ELISION.search(comment["text"]) or _PHRASES.search(comment["text"]):
            return text
    return ""


def lost_lines(old: str, new: str, elsewhere: Iterable[str]) -> tuple[int, int]:
    """How many filled lines the file loses on balance, and how many it had.

    Lines that another file of the same patch now holds were moved, not lost.
    """
    before = Counter(line.strip() for line in old.split("\n") if line.strip())
    after = Counter(line.strip() for line in new.split("\n") if line.strip())
    shrunk = before.total() - after.total()
    if shrunk <= 0:
        return 0, before.total()
    missing = before - after
    for text in elsewhere:
        missing -= Counter(line.strip() for line in text.split("\n") if line.strip())
    return min(shrunk, missing.total()), before.total()


def syntax_problem(path: str, text: str) -> tuple[str, str]:
    """Why the text is not what its name says (one line), and the lines around the place; both empty when it is."""
    suffix = PurePosixPath(path).suffix
    if suffix in (".py", ".pyi"):
        return _python_problem(path, text)
    if suffix == ".json" and not _COMMENTED_JSON.search(path):
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            return f"not valid JSON: line {error.lineno}: {error.msg}", _around(text, error.lineno)
        except RecursionError:
            return "not valid JSON: nested too deeply", ""
    if suffix == ".toml":
        try:
            tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"line (\d+)", str(error))
            return f"not valid TOML: {error}", _around(text, int(found[1]) if found else text.count("\n"))
        except RecursionError:
            return "not valid TOML: nested too deeply", ""
    return "", ""


def _python_problem(path: str, text: str) -> tuple[str, str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in generated code is the linter's business
            module = syntax.parse(text)
    except SyntaxError as error:
        line = error.lineno or 1
        return f"not valid Python: line {line}: {error.msg}", _around(text, line)
    except (ValueError, RecursionError, MemoryError) as error:
        return f"not valid Python: {error or 'nested too deeply'}", ""
    for node in module.body:
        stub = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...
        if stub and not path.endswith(".pyi"):
            return f"cut short: line {node.lineno} is a bare `...`", _around(text, node.lineno)
    return "", ""


def _around(text: str, line: int) -> str:
    return excerpt(text.split("\n"), line - 1, line)
