"""Patterns that run for ever (CWE-1333): tried on texts made from the pattern itself, longer and longer ones."""

from __future__ import annotations

import ast
import re
import time
import warnings
from collections.abc import Iterator
from functools import lru_cache

from sixfold.layers.testing.harness.pumps import repeats
from sixfold.layers.testing.scanners.call_rules import Problem
from sixfold.layers.testing.scanners.taint import dotted, last_name
from sixfold.layers.testing.scanners.trees import nodes

COMPILES = ("compile", "match", "fullmatch", "search", "findall", "finditer", "sub", "subn", "split")
MATCHES = ("match", "fullmatch", "search", "findall", "finditer", "sub", "subn", "split")
STEP, LONGEST = 2, 30
LEAST_S, ENOUGH_S = 0.001, 0.04
"""Below the first, a time says nothing; above the second, it has grown enough."""
DOUBLES = 2.6
"""What two more repetitions multiply the time by at least where each doubles it, with some room for measuring."""
SHORT = 24
"""A text of at most so many characters costs little with any pattern."""


def slow_patterns(tree: ast.Module) -> Iterator[Problem]:
    """Patterns of one module that take exponential time, an error unless the length of the text is checked."""
    limited = _limits(tree)
    for node in nodes(tree):
        if not isinstance(node, ast.Call) or not re.fullmatch(r"(re|regex)\.\w+", dotted(node.func)):
            continue
        if last_name(node.func) not in COMPILES or not node.args:
            continue
        given = node.args[0]
        text = given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else ""
        if not re.search(r"[+*}]\)?[+*{]|\)[+*{]", text) or len(text) > 300:
            continue
        told = exponential(text, "X" in _flags(node) or "VERBOSE" in _flags(node))
        if told:
            why = f"{len(told)} characters like {told[:30]!r} cost seconds of matching; let no text match in two ways"
            yield Problem(node, "exponential-pattern", "CWE-1333", why, not limited)


def _flags(call: ast.Call) -> str:
    return " ".join(ast.unparse(one) for one in (*call.args[1:], *(keyword.value for keyword in call.keywords)))


def _limits(tree: ast.Module) -> bool:
    """Some text of the module is refused when it is longer than a few characters."""
    for node in nodes(tree):
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Call) and dotted(node.left.func) == "len":
            for one in node.comparators:
                if isinstance(one, ast.Constant) and isinstance(one.value, int) and 1 < one.value <= SHORT:
                    return True
    return False


@lru_cache(maxsize=512)
def exponential(text: str, verbose: bool = False) -> str:
    """A text on which the pattern takes exponential time; empty when none was found."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled = re.compile(text, re.VERBOSE if verbose else 0)
    except (re.error, OverflowError, RecursionError):
        return ""
    for begin, unit in repeats(text, verbose):
        for end in ("\x00", "!", "\n\x00"):
            for match in (compiled.match, compiled.fullmatch):
                found = _grows(match, begin, unit, end)
                if found:
                    return found
    return ""


def _grows(match: object, begin: str, unit: str, end: str) -> str:
    """The text at which the time had doubled with every repetition, three times in a row."""
    before, doubled = 0.0, 0
    for count in range(4, LONGEST, STEP):
        text = begin + unit * count + end
        began = time.thread_time()
        match(text)  # type: ignore[operator]
        took = time.thread_time() - began
        doubled = doubled + 1 if before >= LEAST_S / 4 and took >= DOUBLES * before else 0
        if doubled >= 2 and took > ENOUGH_S:
            return text
        if took > 4 * ENOUGH_S:
            return ""
        before = took
    return ""
