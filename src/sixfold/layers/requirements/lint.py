"""What a request leaves open, seen without a model: the cheap half of the clarity check.

The signals follow what was measured to matter: a missing example is the strongest single sign that people read a
request in two ways, contradictory words come next (HumanEvalComm, arXiv 2406.00215; SpecFix, arXiv 2505.07270).
"""

from __future__ import annotations

import ast
import re
import textwrap

from sixfold.domain import syntax

_EXAMPLE = re.compile(
    r">>>|\bassert\b|==>|-->|=>|➞|→|->\s*[\[({'\"\d]|\be\.g\.|\bfor example\b|\bfor instance\b|\bexamples?\b\s*:?"
    r"|\w\([^()\n]*\)\s*(?:==|=|returns?|should (?:be|return|give)|gives?|is)\s*\S",
    re.IGNORECASE,
)
_ERRORS = re.compile(
    r"\b(?:raise[sd]?|error|exception|invalid|otherwise|reject\w*|fail\w*|missing|None|null|empty|malformed"
    r"|if (?:no|not|none|there (?:is|are) no))\b",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"\b(?:between|at least|at most|up to|positive|negative|non-negative|non-empty|empty|zero|maximum|minimum"
    r"|max|min|inclusive|exclusive|limit\w*|range|less than|greater than|no more than)\b|[<>]=?|≤|≥",
    re.IGNORECASE,
)
_QUANTITY = re.compile(
    r"\b(timeout|delay|duration|distance|weight|temperature|speed|size|interval|age|price|amount|length of time)\b",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"\b(?:seconds?|minutes?|hours?|days?|ms|milliseconds?|bytes?|[kmg]i?b|met(?:er|re)s?|km|miles?|kg|grams?"
    r"|celsius|fahrenheit|kelvin|degrees?|cents?|euros?|dollars?|usd|eur|pixels?|px|characters?|words?|items?"
    r"|elements?|years?)\b|[€$£%]",
    re.IGNORECASE,
)
_RANKED = re.compile(
    r"\b(?:sort\w*|order(?:ed)? by|most (?:common|frequent|recent|popular)|top[- ]?(?:\d+|n|k)\b|highest|lowest"
    r"|largest|smallest|longest|shortest|nearest|closest|rank\w*|maximum|minimum)\b",
    re.IGNORECASE,
)
_TIES = re.compile(
    r"\b(?:ties?|tied|equal(?:ly)?|same (?:length|count|score|frequency|value)|then by|stable|in case of"
    r"|first one|earliest|alphabetical\w*|lexicographic\w*|duplicates?)\b",
    re.IGNORECASE,
)
_OPPOSITES = (
    (r"\bascending\b", r"\bdescending\b", "both ascending and descending order are asked for"),
    (r"\bincreasing\b", r"\bdecreasing\b", "both increasing and decreasing order are asked for"),
    (r"\bcase[- ]sensitive\b", r"\bcase[- ]insensitive\b", "both case-sensitive and case-insensitive are asked for"),
    (r"\binclusive\b", r"\bexclusive\b", "a bound is called both inclusive and exclusive"),
    (r"\boldest first\b", r"\bnewest first\b", "both oldest first and newest first are asked for"),
)
_CHOICE = re.compile(
    r"\b(?:or|either|option\w*|flag|configurable|toggle|choose|depending|then|unless|while|whether|both"
    r"|respectively|if|lower|upper|and)\b",
    re.IGNORECASE,
)


def lint(text: str) -> tuple[str, ...]:
    """Signals as `code: what was seen`, in a fixed order; no signal does not mean that the request is clear."""
    signals = [f"contradiction: {found}" for found in contradictions(text)]
    if not has_example(text):
        signals.append("no-example: no input with its output is given")
    signals += _signature_signals(text)
    if not _ERRORS.search(text):
        signals.append("no-error-policy: nothing is said about odd or failing input")
    if not _RANGE.search(text):
        signals.append("no-range: no limit or range is given")
    quantity = _QUANTITY.search(text)
    if quantity and not _UNIT.search(text):
        signals.append(f"no-unit: {quantity.group(0).lower()} has no unit")
    ranked = _RANKED.search(text)
    if ranked and not _TIES.search(text):
        signals.append(f"ties: {ranked.group(0).lower()!r} does not say what happens with equals")
    return tuple(signals)


def has_example(text: str) -> bool:
    """Whether an input with its output stands in the text, in any usual form."""
    return _EXAMPLE.search(text) is not None


def contradictions(text: str) -> tuple[str, ...]:
    """Pairs of words that cannot both hold, when no word between or around them offers a choice."""
    found = []
    for one, other, reason in _OPPOSITES:
        first, second = (re.search(word, text, re.IGNORECASE) for word in (one, other))
        if first is None or second is None:
            continue
        start, end = min(first.start(), second.start()), max(first.end(), second.end())
        if not _CHOICE.search(text[max(0, start - 40) : end + 40]):
            found.append(reason)
    return tuple(found)


def _signature_signals(text: str) -> list[str]:
    head = signature(text)
    if head is None:
        return []
    prose = text.replace(ast.unparse(head.args), " ")
    arguments = [*head.args.posonlyargs, *head.args.args, *head.args.kwonlyargs]
    signals = []
    for argument in arguments:
        if argument.arg in ("self", "cls"):
            continue
        if argument.annotation is None:
            signals.append(f"untyped-parameter: {argument.arg} has no type")
        body = re.sub(r"def\s+\w+\s*\([^)]*\)", " ", prose)
        if not re.search(rf"\b{re.escape(argument.arg)}\b", body):
            signals.append(f"unmentioned-parameter: the text never speaks of {argument.arg}")
    return signals


def signature(text: str) -> ast.FunctionDef | None:
    """The last function whose signature stands in the text, parsed without its body."""
    found = None
    for match in re.finditer(r"^[ \t]*(def \w+\s*\([^)]*\)\s*(?:->[^:\n]+)?):", text, re.MULTILINE):
        try:
            parsed = syntax.parse(textwrap.dedent(match.group(1)) + ": ...").body[0]
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        if isinstance(parsed, ast.FunctionDef):
            found = parsed
    return found
