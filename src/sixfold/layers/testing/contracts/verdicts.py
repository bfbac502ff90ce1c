"""Compares what contracts promise with what the product showed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sixfold.domain.evidence import Check
from sixfold.layers.testing.contracts.promises import Name, Parameter, Promise, Route, Table, Usage

MOST_TOLD = 4
REFUSED = ("invalid choice", "unrecognized arguments", "unknown command", "no such command", "no such option")


def check(promise: Promise, seen: Mapping[str, Any]) -> Check:
    """One check named `contract:ID`; what could not be tried is skipped, with the reason in words.

    Args:
        promise: of one contract.
        seen: what the guest reported for it (`harness.contract`), or `{"unseen": why}`.
    """
    name = f"contract:{promise.contract}"
    if not promise.readable:
        return _open(name, f"not verified: its text holds no {promise.kind} form that can be tried mechanically")
    if "unseen" in seen:
        return _open(name, f"not verified: {seen['unseen']}")
    problems, tried, left = JUDGES[promise.kind](promise, seen)
    if problems:
        more = f" and {len(problems) - MOST_TOLD} more" if len(problems) > MOST_TOLD else ""
        return Check(name=name, ok=False, detail="; ".join(problems[:MOST_TOLD]) + more)
    if not tried:
        return _open(name, f"not verified: {'; '.join(left[:MOST_TOLD]) or 'nothing could be tried'}")
    rest = f"; not verified: {', '.join(left[:MOST_TOLD])}" if left else ""
    return Check(name=name, ok=True, detail=f"{tried} promises hold{rest}")


def _open(name: str, why: str) -> Check:
    return Check(name=name, ok=False, skipped=True, detail=why)


Judged = tuple[list[str], int, list[str]]
"""Problems, promises that were tried, promises that could not be."""


def _python(promise: Promise, seen: Mapping[str, Any]) -> Judged:
    problems, tried, left = [], 0, []
    for wanted in promise.names:
        got = seen["names"].get(wanted.name)
        if got is None:
            if wanted.what == "field":
                left.append(f"field {wanted.name}")
                continue
            where = " or ".join(promise.modules[:3]) or "the product"
            trouble = f" ({seen['trouble']})" if seen.get("trouble") else ""
            problems.append(f"{wanted.name} is promised and not there in {where}{trouble}")
            continue
        tried += 1
        if wanted.what == "function":
            problems += _signature(wanted, got)
    return problems, tried, left


def _signature(wanted: Name, got: Mapping[str, Any]) -> Iterator[str]:
    if not got["callable"]:
        yield f"{wanted.name} is promised as a function and is none"
        return
    if got["parameters"] is None:
        return
    there = [Parameter(name=one["name"], kind=one["kind"], optional=one["optional"]) for one in got["parameters"]]
    shown = f"{wanted.name}({', '.join(one.name for one in there)})"
    open_ended = any(one.kind == "rest" for one in there)
    positions = [one for one in there if one.kind == "positional"]
    promised = [one for one in wanted.parameters if one.kind == "positional"]
    for number, parameter in enumerate(promised):
        if number >= len(positions):
            if not open_ended:
                yield f"{shown} takes no {parameter.name}, which the contract passes"
            continue
        if positions[number].name != parameter.name:
            yield f"{shown} has {positions[number].name} where the contract has {parameter.name}"
        elif parameter.optional and not positions[number].optional:
            yield f"{shown} needs {parameter.name}, which the contract leaves out"
    known = {one.name for one in wanted.parameters}
    for one in [*positions[len(promised) :], *(one for one in there if one.kind == "keyword")]:
        if one.name not in known and not one.optional:
            yield f"{shown} needs {one.name}, which the contract does not pass"
    names = {one.name for one in there}
    for parameter in wanted.parameters:
        if parameter.kind == "keyword" and parameter.name not in names and not open_ended:
            yield f"{shown} takes no {parameter.name}, which the contract passes"


def _cli(promise: Promise, seen: Mapping[str, Any]) -> Judged:
    problems, tried, left = [], 0, []
    for number, usage in enumerate(promise.usages):
        got = seen["usages"][number]
        shown = " ".join(usage.words) or "the command"
        said = got["stdout"] + got["stderr"]
        if got["exit"] != 0:
            if any(word in said.lower() for word in REFUSED) and usage.words:
                problems.append(f"`{shown}` is promised and refused: {said.strip().splitlines()[-1][:160]}")
            else:
                left.append(f"`{shown}` (its --help gives exit {got['exit']})")
            continue
        tried += 1
        problems += [f"`{shown}` does not know {option}" for option in _unknown(usage, said + seen["root"])]
    return problems, tried, left


def _unknown(usage: Usage, help: str) -> list[str]:
    return [option for option in usage.options if option not in help]


def _http(promise: Promise, seen: Mapping[str, Any]) -> Judged:
    """Best of the services: a route belongs to one of them."""
    best: list[str] | None = None
    for name, answers in seen["services"].items():
        problems = [
            f"{name}: {route.method} {route.path} answers {status}"
            for route, status in zip(promise.routes, answers, strict=True)
            if _is_broken(route, status)
        ]
        if best is None or len(problems) < len(best):
            best = problems
    if best is None:
        return [], 0, ["no service came up"]
    return best, len(promise.routes), []


def _is_broken(route: Route, status: int) -> bool:
    templated = "{" in route.path or "<" in route.path or ":" in route.path
    return status == 0 or status in (405, 501, 500) or (status == 404 and not templated)


def _schema(promise: Promise, seen: Mapping[str, Any]) -> Judged:
    if not seen["tables"]:
        return [], 0, ["no SQLite file lay in the data folder after the examples ran"]
    tables = {name.lower(): [column.lower() for column in columns] for name, columns in seen["tables"].items()}
    problems = [problem for table in promise.tables for problem in _table(table, tables)]
    return problems, len(promise.tables), []


def _table(wanted: Table, tables: Mapping[str, Sequence[str]]) -> Iterator[str]:
    there = tables.get(wanted.name.lower())
    if there is None:
        yield f"table {wanted.name} is promised and not there"
        return
    for column in wanted.columns:
        if column.lower() not in there:
            yield f"table {wanted.name} has no column {column}"


def _files(promise: Promise, seen: Mapping[str, Any]) -> Judged:
    there = {path.rsplit("/", 1)[-1] for path in seen["files"]}
    missing = [path for path in promise.files if path.rsplit("/", 1)[-1] not in there]
    # A file may be written later than the examples come to; its absence proves nothing.
    return [], len(promise.files) - len(missing), [f"{path} was not written by the examples" for path in missing]


JUDGES = {"python": _python, "cli": _cli, "http": _http, "schema": _schema, "file": _files}
