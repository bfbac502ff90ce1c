"""Small faults planted in a product to see whether its tests can fail (mutation analysis, DeMillo et al. 1978)."""

from __future__ import annotations

import ast
import copy
import hashlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sixfold.domain import syntax
from sixfold.domain.data import Data
from sixfold.layers.testing.harness.listing import is_test_file

_FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_UNORDERED = ("max", "min", "math.gcd", "math.lcm", "math.hypot")
"""Functions that give the same whichever argument comes first."""
_QUIET = ("log", "logger", "logging", "warnings")


class Mutant(Data, frozen=True, kw_only=True):
    """One changed file."""

    path: str
    line: int
    change: str
    """`dropped the call store.save(item)`."""
    content: bytes


def mutants(files: Mapping[str, bytes], *, most: int = 8) -> tuple[Mutant, ...]:
    """At most `most` mutants of the product's own modules: same files, same mutants.

    Tests, generated code and files that do not parse are left alone. The sample takes turns among files and kinds of
    change, so that a large file does not hide the glue in a small one.
    """
    lanes: dict[tuple[str, str], list[_Site]] = {}
    for path, content in sorted(files.items()):
        if not path.endswith(".py") or is_test_file(path) or path.rsplit("/", 1)[-1] in ("conftest.py", "setup.py"):
            continue
        try:
            tree = syntax.parse(content)
        except (SyntaxError, ValueError):
            continue
        for site in _sites(path, tree):
            lanes.setdefault((path, site.kind), []).append(site)
    for lane in lanes.values():
        lane.sort(key=_rank)
    queue = sorted(lanes.values(), key=lambda lane: _rank(lane[0]))
    chosen: list[_Site] = []
    while queue and len(chosen) < most:
        for lane in queue:
            chosen.append(lane.pop(0))
        queue = [lane for lane in queue if lane]
    return tuple(_build(site) for site in chosen[:most])


class _Site(NamedTuple):
    path: str
    tree: ast.Module
    node: ast.stmt | ast.expr
    kind: str
    change: str
    replacement: ast.AST


def _rank(site: _Site) -> str:
    return hashlib.sha256(f"{site.path}:{site.node.lineno}:{site.node.col_offset}:{site.change}".encode()).hexdigest()


def _sites(path: str, tree: ast.Module) -> Iterator[_Site]:
    for node in _code(tree):
        if isinstance(node, (ast.stmt, ast.expr)):
            for kind, change, replacement in _changes(node):
                yield _Site(path, tree, node, kind, change, replacement)


def _build(site: _Site) -> Mutant:
    number = next(number for number, node in enumerate(ast.walk(site.tree)) if node is site.node)
    twin = copy.deepcopy(site.tree)
    target = next(node for place, node in enumerate(ast.walk(twin)) if place == number)
    _replace(twin, target, site.replacement)
    content = ast.unparse(ast.fix_missing_locations(twin)).encode()
    return Mutant(path=site.path, line=site.node.lineno, change=site.change, content=content)


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes whose change can be seen: no annotations, decorators, docstrings, `__main__` guard or timeouts."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _is_guard(child) or _is_text(child) or _is_patience(child):
                continue
            yield child
            yield from _code(child)


def _is_guard(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def _is_patience(node: ast.AST) -> bool:
    """A second more before giving up is no fault that any test should notice."""
    return isinstance(node, ast.keyword) and node.arg is not None and "timeout" in node.arg


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_nothing(node: ast.expr) -> bool:
    """None, and what is as good as None for an exit status or a condition; its constant is changed anyway."""
    if not isinstance(node, ast.Constant):
        return False
    return node.value is None or (isinstance(node.value, int) and node.value == 0)


def _changes(node: ast.AST) -> Iterator[tuple[str, str, ast.AST]]:
    shown = ast.unparse(node).splitlines()[0][:60]
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        if ast.unparse(node.value.func).split(".")[0].lower() not in _QUIET:
            yield "call", f"dropped the call {shown}", ast.Pass()
    elif isinstance(node, ast.Call) and len(node.args) >= 2 and not isinstance(node.args[0], ast.Starred):
        same = ast.unparse(node.args[0]) == ast.unparse(node.args[1])
        if not same and ast.unparse(node.func) not in _UNORDERED:
            swapped = copy.deepcopy(node)
            swapped.args[:2] = swapped.args[1::-1]
            yield "arguments", f"swapped the arguments of {shown}", swapped
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in _FLIPPED:
        flipped = copy.deepcopy(node)
        flipped.ops[0] = _FLIPPED[type(node.ops[0])]()
        yield "comparison", f"turned round {shown}", flipped
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield "constant", f"changed the constant {shown}", ast.Constant(node.value + 1)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "constant", f"changed the constant {shown}", ast.Constant(not node.value)
    elif isinstance(node, ast.Return) and node.value is not None and not _is_nothing(node.value):
        yield "return", f"returned None instead of {shown.removeprefix('return ')}", ast.Return(ast.Constant(None))


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, field, new)
                return
            if isinstance(value, list):
                for number, item in enumerate(value):
                    if item is old:
                        value[number] = new
                        return
