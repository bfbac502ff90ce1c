"""Patterns that take exponential time: a repetition of what already repeats, with nothing that must stand between."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from re import _constants as signs  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from sixfold.layers.testing.scanners.call_rules import Problem
from sixfold.layers.testing.scanners.taint import dotted
from sixfold.layers.testing.scanners.trees import nodes

USES = re.compile(r"^(re|regex)\.(compile|match|fullmatch|search|sub|split|findall|finditer)$")
REPEATS = (signs.MAX_REPEAT, signs.MIN_REPEAT)
MANY = 16
"""More repetitions than this are as good as endless."""
SHORT = 24
"""A text of at most so many characters costs little with any pattern."""


def endless_patterns(tree: ast.Module) -> Iterator[Problem]:
    """Patterns that some short text keeps busy for ever; an error unless a module takes short texts alone."""
    whole = any(isinstance(node, ast.Attribute) and node.attr == "fullmatch" for node in nodes(tree))
    limited = _limits(tree)
    for node in nodes(tree):
        if not isinstance(node, ast.Call) or not node.args or not USES.match(dotted(node.func)):
            continue
        given, flags = node.args[0], " ".join(map(ast.unparse, (*node.args[1:], *(one.value for one in node.keywords))))
        verbose = re.VERBOSE if re.search(r"\b(X|VERBOSE)\b", flags) else 0
        text = given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else ""
        if is_endless(text, verbose, whole=whole):
            told = "a text of some dozen characters keeps this pattern busy for ever: what repeats is repeated"
            yield Problem(node, "endless-pattern", "CWE-1333", told, not limited)


def _limits(tree: ast.Module) -> bool:
    """Some text of the module is refused when it is longer than a few characters."""
    return any(
        isinstance(node, ast.Compare)
        and isinstance(node.left, ast.Call)
        and dotted(node.left.func) == "len"
        and any(
            isinstance(one, ast.Constant) and isinstance(one.value, int) and 1 < one.value <= SHORT
            for one in node.comparators
        )
        for node in nodes(tree)
    )


def is_endless(pattern: str, flags: int = 0, *, whole: bool = False) -> bool:
    """True when a group repeats whose text can be divided in more than one way, and something must follow.

    Args:
        pattern: as `re` takes it.
        flags: of `re`, as far as they change how a pattern is read.
        whole: the end of the text must follow.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = list(parser.parse(pattern, flags))
    except (re.error, RecursionError, OverflowError):
        return False
    return _holds(parsed, last=not whole)


def _holds(items: list[Any], *, last: bool) -> bool:
    for number, (sign, told) in enumerate(items):
        ends = last and number == len(items) - 1
        if sign in REPEATS:
            body = list(told[2])
            # Where nothing follows, the first way to match is good enough: no other is tried.
            if told[1] >= MANY and not ends and _divides(body):
                return True
            if _holds(body, last=ends):
                return True
        for inner in _inside(sign, told):
            if _holds(inner, last=ends):
                return True
    return False


def _inside(sign: Any, told: Any) -> list[list[Any]]:
    if sign is signs.SUBPATTERN:
        return [list(told[3])]
    if sign is signs.BRANCH:
        return [list(one) for one in told[1]]
    return []


def _divides(body: list[Any]) -> bool:
    """One part repeats without end, and all others may be absent."""
    while len(body) == 1 and body[0][0] is signs.SUBPATTERN:
        body = list(body[0][1][3])
    if len(body) == 1 and body[0][0] is signs.BRANCH:
        return any(_divides(list(one)) for one in body[0][1][1])
    for number, (sign, told) in enumerate(body):
        others = body[:number] + body[number + 1 :]
        if sign in REPEATS and told[1] >= MANY and told[1] != told[0] and all(_may_be_absent(one) for one in others):
            return True
    return False


def _may_be_absent(item: Any) -> bool:
    sign, told = item
    if sign in REPEATS:
        return told[0] == 0 or all(_may_be_absent(one) for one in told[2])
    if sign is signs.SUBPATTERN:
        return all(_may_be_absent(one) for one in told[3])
    if sign is signs.BRANCH:
        return any(all(_may_be_absent(part) for part in one) for one in told[1])
    return sign is signs.AT
