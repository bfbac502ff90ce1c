"""Acceptance tests written from the specification by a context that never sees code (paper, section 2.2, validation).

The coder never gets to change them. When the product fails one, the test may be disputed once: the same blind context
looks at what the product answered and at the specification, and upholds or corrects its test.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from importlib import resources
from typing import Literal

from sixfold.domain import syntax
from sixfold.domain.data import Data
from sixfold.domain.model import Message, ModelRequest
from sixfold.domain.ports import Model
from sixfold.domain.prompt import render_system, untrusted
from sixfold.domain.replies import Answered, Unreadable, ask, json_in

FILE = "acceptance/test_acceptance.py"
"""Where the tests lie when they run; never part of the product."""

_FENCE = re.compile(r"^```(?:python|py)?[ \t]*\n(.*?)^```[ \t]*$", re.DOTALL | re.MULTILINE)


class Failure(Data, frozen=True, kw_only=True):
    """A failing test as the blind context may see it."""

    name: str
    source: str
    """The test function's text."""
    observed: str
    """The failure, as our runner recorded it."""


class Verdict(Data, frozen=True, kw_only=True):
    """What the blind context says about one failing test."""

    name: str
    verdict: Literal["upheld", "corrected", "dropped"]
    reason: str
    test: str = ""
    """The corrected test function."""


class Verdicts(Data, frozen=True, kw_only=True):
    """The blind context's answer."""

    verdicts: tuple[Verdict, ...]


def _functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test")}


def names(tests: str) -> tuple[str, ...]:
    """Names of the test functions, in order."""
    return tuple(_functions(syntax.parse(tests)))


def parse_tests(text: str) -> str:
    """The Python file of an answer.

    Raises:
        Unreadable: no fence, a syntax error, or no test function.
    """
    blocks = _FENCE.findall(text)
    if not blocks:
        raise Unreadable("there is no ```python fence")
    source = str(max(blocks, key=len))
    try:
        tree = syntax.parse(source)
    except SyntaxError as error:
        raise Unreadable(f"the Python file has a syntax error in line {error.lineno}: {error.msg}") from error
    if not _functions(tree):
        raise Unreadable("the file holds no test function at its top level")
    return source


async def write_acceptance(model: Model, specification: str) -> tuple[str, Answered]:
    """Write the acceptance tests: one Python file, from the specification's text alone.

    Raises:
        InvalidReply: unreadable after one correction round; otherwise as `Model.complete`.
    """
    return await _write(model, specification)


async def write_changed(model: Model, specification: str, requirements: Sequence[str]) -> tuple[str, Answered]:
    """Write tests for some requirements only; `exchange` puts them among those that stand.

    Raises:
        InvalidReply: unreadable after one correction round; otherwise as `Model.complete`.
    """
    only = f"Only {', '.join(requirements)} changed. Tests for the rest exist and stand: write tests for these alone."
    return await _write(model, f"{specification}\n{only}\n")


async def _write(model: Model, text: str) -> tuple[str, Answered]:
    guide = (resources.files("sixfold.layers.testing") / "harness" / "GUIDE.md").read_text(encoding="utf-8")
    request = ModelRequest(
        purpose="validation.write_acceptance",
        role="tester",
        system=render_system(__package__, "acceptance", guide=guide.strip()),
        messages=(Message(author="user", text=text),),
        max_output_tokens=24_000,
    )
    return await ask(model, request, parse_tests, scope="acceptance")


def _span(node: ast.FunctionDef) -> tuple[int, int]:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return first, node.end_lineno or node.lineno


def source_of(tests: str, name: str) -> str:
    """One test function with its decorators, as text; empty when there is no such test."""
    node = _functions(syntax.parse(tests)).get(name.split("[")[0])
    if node is None:
        return ""
    first, last = _span(node)
    return "\n".join(tests.splitlines()[first - 1 : last])


def replace_test(tests: str, name: str, replacement: str) -> str | None:
    """The file with one test function exchanged; None when the replacement is not exactly that one function."""
    name = name.split("[")[0]
    old = _functions(syntax.parse(tests)).get(name)
    try:
        body = syntax.parse(replacement).body
    except SyntaxError:
        return None
    new = [node for node in body if isinstance(node, ast.FunctionDef)]
    if old is None or len(body) != 1 or len(new) != 1 or new[0].name != name:
        return None
    first, last = _span(old)
    lines = tests.splitlines()
    return "\n".join([*lines[: first - 1], *replacement.strip().splitlines(), *lines[last:]]) + "\n"


async def judge(model: Model, specification: str, failures: Sequence[Failure]) -> tuple[Verdicts, Answered]:
    """Let the blind context uphold, correct or drop its failing tests. Tests it does not mention are upheld.

    Raises:
        InvalidReply: unreadable after one correction round; otherwise as `Model.complete`.
    """
    parts = [specification]
    for failure in failures:
        parts.append(f"Test {failure.name}:\n```python\n{failure.source}\n```")
        parts.append(untrusted(f"what happened in {failure.name}", failure.observed))
    request = ModelRequest(
        purpose="validation.judge_tests",
        role="tester",
        system=render_system(__package__, "dispute"),
        messages=(Message(author="user", text="\n\n".join(parts)),),
    )
    return await ask(model, request, lambda reply: json_in(reply, Verdicts), scope="acceptance")


def revise(tests: str, verdicts: Sequence[Verdict]) -> str:
    """The test file after the verdicts: corrected tests exchanged, dropped ones removed, all else untouched."""
    for verdict in verdicts:
        if verdict.verdict == "corrected":
            tests = replace_test(tests, verdict.name, verdict.test) or tests
        elif verdict.verdict == "dropped":
            tests = _without(tests, verdict.name)
    return tests


def exchange(tests: str, fresh: str, requirements: Sequence[str]) -> str | None:
    """The file with every test of these requirements exchanged for fresh ones; None when the two do not fit together.

    They do not fit when the fresh file defines a name of the other anew, with another meaning.
    """
    old, new = syntax.parse(tests), syntax.parse(fresh)
    gone = {name for name, node in _functions(old).items() if _served(node) & set(requirements)}
    kept = tests
    for name in gone:
        kept = _without(kept, name)
    present = {name: ast.dump(node) for node in syntax.parse(kept).body for name in _defined(node)}
    added: list[str] = []
    imports: list[str] = []
    for node in new.body:
        names = _defined(node)
        if names and all(present.get(name) == ast.dump(node) for name in names):
            continue
        if any(name in present for name in names):
            return None
        first = _span(node)[0] if isinstance(node, ast.FunctionDef) else node.lineno
        text = "\n".join(fresh.splitlines()[first - 1 : node.end_lineno])
        (imports if isinstance(node, ast.Import | ast.ImportFrom) else added).append(text)
    # `from __future__` may stand only at the top, and the old file has what it needs of it.
    imports = [line for line in imports if "__future__" not in line]
    return kept.rstrip() + "\n\n\n" + "\n".join(imports) + "\n\n\n" + "\n\n\n".join(added) + "\n"


def _served(node: ast.FunctionDef) -> set[str]:
    """Requirement ids in a test's `req` markers."""
    return {
        argument.value
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("mark.req")
        for argument in decorator.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def _defined(node: ast.stmt) -> tuple[str, ...]:
    """Names a statement of a module binds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return (node.name,)
    if isinstance(node, ast.Import | ast.ImportFrom):
        return tuple(alias.asname or alias.name.partition(".")[0] for alias in node.names)
    if isinstance(node, ast.Assign):
        return tuple(target.id for target in node.targets if isinstance(target, ast.Name))
    return (node.target.id,) if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else ()


def _without(tests: str, name: str) -> str:
    node = _functions(syntax.parse(tests)).get(name.split("[")[0])
    if node is None:
        return tests
    first, last = _span(node)
    lines = tests.splitlines()
    return "\n".join([*lines[: first - 1], *lines[last:]]) + "\n"
