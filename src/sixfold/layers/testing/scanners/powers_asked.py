"""Powers nobody asked for: whatever a model was talked into by a text it read is held against the person's own words.

A model may be fooled; its output is judged all the same. Programs that are started, machines that are talked to and
private files that are read must be spoken of by the person, or at least by the specification they can see. A command or
an address that stands in a repository's text or in an attachment, and nowhere in the person's words, was put
there by somebody else.
"""

from __future__ import annotations

import ast
import asyncio
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence

from sixfold.domain import syntax
from sixfold.domain.data import Tree
from sixfold.domain.evidence import Finding
from sixfold.domain.ports import Repository
from sixfold.domain.words import Words
from sixfold.layers.testing.scanners.files import MOST_BYTES, in_order, is_test, line_of
from sixfold.layers.testing.scanners.powers import Power, Use, addresses, uses
from sixfold.layers.testing.scanners.suspicious import HIDDEN
from sixfold.layers.testing.scanners.trees import nodes

_SPOKEN: Mapping[Power, re.Pattern[str]] = {
    "process": re.compile(
        r"(?i)\b(run|runs|running|execut\w+|command|commands|shell|subprocess|process|processes|spawn|launch\w*|"
        r"start|starts|program|programs|tool|tools|script|scripts|git|compil\w+|build|editor|browser|cron|job|jobs|worker|"
        r"workers|ffmpeg|ssh|ping|docker|systemd|cli)\b"
    ),
    "network": re.compile(
        r"(?i)(https?:|\b(url|urls|http|api|apis|web|website|webhook|fetch\w*|download\w*|request|requests|client|remote|"
        r"network|internet|online|mail|e-?mail|smtp|ftp|socket|scrap\w+|crawl\w*|feed|rss|sync\w*|proxy|server|service|"
        r"post|notify|notification\w*|slack|telegram|link|links|dns|peer|browser)\b)"
    ),
    "private": re.compile(r"(?i)(\.ssh|\.aws|netrc|credential|\bssh\b|/etc/|\bkeys?\b|environment|\benv\b|secret)"),
}
_WHAT: Mapping[Power, str] = {
    "process": "starts another program",
    "network": "talks to another machine",
    "private": "reads what is private to the person",
}
_RULE: Mapping[Power, tuple[str, str]] = {
    "process": ("unasked-process", "CWE-78"),
    "network": ("unasked-network", "CWE-200"),
    "private": ("unasked-private-data", "CWE-522"),
}
_FOREIGN = "{!r} stands in a text from outside and in no word of the person; say it in the request if it is wanted"
_LEAST_CHARS = 6
_ENDINGS = "py pyi js mjs cjs ts tsx jsx html css sh toml yml yaml json cfg ini"
_TEXTUAL = tuple(f".{ending}" for ending in _ENDINGS.split(" "))


class PowersAsked:
    """The scanner port over `unasked`."""

    name = "powers"

    def __init__(self, repository: Repository, words: Callable[[], Words], *, base: Tree | None = None) -> None:
        """Remember where to look.

        Args:
            words: what was said so far.
            base: the tree the run began with; its texts are foreign too.
        """
        self._repository = repository
        self._words = words
        self._base = base
        self._standing: str | None = None

    async def scan(self, tree: Tree, paths: Sequence[str] = ()) -> tuple[Finding, ...]:
        """Findings in code, pages and settings."""
        return await asyncio.to_thread(self._scan, tree, paths)

    def _scan(self, tree: Tree, paths: Sequence[str]) -> tuple[Finding, ...]:
        words = self._words()
        found: list[Finding] = []
        for entry in self._repository.files(tree):
            wanted = (not paths or entry.path in paths) and entry.path.endswith(_TEXTUAL)
            if wanted and entry.mode != "120000" and entry.size_bytes <= MOST_BYTES:
                content = self._repository.read(tree, entry.path) or b""
                found += unasked(entry.path, content.decode(errors="replace"), words, self._foreign)
        return in_order(found)

    def _foreign(self) -> str:
        """The texts of the tree the run began with, read once and only when something must be looked up."""
        if self._standing is None:
            entries = self._repository.files(self._base) if self._base is not None else ()
            readable = [one.path for one in entries if one.mode != "120000" and one.size_bytes <= MOST_BYTES]
            contents = (self._repository.read(self._base, path) or b"" for path in readable) if self._base else ()
            self._standing = uncovered("\n".join(content.decode(errors="replace") for content in contents))
        return self._standing


def uncovered(text: str) -> str:
    """A text without the characters that only hide it."""
    shown = "".join(chr(ord(char) - 0xE0000) if 0xE0020 <= ord(char) < 0xE007F else char for char in text)
    return unicodedata.normalize("NFKC", "".join(char for char in shown if ord(char) not in HIDDEN))


def unasked(path: str, text: str, words: Words, standing: Callable[[], str]) -> Iterator[Finding]:
    """Findings in one file.

    Args:
        standing: the repository's own texts before the run; called only when a literal must be looked up.
    """
    if not path.endswith(".py"):
        for address in addresses(text):
            if _foreign(address, words, standing):
                line = text[: text.index(address)].count("\n") + 1
                yield _finding(path, line, "foreign-address", _FOREIGN.format(address), "CWE-506", text)
        return
    try:
        tree = syntax.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for use in uses(tree):
        yield from _judged(path, text, use, words, standing)
    for node in _constants(tree):
        for address in addresses(str(node.value)):
            if _foreign(address, words, standing):
                yield _finding(path, node.lineno, "foreign-address", _FOREIGN.format(address), "CWE-506", text)


def _judged(path: str, text: str, use: Use, words: Words, standing: Callable[[], str]) -> Iterator[Finding]:
    foreign = [literal for literal in use.literals if _foreign(literal, words, standing)]
    rule, cwe = _RULE[use.power]
    spoken = _SPOKEN[use.power]
    if foreign:
        yield _finding(path, use.line, "foreign-command", _FOREIGN.format(foreign[0][:80]), "CWE-506", text)
    elif spoken.search(words.person) or (is_test(path) and use.power == "process"):
        return
    elif use.on_import or not spoken.search(words.specification):
        when = " as soon as it is imported" if use.on_import else ""
        message = f"{use.name} {_WHAT[use.power]}{when}; neither the request nor an answer speaks of that"
        yield _finding(path, use.line, rule, message, cwe, text)


def _foreign(literal: str, words: Words, standing: Callable[[], str]) -> bool:
    """Whether a text stands in what came from outside and nowhere in the person's words.

    A constant that the repository's own code already uses as a whole is its own, not somebody's instruction.
    """
    if len(literal) < _LEAST_CHARS or literal in words.person:
        return False
    if literal in uncovered(words.foreign):
        return True
    before = standing()
    quoted = (f"{quote}{literal}{quote}" in before for quote in ("'", '"'))
    return literal in before and not any(quoted)


def _constants(tree: ast.Module) -> Iterator[ast.Constant]:
    """Texts that are values, not documentation."""
    documentation = {
        id(node.value) for node in nodes(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in nodes(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node


def _finding(path: str, line: int, rule: str, message: str, cwe: str, text: str) -> Finding:
    return Finding(
        tool="powers",
        rule=rule,
        severity="error",
        message=message,
        path=path,
        line=line,
        cwe=cwe,
        evidence=line_of(text, line),
    )
