"""Runs candidates on inputs in the sandbox, each pair in a fork of its own."""

from __future__ import annotations

import ast
import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sixfold.domain.data import Data, Json, from_json
from sixfold.domain.divergence import Candidate, Outcome
from sixfold.domain.errors import InvalidData
from sixfold.domain.evidence import ExecResult, Limits
from sixfold.domain.ports import Workspace
from sixfold.domain.requirements import Step
from sixfold.layers.testing.divergence.canonical import canonical

LIMITS = Limits(wall_s=3.0, memory_bytes=1 << 30, output_bytes=1 << 18)
_MOST_DEPTH = 50

Input = tuple[Step, ...]
"""One or more steps against one fresh start of a candidate."""

Outcomes = tuple[Outcome, ...]
"""What one candidate did with one input, a step each, ending with its first failure."""


class Target(Data, frozen=True, kw_only=True):
    """The boundary through which candidates are compared.

    `function`: `Step.call` is a call of `entry`. `class`: the first step makes the object, later ones call it `it`.
    `cli`: `Step.argv` and `Step.stdin`, the source is run as the main program, one step. `http`: `entry` names a WSGI
    or ASGI application or an `http.server` handler class; requests follow each other. `service`: the source is a
    program that listens; it gets the requests without a network.
    """

    kind: Literal["function", "class", "cli", "http", "service"] = "function"
    entry: str = ""


async def execute(
    workspace: Workspace,
    candidates: Sequence[Candidate],
    target: Target,
    inputs: Sequence[Input],
    *,
    limits: Limits = LIMITS,
) -> tuple[tuple[Outcomes, ...], ...]:
    """What every candidate did with every input: one row an input, one column a candidate, in their orders."""
    # The same text does the same, so it runs once, however many samples wrote it.
    texts = list(dict.fromkeys(candidate.source for candidate in candidates))
    sources = [_source(text, target, steps) for steps in inputs for text in texts]
    # Set order must not differ from run to run: a candidate that leaks it would look like two.
    results = await workspace.batch(
        sources,
        prelude=prelude(),
        limits=limits,
        env={"PYTHONHASHSEED": "0"},
        scratch=target.kind in ("http", "service"),
    )
    seen = [read(result) for result in results]
    places = [texts.index(candidate.source) for candidate in candidates]
    return tuple(tuple(seen[row * len(texts) + place] for place in places) for row in range(len(inputs)))


def expected(literal: str) -> Outcome | None:
    """The outcome a literal stands for, to be compared with what candidates return; None when it is no literal."""
    try:
        return Outcome(kind="returned", value=canonical(ast.literal_eval(literal)))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def read(result: ExecResult) -> Outcomes:
    """The outcomes an execution reported. A candidate can garble its own report; then it counts as stopped."""
    if result.stopped_by:
        return (Outcome(kind="stopped", value=result.stopped_by),)
    try:
        told: Json = json.loads(result.stdout)
        if _depth(told) > _MOST_DEPTH:
            raise InvalidData("a report nested too deep")
        outcomes = from_json(told, tuple[Outcome, ...])
    except (ValueError, RecursionError, InvalidData):
        return (Outcome(kind="stopped", value="crash", note=result.stderr[-200:]),)
    return outcomes or (Outcome(kind="stopped", value="crash"),)


@functools.cache
def prelude() -> str:
    """The guest, made importable for every fork of the batch under names no product has."""
    folder = Path(__file__).parent
    lines = ["import sys, types"]
    for name in ("canonical", "transports", "guest"):
        source = (folder / f"{name}.py").read_text(encoding="utf-8")
        lines += [
            f"module = types.ModuleType({'_sixfold_' + name!r})",
            "sys.modules[module.__name__] = module",
            f"exec(compile({source!r}, {name + '.py'!r}, 'exec'), module.__dict__)",
        ]
    return "\n".join(lines)


def _source(text: str, target: Target, steps: Input) -> str:
    told = [
        {"call": step.call, "argv": step.argv, "stdin": step.stdin}
        | {"method": step.method, "path": step.path, "body": step.body}
        for step in steps
    ]
    arguments = json.dumps([text, target.kind, target.entry, told])
    return f"import json, _sixfold_guest\n_sixfold_guest.observe(*json.loads({arguments!r}))"


def _depth(value: Json) -> int:
    """How deep lists and objects are nested, without recursion."""
    deepest, level = 0, [value]
    while level and deepest <= _MOST_DEPTH * 2:
        deepest += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return deepest
