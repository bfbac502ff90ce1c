"""Acceptance examples in an answer: kept when they can run and check something, dropped with a note otherwise."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence

import msgspec

from sixfold.domain import syntax
from sixfold.domain.data import Json, from_json
from sixfold.domain.errors import InvalidData
from sixfold.domain.requirements import Entry, Example, Expect, Step

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_MOST_STEPS = 30
_KINDS = {"call": "library", "argv": "cli", "path": "service"}
_EXCEPTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_CHECKS = {
    "library": ("value", "raises"),
    "cli": ("exit", "stdout", "contains"),
    "service": ("status", "contains", "json"),
}


class _Unusable(Exception):
    """Why one example cannot be run."""


def read_examples(
    requirement: str, drafts: Sequence[Json], entries: Sequence[Entry], notes: list[str]
) -> tuple[Example, ...]:
    """The usable examples of a requirement, numbered `<requirement>.E1`, …; the others are named in `notes`."""
    examples: list[Example] = []
    for place, draft in enumerate(drafts, start=1):
        try:
            examples.append(_example(f"{requirement}.E{len(examples) + 1}", draft, entries))
        except _Unusable as reason:
            notes.append(f"example {place} of {requirement} was left out: {reason}")
    return tuple(examples)


def _example(id: str, draft: Json, entries: Sequence[Entry]) -> Example:
    if not isinstance(draft, dict):
        raise _Unusable("it is not an object")
    raw = draft.get("steps")
    if not isinstance(raw, list) or not 1 <= len(raw) <= _MOST_STEPS:
        raise _Unusable(f"it needs 1 to {_MOST_STEPS} steps")
    entry = _entry(draft.get("entry"), raw, entries)
    steps = tuple(_step(step, entry.kind) for step in raw)
    if not any(step.expect != Expect() for step in steps):
        raise _Unusable("no step expects anything")
    title = draft.get("title")
    shown = " ".join(title.split()) if isinstance(title, str) else id
    return Example(id=id, title=shown, entry=entry.name, steps=steps)


def _entry(name: Json, steps: Sequence[Json], entries: Sequence[Entry]) -> Entry:
    """The entry the steps talk to: the named one if it fits their kind, else the only one that does."""
    kinds = {_KINDS[field] for step in steps if isinstance(step, dict) for field in _KINDS if step.get(field)}
    if len(kinds) > 1:
        raise _Unusable("its steps mix call, argv and path")
    wanted = next(iter(kinds), "cli")
    fitting = [entry for entry in entries if entry.kind == wanted]
    for entry in fitting:
        if entry.name == name:
            return entry
    if len(fitting) == 1 or (fitting and not name):
        return fitting[0]
    if wanted == "library" and not fitting and not name:
        # A call names its own module, so it runs without an entry too.
        return Entry(name="", kind="library")
    raise _Unusable(f"there is no {wanted} entry named {name!r}")


def _step(draft: Json, kind: str) -> Step:
    if not isinstance(draft, dict):
        raise _Unusable("a step is not an object")
    expect = _expect(draft.get("expect"), kind)
    if kind == "library":
        return Step(call=_expression(draft.get("call")), expect=expect)
    if kind == "cli":
        argv = draft.get("argv") or []
        if not argv and expect.exit is None and expect.stdout is None:
            raise _Unusable("a command without arguments must expect an exit code or its whole output")
        if not isinstance(argv, list) or any(isinstance(word, (dict, list)) or word is None for word in argv):
            raise _Unusable("`argv` is not a list of texts")
        return Step(argv=tuple(str(word) for word in argv), stdin=_text(draft.get("stdin"), "stdin"), expect=expect)
    path, method = _text(draft.get("path"), "path"), _text(draft.get("method") or "GET", "method").upper()
    if not path.startswith("/") or any(sign.isspace() for sign in path):
        raise _Unusable(f"the path {path!r} does not begin with / or holds a space")
    if method not in _METHODS:
        raise _Unusable(f"{method!r} is no HTTP method")
    return Step(method=method, path=path, body=draft.get("body"), expect=expect)


def _expression(text: Json) -> str:
    source = _text(text, "call").strip()
    try:
        syntax.parse_expression(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _Unusable(f"`call` is not one Python expression: {source[:80]!r}") from error
    return source


def _expect(draft: Json, kind: str) -> Expect:
    if draft is None:
        return Expect()
    if not isinstance(draft, dict):
        raise _Unusable("`expect` is not an object")
    fields = {key: value for key, value in draft.items() if value is not None and key in _CHECKS[kind]}
    if "value" in draft and kind == "library" and "raises" not in fields:
        fields["value"] = _literal(draft["value"])
    if isinstance(fields.get("contains"), str):
        fields["contains"] = [fields["contains"]]
    if not fields.get("raises", "x") or not _EXCEPTION.fullmatch(str(fields.get("raises", "x"))):
        raise _Unusable(f"`raises` is not an exception name: {fields['raises']!r}")
    try:
        return from_json(fields, Expect)
    except InvalidData as error:
        raise _Unusable(f"`expect` has the wrong form: {error}") from error


def _literal(value: Json) -> str:
    """A Python literal: as written, or made from the JSON value that was given instead."""
    if not isinstance(value, str):
        return repr(value)
    for parse in (ast.literal_eval, json.loads):
        try:
            parsed = parse(value)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        return value.strip() if parse is ast.literal_eval else repr(parsed)
    raise _Unusable(f"`value` is not a Python literal: {value[:80]!r}")


def _text(value: Json, field: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _Unusable(f"`{field}` is not a text: {msgspec.json.encode(value).decode()[:80]}")
    return value
