"""Runs one candidate on one input and tells what it did. Runs inside the sandbox, in a fork of its own.

Standard library only. Its source follows those of `canonical.py` and `transports.py` in the prelude of a batch;
`observe` is then called with a candidate's source, the kind of boundary and the steps. What a candidate prints, closes
or replaces cannot mix with the report, which goes to a copy of standard output made before the candidate began.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import linecache
import os
import random
import re
import sys
import types
from collections.abc import Callable
from typing import Any

from _sixfold_canonical import canonical, text  # type: ignore[import-not-found]  # as the prelude names it
from _sixfold_transports import ask, in_place_of_servers  # type: ignore[import-not-found]

MOST_PRINTED = 20_000


def observe(source: str, kind: str, entry: str, steps: list[dict[str, Any]]) -> None:
    """Run the steps against a fresh start of the candidate and report one outcome a step, to the first failure."""
    report = os.dup(1)
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    random.seed(0)
    sys.path.insert(0, os.getcwd())  # the rest of the product, when the workspace holds one

    def tell(outcomes: list[dict[str, Any]]) -> None:
        content = json.dumps(outcomes).encode()
        while content:
            content = content[os.write(report, content) :]
        os._exit(0)

    try:
        if kind == "service":
            run_service(source, steps, tell)
        run = {"cli": run_command, "http": run_requests}.get(kind, run_calls)
        outcomes = run(source, entry, steps)
    except BaseException as error:  # whatever the candidate raises while it is loaded is what it did
        outcomes = [raised(error, source)]
    tell(outcomes)


def load(source: str, name: str) -> dict[str, Any]:
    """Run a candidate's own text as a module and return its names."""
    module = types.ModuleType(name)
    module.__dict__["__file__"] = "candidate.py"
    sys.modules[name] = module
    exec(compile(source, "candidate.py", "exec", dont_inherit=True), module.__dict__)  # noqa: S102  (the purpose)
    return module.__dict__


def raised(error: BaseException, source: str) -> dict[str, Any]:
    """An exception as an outcome: its type counts, its message is a note. Only an own `raise` makes it a decision."""
    note = ""
    with contextlib.suppress(BaseException):  # a hostile __str__
        note = str(error)[:200].encode("utf-8", "replace").decode()
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    decided = False
    file = last.tb_frame.f_code.co_filename if last is not None else ""
    if last is not None and file.startswith("candidate"):  # `candidate:PATH` is a module of a whole product
        known = source.splitlines() if file == "candidate.py" else linecache.getlines(file)
        lines = known[last.tb_lineno - 1 : last.tb_lineno]
        decided = bool(re.search(r"(?:^|[:;])\s*(?:raise|assert)\b", "".join(lines)))
    return {"kind": "raised", "value": type(error).__name__, "note": note, "accident": not decided}


def run_calls(source: str, entry: str, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Calls of a function, or of a class: what the first step of several gives is `it` in the later ones."""
    names = load(source, "candidate")
    outcomes: list[dict[str, Any]] = []
    for number, step in enumerate(steps):
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                value, changed = call(step["call"], names)
                if number == 0 and len(steps) > 1:
                    names["it"] = value
                form = canonical(value)
        except BaseException as error:
            return [*outcomes, raised(error, source)]
        if value is None and printed.getvalue():
            form = ["printed", text(printed.getvalue()[:MOST_PRINTED])]
        elif value is None and changed is not None:
            form = ["changed", changed]
        outcomes.append({"kind": "returned", "value": form})
    return outcomes


def call(expression: str, names: dict[str, Any]) -> tuple[Any, list[Any] | None]:
    """The value of an expression, awaited if need be, and the arguments of the outermost call if it changed them."""
    import ast  # only here: the other boundaries start faster without it

    tree = ast.parse(expression, mode="eval").body
    if not isinstance(tree, ast.Call) or any(isinstance(item, ast.Starred) for item in tree.args):
        return settled(eval(expression, names)), None  # noqa: S307  (the purpose; inside the sandbox)
    if any(word.arg is None for word in tree.keywords):
        return settled(eval(expression, names)), None  # noqa: S307

    def value_of(node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), "<input>", "eval"), names)  # noqa: S307

    function: Callable[..., Any] = value_of(tree.func)
    given = [value_of(item) for item in tree.args]
    words = {str(word.arg): value_of(word.value) for word in tree.keywords}
    # An iterator is used up by looking at it, so only plain containers are looked at.
    watched = [item for item in (*given, *words.values()) if isinstance(item, list | dict | set)]
    before = [canonical(item) for item in watched]
    value = settled(function(*given, **words))
    after = [canonical(item) for item in watched]
    return value, after if after != before else None


def settled(value: Any) -> Any:
    """The result of a coroutine, everything else as it is."""
    return asyncio.run(value) if isinstance(value, types.CoroutineType) else value


def run_command(source: str, entry: str, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A command line program: the same process image for each step would leak state, so only the first step runs."""
    step = steps[0]
    sys.argv = [entry or "candidate.py", *step["argv"]]
    sys.stdin = io.TextIOWrapper(io.BytesIO(step["stdin"].encode("utf-8", "surrogateescape")), encoding="utf-8")
    raw = io.BytesIO()
    sys.stdout = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
    sys.stderr = io.StringIO()
    code: Any = 0
    try:
        load(source, "__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException as error:
        return [raised(error, source)]
    with contextlib.suppress(ValueError):  # the program closed its output
        sys.stdout.flush()
    lines = raw.getvalue()[:MOST_PRINTED].decode(errors="replace").splitlines() if not raw.closed else []
    return [{"kind": "exited", "value": [int(code), text("\n".join(line.rstrip() for line in lines).rstrip())]}]


def run_requests(source: str, entry: str, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Requests to a WSGI or ASGI application or an `http.server` handler class, without any network."""
    return answers(load(source, "candidate")[entry or "app"], steps, source)


def run_service(source: str, steps: list[dict[str, Any]], tell: Callable[[list[dict[str, Any]]], None]) -> None:
    """A program that serves: where it would wait for requests it gets the steps, and nothing of it runs afterwards."""
    in_place_of_servers(source, lambda application: tell(answers(application, steps, source)))
    try:
        load(source, "__main__")
    except SystemExit as end:
        tell([{"kind": "stopped", "value": "never served", "note": str(end.code)[:200]}])
    tell([{"kind": "stopped", "value": "never served"}])


def answers(application: Any, steps: list[dict[str, Any]], source: str) -> list[dict[str, Any]]:
    """What an application says to one request after another, to its first failure."""
    outcomes: list[dict[str, Any]] = []
    ask_one = ask(application)
    for step in steps:
        try:
            status, content = ask_one(step)
        except BaseException as error:
            return [*outcomes, raised(error, source)]
        outcomes.append({"kind": "answered", "value": [status, content]})
    return outcomes
