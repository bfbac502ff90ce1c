"""Turns the executable examples of a specification into pytest files for the acceptance harness."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from sixfold.domain import syntax
from sixfold.domain.data import Data
from sixfold.domain.requirements import Entry, Example, Expect, Specification, Step

FOLDER = "sixfold_examples"
_HEAD = '"""Examples of the specification for `{name}`; generated, one test each."""\n\nimport pytest\n'


class Unusable(Data, frozen=True, kw_only=True):
    """An example that cannot be run as written."""

    id: str
    reason: str


def to_tests(specification: Specification) -> dict[str, bytes]:
    """One deterministic pytest file per entry, by path. Unusable examples are left out: see `unusable_examples`.

    Everything an example holds enters the file as a Python literal, so no example can add code to it.
    """
    bodies: dict[str, list[str]] = {}
    taken: set[str] = set()
    for requirement, example in _all(specification):
        if _trouble(specification, example):
            continue
        entry = _entry(specification, example)
        name = _name(example.id, taken)
        lines = [f"\n\n@pytest.mark.req({requirement!r})", f"def {name}(example):", f"    {_text(example.title)}"]
        lines += [f"    {_line(step, entry)}" for step in example.steps]
        bodies.setdefault(entry.name if entry else "product", []).append("\n".join(lines) + "\n")
    files: dict[str, bytes] = {}
    for name, tests in bodies.items():
        path = f"{FOLDER}/test_{_slug(name)}.py"
        while path in files:
            path = path.removesuffix(".py") + "_.py"
        head = _HEAD.format(name=_slug(name))
        files[path] = (head + "".join(tests)).encode()
    return files


def unusable_examples(specification: Specification) -> tuple[Unusable, ...]:
    """Examples that cannot be turned into tests, with the reason, in order."""
    return tuple(
        Unusable(id=example.id, reason=reason)
        for _, example in _all(specification)
        if (reason := _trouble(specification, example))
    )


def _all(specification: Specification) -> Iterator[tuple[str, Example]]:
    for requirement in specification.requirements:
        for example in requirement.examples:
            yield requirement.id, example


def _kind(step: Step) -> str:
    """`library`, `cli` or `service`; empty when the step is none or several of them."""
    set_ = [
        kind
        for kind, present in (("library", step.call.strip()), ("cli", step.argv), ("service", step.path))
        if present
    ]
    # A command without arguments is a step too, as long as it says what a command gives.
    if not set_ and (step.expect.exit is not None or step.expect.stdout is not None):
        return "cli"
    return set_[0] if len(set_) == 1 else ""


def _entry(specification: Specification, example: Example) -> Entry | None:
    kinds = {_kind(step) for step in example.steps}
    for entry in specification.entries:
        if entry.name == example.entry if example.entry else entry.kind in kinds:
            return entry
    return None


def _trouble(specification: Specification, example: Example) -> str:
    if not example.steps:
        return "it has no steps"
    entry = _entry(specification, example)
    if entry is None and (example.entry or any(_kind(step) != "library" for step in example.steps)):
        return f"there is no entry {example.entry!r} of the right kind"
    for number, step in enumerate(example.steps, 1):
        reason = _step_trouble(step, entry)
        if reason:
            return f"step {number}: {reason}"
    try:
        repr(example).encode()
    except UnicodeEncodeError:
        return "it holds characters that cannot be encoded"
    return ""


def _step_trouble(step: Step, entry: Entry | None) -> str:
    kind = _kind(step)
    if not kind:
        return "it must set exactly one of call, argv and path"
    if entry is not None and kind != entry.kind and not (kind == "library" and not step.argv):
        return f"a {kind} step cannot talk to the {entry.kind} entry {entry.name!r}"
    if kind == "library":
        return _code_trouble(step.call, syntax.parse) or _expectation_trouble(step.expect)
    if kind == "cli" and any("\0" in word for word in (*step.argv, step.stdin)):
        return "an argument holds a NUL character"
    if kind == "service" and not re.fullmatch(r"[A-Za-z]{1,16}", step.method):
        return f"{step.method!r} is not an HTTP method"
    return ""


def _expectation_trouble(expect: Expect) -> str:
    if expect.value is not None:
        trouble = _code_trouble(expect.value, syntax.parse_expression)
        return f"the expected value: {trouble}" if trouble else ""
    if expect.raises is not None and not re.fullmatch(r"[A-Za-z_][\w.]*", expect.raises):
        return f"{expect.raises!r} is not the name of an exception"
    return ""


def _code_trouble(code: str, parse: Callable[[str], ast.AST]) -> str:
    try:
        parse(code.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"not a Python expression: {code.strip()[:80]!r} ({type(error).__name__})"
    return ""


def _line(step: Step, entry: Entry | None) -> str:
    name = entry.name if entry else ""
    kind, expect = _kind(step), step.expect
    if kind == "library":
        given = _set(entry=name if entry and entry.kind == "library" else "", value=expect.value, raises=expect.raises)
        return f"example.python({step.call.strip()!r}{given})"
    if kind == "cli":
        given = _set(
            entry=name, stdin=step.stdin, exit=expect.exit, stdout=expect.stdout, contains=list(expect.contains)
        )
        return f"example.cli({list(step.argv)!r}{given})"
    given = _set(entry=name, body=step.body, status=expect.status, json=expect.json, contains=list(expect.contains))
    return f"example.http({step.method.upper()!r}, {step.path!r}{given})"


def _set(**values: object) -> str:
    empty: tuple[object, ...] = (None, "", [])
    shown = {
        key: value
        for key, value in values.items()
        if not any(type(value) is type(one) and value == one for one in empty)
    }
    # An empty stdout that is asked for is an expectation, unlike an empty stdin.
    if values.get("stdout") == "":
        shown["stdout"] = ""
    if values.get("json") == []:
        shown["json"] = []
    return "".join(f", {key}={value!r}" for key, value in shown.items())


def _text(title: str) -> str:
    return repr(" ".join(title.split())[:200])


def _slug(text: str) -> str:
    return re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_").lower() or "product"


def _name(id: str, taken: set[str]) -> str:
    name = "test_" + (re.sub(r"\W+", "_", id, flags=re.ASCII).strip("_") or "example")
    while name in taken:
        name += "_again"
    taken.add(name)
    return name
