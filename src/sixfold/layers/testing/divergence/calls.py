"""Inputs for functions and classes: typed, deterministic under a seed, the request's own examples first."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Sequence

from sixfold.domain import syntax
from sixfold.domain.data import Data
from sixfold.domain.divergence import Candidate
from sixfold.domain.requirements import Step
from sixfold.layers.testing.divergence.execute import Input, Target
from sixfold.layers.testing.divergence.shapes import (
    ANY,
    NUMBERS,
    TEXT,
    Shape,
    of_annotation,
    of_name,
    of_value,
    refined,
    union,
)
from sixfold.layers.testing.divergence.values import Value, draw, mutated, smaller, telling, written

_MOST_CALLS = 5
_MOST_PARAMETERS = 8


class Parameter(Data, frozen=True, kw_only=True):
    """One argument of a call."""

    name: str
    shape: Shape
    optional: bool = False


class Method(Data, frozen=True, kw_only=True):
    """One thing an object can be asked."""

    name: str
    parameters: tuple[Parameter, ...] = ()
    is_property: bool = False


def function_inputs(
    candidates: Sequence[Candidate], target: Target, examples: Sequence[Input], rng: random.Random
) -> Iterator[Input]:
    """Endless calls of a function: examples, telling values one argument at a time, then neighbours and drawn ones."""
    yield from examples
    known = [found for steps in examples if len(steps) == 1 and (found := arguments(steps[0].call)) is not None]
    parameters = _parameters(candidates, target.entry, known)
    if not parameters:
        yield (Step(call=f"{target.entry}()"),)
        return
    base = known[0] if known and len(known[0]) >= len(parameters) else [_first(item) for item in parameters]
    for turn in range(max(len(telling(item.shape)) for item in parameters)):
        for place, item in enumerate(parameters):
            values = telling(item.shape)
            if turn < len(values):
                yield _call(target.entry, [*base[:place], values[turn], *base[place + 1 :]])
    while True:
        if known and rng.random() < 0.5:
            near = list(rng.choice(known))
            for place in range(len(near)):
                if len(near) == 1 or rng.random() < 0.6:
                    near[place] = mutated(near[place], rng)
            yield _call(target.entry, near)
        else:
            drawn = [draw(item.shape, rng) for item in parameters]
            if parameters[-1].optional and rng.random() < 0.3:
                drawn.pop()
            yield _call(target.entry, drawn)


def class_inputs(
    candidates: Sequence[Candidate], target: Target, examples: Sequence[Input], rng: random.Random
) -> Iterator[Input]:
    """Endless stories of one object: made, then asked a few things; every method gets its turn."""
    yield from examples
    made, methods = _methods(candidates, target.entry)
    if not methods:
        return
    turn = 0
    while True:
        first = [_first(item) for item in made] if turn < len(methods) * 2 else [draw(item.shape, rng) for item in made]
        steps = [Step(call=f"{target.entry}({_written(first)})")]
        count = rng.randint(1, _MOST_CALLS)
        wanted = [methods[turn % len(methods)], *(rng.choice(methods) for _ in range(count - 1))]
        rng.shuffle(wanted)
        for method in wanted:
            given = [_pick(item.shape, rng) for item in method.parameters]
            steps.append(Step(call=f"it.{method.name}" + ("" if method.is_property else f"({_written(given)})")))
        yield tuple(steps)
        turn += 1


def smaller_inputs(steps: Input) -> Iterator[Input]:
    """Simpler forms of an input of calls: fewer steps, then simpler arguments."""
    if len(steps) > 2:
        for place in range(len(steps) - 1, 0, -1):
            yield (*steps[:place], *steps[place + 1 :])
    for place in range(len(steps) - 1, -1, -1):
        given = arguments(steps[place].call)
        if given is None:
            continue
        head = steps[place].call.partition("(")[0]
        for at, value in enumerate(given):
            for less in smaller(value):
                yield (*steps[:place], *_call(head, [*given[:at], less, *given[at + 1 :]]), *steps[place + 1 :])


def arguments(call: str) -> list[Value] | None:
    """The literal positional arguments of a call; None when there are others."""
    try:
        node = syntax.parse_expression(call.strip()).body
        if not isinstance(node, ast.Call) or node.keywords:
            return None
        return [ast.literal_eval(item) for item in node.args]
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None


def _call(entry: str, given: Sequence[Value]) -> Input:
    return (Step(call=f"{entry}({_written(given)})"),)


def _written(given: Sequence[Value]) -> str:
    return ", ".join(written(value) for value in given)


def _first(item: Parameter) -> Value:
    values = telling(item.shape)
    return values[min(1, len(values) - 1)]


def _pick(shape: Shape, rng: random.Random) -> Value:
    return rng.choice(telling(shape)) if rng.random() < 0.4 else draw(shape, rng)


def _parameters(candidates: Sequence[Candidate], entry: str, known: Sequence[Sequence[Value]]) -> tuple[Parameter, ...]:
    """The parameters most is known about: annotations of any candidate, narrowed by examples, else guessed by name."""
    found: list[Parameter] = []
    for candidate in candidates:
        node = _definition(candidate.source, entry)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            declared = _declared(node.args)
            if not found or sum(p.shape.kind != "any" for p in declared) > sum(p.shape.kind != "any" for p in found):
                found = declared
    if not found and known:
        found = [Parameter(name="", shape=ANY) for _ in known[0]]
    result = []
    for place, item in enumerate(found[:_MOST_PARAMETERS]):
        seen = union(of_value(given[place]) for given in known if place < len(given))
        shape = refined(item.shape, seen)
        result.append(Parameter(name=item.name, shape=_guessed(shape, item.name), optional=item.optional))
    return tuple(result)


def _methods(candidates: Sequence[Candidate], entry: str) -> tuple[tuple[Parameter, ...], list[Method]]:
    """What the constructor takes, and the public methods that every candidate has."""
    shared: dict[str, Method] = {}
    made: tuple[Parameter, ...] = ()
    for number, candidate in enumerate(candidates):
        node = _definition(candidate.source, entry)
        own: dict[str, Method] = {}
        for item in node.body if isinstance(node, ast.ClassDef) else ():
            if not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            marks = {ast.unparse(mark) for mark in item.decorator_list}
            skipped = 0 if "staticmethod" in marks else 1
            parameters = tuple(
                Parameter(name=one.name, shape=_guessed(one.shape, one.name), optional=one.optional)
                for one in _declared(item.args)[skipped:]
            )
            if item.name == "__init__" and not made:
                made = parameters
            if not item.name.startswith("_"):
                own[item.name] = Method(name=item.name, parameters=parameters, is_property="property" in marks)
        if own:
            shared = own if number == 0 or not shared else {k: v for k, v in shared.items() if k in own}
    return made, list(shared.values())


def _definition(source: str, name: str) -> ast.stmt | None:
    try:
        body = syntax.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    wanted = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return next((node for node in reversed(body) if isinstance(node, wanted) and node.name == name), None)


def _declared(signature: ast.arguments) -> list[Parameter]:
    names = [*signature.posonlyargs, *signature.args]
    first_default = len(names) - len(signature.defaults)
    found = []
    for place, item in enumerate(names):
        shape, optional = of_annotation(item.annotation), place >= first_default
        if optional and shape.kind == "any":
            try:
                shape = of_value(ast.literal_eval(signature.defaults[place - first_default]))
            except (ValueError, TypeError):
                shape = ANY
            shape = ANY if shape.kind == "none" else shape
        found.append(Parameter(name=item.arg, shape=shape, optional=optional))
    return found


def _guessed(shape: Shape, name: str) -> Shape:
    """An unknown shape filled in from the parameter's name; an unknown item as a number."""
    if shape.kind == "any":
        return of_name(name)
    if shape.kind in ("list", "set") and (not shape.items or shape.items[0].kind == "any"):
        named = of_name(name)
        items = named.items if named.kind == "list" else NUMBERS.items
        return Shape(kind=shape.kind, items=items)
    if shape.kind == "dict" and (len(shape.items) < 2 or shape.items[1].kind == "any"):
        return Shape(kind="dict", items=(shape.items[0] if shape.items else TEXT, NUMBERS.items[0]))
    return shape
