"""Inputs for command line programs and HTTP handlers: mutations of the examples, and what the sources give away."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from urllib.parse import parse_qsl, urlencode

from msgspec import structs

from sixfold.domain import syntax
from sixfold.domain.data import Json
from sixfold.domain.divergence import Candidate
from sixfold.domain.requirements import Step
from sixfold.layers.testing.divergence.execute import Input
from sixfold.layers.testing.divergence.values import mutated, smaller

_WORDS = ("", "0", "1", "-1", "2.5", "abc", "a b", "--help")
_LINES = ("", "1\n", "3\n1\n2\n", "b\na\n\nB\n", "a,b\n1,2\n1,2\n", "no end of line")
_METHODS = {"GET": "DELETE", "POST": "PUT", "PUT": "POST", "DELETE": "GET", "PATCH": "GET"}


def command_inputs(candidates: Sequence[Candidate], examples: Sequence[Input], rng: random.Random) -> Iterator[Input]:
    """Endless command lines: the examples, none at all, odd standard input, the flags of the sources, mutations."""
    yield from examples
    known = [steps[0] for steps in examples if steps] or [Step()]
    yield (Step(),)
    for text in _LINES:
        yield (structs.replace(known[0], stdin=text),)
    flags = sorted(word for word in _constants(candidates) if re.fullmatch(r"--?[A-Za-z][\w-]*", word))
    for flag in flags[:10]:
        yield (structs.replace(known[0], argv=(*known[0].argv, flag)),)
        yield (structs.replace(known[0], argv=(flag, "1", *known[0].argv)),)
    while True:
        step = rng.choice(known)
        argv = list(step.argv)
        if argv and (not step.stdin or rng.random() < 0.5):
            place = rng.randrange(len(argv))
            argv[place : place + 1] = rng.choice(([], [argv[place]] * 2, [_other_word(argv[place], rng)]))
        elif rng.random() < 0.3 or not step.stdin:
            argv.insert(rng.randrange(len(argv) + 1), rng.choice((*_WORDS, *flags)))
        stdin = step.stdin
        if stdin and rng.random() < 0.7:
            lines = mutated([line.split(" ") for line in stdin.splitlines()], rng)
            stdin = "\n".join(" ".join(line) for line in lines) + ("\n" if stdin.endswith("\n") else "")
        yield (structs.replace(step, argv=tuple(argv), stdin=stdin),)


def request_inputs(candidates: Sequence[Candidate], examples: Sequence[Input], rng: random.Random) -> Iterator[Input]:
    """Endless series of requests: the examples, every route of the sources, then changed and repeated ones."""
    yield from examples
    routes = sorted(word for word in _constants(candidates) if re.fullmatch(r"/[\w/{}<>:.-]*", word))
    paths = [re.sub(r"[{<][^}>]*[}>]", "1", route) for route in routes] or ["/"]
    told = [step for steps in examples for step in steps]
    for path in paths[:12]:
        yield (Step(path=path),)
        yield (Step(method="POST", path=path, body={}),)
    yield (Step(path=f"{paths[0].rstrip('/')}/nothing-here"),)
    pool = told or [Step(path=path) for path in paths]
    while True:
        steps = list(rng.choice(examples)) if examples and rng.random() < 0.7 else [rng.choice(pool)]
        for _ in range(rng.randint(1, 2)):
            place = rng.randrange(len(steps))
            kind = rng.random()
            if kind < 0.5:
                steps[place] = _other_request(steps[place], rng)
            elif kind < 0.7:
                steps.insert(place, steps[place])
            elif kind < 0.85 and len(steps) > 1:
                del steps[place]
            else:
                steps.insert(place, rng.choice(pool))
        yield tuple(steps[:6])


def smaller_messages(steps: Input) -> Iterator[Input]:
    """Simpler forms: fewer requests, fewer words, less standard input, simpler bodies."""
    if len(steps) > 1:
        for place in range(len(steps)):
            yield (*steps[:place], *steps[place + 1 :])
    for place, step in enumerate(steps):
        before, after = steps[:place], steps[place + 1 :]
        for at in range(len(step.argv)):
            yield (*before, structs.replace(step, argv=(*step.argv[:at], *step.argv[at + 1 :])), *after)
        lines = step.stdin.splitlines(keepends=True)
        for less in islice(smaller(lines), 12) if step.stdin else ():
            yield (*before, structs.replace(step, stdin="".join(less)), *after)
        for body in islice(smaller(step.body), 12) if step.body is not None else ():
            yield (*before, structs.replace(step, body=body), *after)


def _constants(candidates: Sequence[Candidate]) -> set[str]:
    """The texts that stand in the sources: flags, routes, field names.

    A product that was folded into one program carries its modules as texts, so those are looked into as well.
    """
    found = {text for candidate in candidates for text in _texts(candidate.source)}
    return found | {text for module in found if "\n" in module for text in _texts(module)}


def _texts(source: str) -> set[str]:
    try:
        tree = syntax.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _other_word(word: str, rng: random.Random) -> str:
    if re.fullmatch(r"-?\d{1,9}", word):
        return str(rng.choice((0, -1, int(word) + 1, int(word) * 2, 10**6)))
    return rng.choice((mutated(word, rng), word.upper(), *_WORDS))


def _other_request(step: Step, rng: random.Random) -> Step:
    if step.body is not None and rng.random() < 0.6:
        return structs.replace(step, body=_other_body(step.body, rng))
    if "?" in step.path and rng.random() < 0.6:
        return structs.replace(step, path=_other_query(step.path, rng))
    numbers = re.search(r"\d+", step.path)
    if numbers and rng.random() < 0.6:
        other = rng.choice(("0", "-1", "999", "x", str(int(numbers.group()[:9]) + 1)))
        return structs.replace(step, path=step.path[: numbers.start()] + other + step.path[numbers.end() :])
    if rng.random() < 0.5:
        return structs.replace(step, method=_METHODS.get(step.method, "GET"))
    return structs.replace(step, path=step.path + rng.choice(("/", "?limit=0", "?limit=-1", "?q=%20", "x")))


def _other_query(path: str, rng: random.Random) -> str:
    """A path with one field of its query left out, changed, emptied or given twice."""
    place, _, query = path.partition("?")
    fields = parse_qsl(query, keep_blank_values=True)
    if fields:
        at = rng.randrange(len(fields))
        name, value = fields[at]
        other = (name, _other_word(value, rng))
        fields[at : at + 1] = rng.choice(([], [other], [(name, "")], [(name, value), other]))
    return place + ("?" + urlencode(fields) if fields else "")


def _other_body(body: Json, rng: random.Random) -> Json:
    if isinstance(body, dict) and body:
        key = rng.choice(sorted(body))
        rest = {name: value for name, value in body.items() if name != key}
        return rng.choice((rest, {**body, key: None}, {**body, key: ""}, {**body, key: mutated(body[key], rng)}))
    return mutated(body, rng)
