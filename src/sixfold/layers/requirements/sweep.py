"""What there is to decide about: the elements a request and its interface name, as a checklist that costs no call.

A model that is asked for "the open decisions" thinks of the large ones. Walked past every route, command, option and
field by name it also finds the fine rules (orders, ties, encodings, leniency), which are what people miss later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sixfold.domain.requirements import Request

_ROUTE = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE|HEAD)\s+(/[^\s`'\",;)|]*)")
_OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
_SPAN = re.compile(r"`([^`\n]{2,120})`")
_FIELD = re.compile(r"[{,\[]\s*[\"'](\w{1,40})[\"']")
_WORD = re.compile(r"[A-Za-z][a-zA-Z-]{3,}")
_DULL_WORDS = """
about after again also always another anyone application around because before being build cannot code could create
each easy every everybody everyone everything feature files from give have help here into just keep kind like little
look made make many maybe more most much must need nice only other over people person please really request should
simple small software some somebody something such sure system take than that their them then there these they thing
things this tool used user users using very want wants well what when where which while will with without work would
write your listens data default
"""
_DULL = frozenset(_DULL_WORDS.split())
_KINDS = (
    ("money", r"\b(?:money|cost|price|pay\w*|owe\w*|amount|invoice|budget|euro|dollar|currency|fee|tax|expense)s?\b"),
    (
        "time",
        r"\b(?:time|date|day|hour|week|month|year|calendar|schedule|deadline|expir\w+|late|remind\w*|booking)s?\b",
    ),
    ("addresses and links", r"\b(?:url|uri|link|address|e-?mail|domain|href|path|redirect)\w*\b"),
    ("files and text encodings", r"\b(?:file|folder|csv|json|html|markdown|text|import|export|upload|document)s?\b"),
    ("people and permissions", r"\b(?:user|member|admin|owner|role|login|password|token|team|customer|guest)s?\b"),
    ("lists, orders and ties", r"\b(?:list|sort|rank|top|best|search|report|history|show|which|who)\w*\b"),
    ("several at once", r"\b(?:people|team|service|server|office|shared?|concurrent\w*|book\w*|stock)\b"),
    ("deletion and retention", r"\b(?:delete|remove|cancel|leave|unsubscribe|archive|expire|history|log)\w*\b"),
    ("counting and limits", r"\b(?:count|limit|quota|maximum|stock|seats?|size|number|rate|stat\w*)\b"),
    ("repeats and identity", r"\b(?:id|name|duplicate|same|unique|again|code|key|tag)s?\b"),
)
_MOST_ELEMENTS = 60


def elements(request: Request) -> tuple[str, ...]:
    """Routes, options, fields and quoted pieces of the request and its attachments, in order, each once."""
    found: dict[str, None] = {}
    for text in _texts(request):
        for match in _ROUTE.finditer(text):
            found.setdefault(f"{match.group(1)} {match.group(2).rstrip('.:')}")
        for match in _SPAN.finditer(text):
            piece = " ".join(match.group(1).split())
            if not _ROUTE.search(piece) and not re.fullmatch(r"[\W\d]*", piece) and "{" not in piece:
                found.setdefault(piece)
        for option in _OPTION.findall(text):
            if not any(option in element for element in found):
                found.setdefault(option)
        for field in _FIELD.findall(text):
            found.setdefault(f"field {field}")
    return tuple(found)[:_MOST_ELEMENTS]


def nouns(request: Request) -> tuple[str, ...]:
    """The words of the request that carry meaning, most frequent first: its things and its actions."""
    counted: dict[str, int] = {}
    for word in _WORD.findall(request.text):
        word = word.lower()
        if word not in _DULL:
            counted[word] = counted.get(word, 0) + 1
    return tuple(sorted(counted, key=lambda word: -counted[word]))[:20]


def kinds(request: Request) -> tuple[str, ...]:
    """Sorts of decision that the words of the request surely touch."""
    whole = "\n".join(_texts(request))
    return tuple(name for name, words in _KINDS if re.search(words, whole, re.IGNORECASE))


def checklist(request: Request) -> str:
    """The elements and kinds as text for the prompt."""
    lines = []
    if listed := elements(request):
        lines.append("Elements, each of which gets a line in the sweep:\n" + "\n".join(f"- {item}" for item in listed))
    if words := nouns(request):
        lines.append("Things and actions of the request: " + ", ".join(words))
    if sorts := kinds(request):
        lines.append("Sorts of decision that it surely touches: " + ", ".join(sorts))
    return "\n\n".join(lines) or "Find the elements yourself: things, actions, inputs, outputs, stored data."


def untouched(listed: Sequence[str], lines: Iterable[str]) -> tuple[str, ...]:
    """Elements none of whose own words stands in any of the lines."""
    said = set(re.findall(r"[a-z0-9]+", " ".join(lines).lower()))
    missing = []
    for element in listed:
        own = [word for word in re.findall(r"[a-z0-9]+", element.lower()) if len(word) > 2 and word not in _PLAIN]
        if own and not any(_stem(word) in {_stem(one) for one in said} for word in own):
            missing.append(element)
    return tuple(missing)


_PLAIN = frozenset(
    ("get", "post", "put", "patch", "delete", "head", "field", "python", "port", "data", "health", "json")
)


def _stem(word: str) -> str:
    return re.sub(r"(?:ies|es|s|ing|ed|ion)$", "", word) if len(word) > 4 else word


def _texts(request: Request) -> tuple[str, ...]:
    return (request.text, *(attachment.text for attachment in request.attachments))
