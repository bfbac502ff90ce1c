"""A request for one function: its name, its text without its own examples, and examples as acceptance steps."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from msgspec.structs import replace

from sixfold.domain import syntax
from sixfold.domain.requirements import Example, Expect, Requirement, Specification, Step
from sixfold.layers.requirements.given import Given
from sixfold.layers.requirements.lint import signature

_HEADING = re.compile(r"^[\s*#>-]*(?:for )?(?:some )?(?:example|sample|test|e\.g)[\w ./]*\d*\s*:?\s*$", re.IGNORECASE)


def function_of(text: str) -> str:
    """The name of the one function whose signature a request gives; empty for every other request."""
    names = {match for match in re.findall(r"^[ \t]*(?:async[ \t]+)?def[ \t]+(\w+)[ \t]*\(", text, re.MULTILINE)}
    head = signature(text)
    return head.name if head is not None and len(names) == 1 and not re.search(r"^class ", text, re.MULTILINE) else ""


def held_back(text: str, examples: Sequence[Given]) -> str:
    """The request without the lines of its examples and their headings: what a blind reader gets to see."""
    lines = text.splitlines()
    gone = {item.line - 1 for item in examples}
    for item in examples:
        # A doctest's result stands under its call.
        gone |= {item.line - 2} if "\n" in item.text and item.line >= 2 else set()
    kept: list[str] = []
    for number, line in enumerate(lines):
        if number in gone:
            while kept and (_HEADING.match(kept[-1]) or not kept[-1].strip()):
                kept.pop()
            # The closing quotes of a docstring must survive on an example's line.
            if line.rstrip().endswith(('"""', "'''")) and line.strip() not in ('"""', "'''"):
                kept.append(line[: len(line) - len(line.lstrip())] + line.rstrip()[-3:])
            continue
        kept.append(line)
    return "\n".join(kept)


def source_of(contents: Sequence[str], name: str) -> str:
    """The first text that is a module defining the function; empty when none does."""
    for content in contents:
        try:
            body = syntax.parse(content).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        if any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name for node in body):
            return content
    return ""


def given_steps(examples: Sequence[Given]) -> tuple[tuple[Step, ...], ...]:
    """Each example of a request as the steps of an acceptance example."""
    return tuple(
        (Step(call=item.call, expect=Expect(raises=item.raises) if item.raises else Expect(value=item.expected)),)
        for item in examples
    )


def with_examples(
    specification: Specification, name: str, stories: Sequence[tuple[Step, ...]], title: str
) -> Specification:
    """The specification with these calls of the function as further acceptance examples of its first requirement.

    Nothing is added where the specification does not say which module holds the function.
    """
    entry = next((one for one in specification.entries if one.kind == "library" and one.module), None)
    if entry is None or not specification.requirements:
        return specification
    first = specification.requirements[0]
    known = {step.call for item in specification.requirements for one in item.examples for step in one.steps}
    added: list[Example] = []
    for story in stories:
        steps = tuple(replace(step, call=_qualified(step.call, name, entry.module)) for step in story)
        if all(step.call in known for step in steps):
            continue
        known |= {step.call for step in steps}
        number = len(first.examples) + len(added) + 1
        added.append(Example(id=f"{first.id}.E{number}", title=title, entry=entry.name, steps=steps))
    amended: Requirement = replace(first, examples=(*first.examples, *added))
    return replace(specification, requirements=(amended, *specification.requirements[1:]))


def without_calls(specification: Specification, name: str, calls: Sequence[str]) -> Specification:
    """The specification without the examples that make one of these calls: a person said that they do not hold."""
    entry = next((one for one in specification.entries if one.kind == "library" and one.module), None)
    gone = {_qualified(call, name, entry.module) for call in calls} if entry else set()
    kept = tuple(
        replace(item, examples=tuple(one for one in item.examples if not gone & {step.call for step in one.steps}))
        for item in specification.requirements
    )
    return replace(specification, requirements=kept)


def _qualified(call: str, name: str, module: str) -> str:
    """`f(1)` → `module.f(1)`; calls of other objects stay as they are."""
    return f"{module}.{call}" if re.match(rf"{re.escape(name)}\s*\(", call) else call
