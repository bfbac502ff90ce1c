"""What values a parameter takes: from its annotation, its default, the examples, or, failing those, its name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from sixfold.domain import syntax
from sixfold.domain.data import Data

_PLAIN = ("int", "float", "bool", "str", "bytes", "none")
_SEQUENCES = {
    "list": "list",
    "sequence": "list",
    "iterable": "list",
    "collection": "list",
    "iterator": "list",
    "tuple": "tuple",
    "set": "set",
    "frozenset": "set",
    "abstractset": "set",
}
_MAPS = ("dict", "mapping", "mutablemapping", "defaultdict", "counter")
_NAMES = (
    (
        r"(?:^|_)(?:s|str|string|text|txt|word|sentence|name|message|line|path|key|letters?|password|paragraph)\d?$",
        "str",
    ),
    (r"(?:^|_)(?:n|k|m|i|j|x|y|a|b|c|num|number|count|size|length|index|limit|year|age|total|amount)\d?$", "int"),
    (r"(?:^|_)(?:rate|ratio|price|threshold|radius|width|height|weight|temperature)$", "float"),
    (r"^(?:is|has|with|allow|use)_", "bool"),
    (r"(?:words|strings|names|lines|texts)$", "words"),
    (r"(?:matrix|grid|rows|board|table)$", "grid"),
    (r"(?:^|_)(?:l|xs|ys|lst|list|arr|array|nums|numbers|items|values|elements|sequence|data)\d?$", "numbers"),
    (r"(?:^|_)(?:d|dict|map|mapping|record)\d?$", "record"),
)


class Shape(Data, frozen=True, kw_only=True):
    """A set of values."""

    kind: str
    """`int float bool str bytes none`, `list set tuple dict`, `union`, `literal`, `any`."""
    items: tuple[Shape, ...] = ()
    """list, set: what is in it; dict: key and value; tuple: one a place; union: the alternatives."""
    choices: tuple[str, ...] = ()
    """literal: Python literals; str: the characters seen in examples, as one text."""
    negative: bool = True
    """int, float: whether negative numbers belong to it."""


ANY = Shape(kind="any")
INT = Shape(kind="int")
TEXT = Shape(kind="str")
NUMBERS = Shape(kind="list", items=(INT,))


def of_annotation(node: ast.expr | None) -> Shape:
    """The shape an annotation names; `any` for what is not understood."""
    if node is None:
        return ANY
    if isinstance(node, ast.Constant):
        return _of_constant(node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return union((of_annotation(node.left), of_annotation(node.right)))
    if isinstance(node, ast.Subscript):
        return _of_subscript(node)
    return _of_name(_last_name(node))


def of_value(value: object) -> Shape:
    """The shape of which a literal value is an instance."""
    if value is None:
        return Shape(kind="none")
    if isinstance(value, bool):
        return Shape(kind="bool")
    if isinstance(value, int | float):
        return Shape(kind=type(value).__name__, negative=value < 0)
    if isinstance(value, str):
        return Shape(kind="str", choices=("".join(sorted(set(value))),))
    if isinstance(value, bytes):
        return Shape(kind="bytes")
    if isinstance(value, dict):
        return Shape(kind="dict", items=(_merged(value.keys()), _merged(value.values())))
    if isinstance(value, tuple):
        return Shape(kind="tuple", items=tuple(of_value(item) for item in value))
    if isinstance(value, list | set | frozenset):
        return Shape(kind="set" if isinstance(value, set | frozenset) else "list", items=(_merged(value),))
    return ANY


def of_name(name: str) -> Shape:
    """A guess from a parameter's name."""
    for pattern, kind in _NAMES:
        if re.search(pattern, name, re.IGNORECASE):
            return {
                "numbers": NUMBERS,
                "words": Shape(kind="list", items=(TEXT,)),
                "grid": Shape(kind="list", items=(NUMBERS,)),
                "record": Shape(kind="dict", items=(TEXT, INT)),
            }.get(kind, Shape(kind=kind))
    return ANY


def union(shapes: Iterable[Shape]) -> Shape:
    """The values of all shapes: alike ones are merged, `any` gives way to what is known."""
    known: list[Shape] = []
    for shape in shapes:
        for part in shape.items if shape.kind == "union" else (shape,):
            if part.kind == "any":
                continue
            for place, seen in enumerate(known):
                if (joined := _join(seen, part)) is not None:
                    known[place] = joined
                    break
            else:
                known.append(part)
    if not known:
        return ANY
    return known[0] if len(known) == 1 else Shape(kind="union", items=tuple(known))


def refined(declared: Shape, seen: Shape) -> Shape:
    """What a signature declares, narrowed by what the examples show where the signature leaves it open."""
    if declared.kind == "any":
        return seen
    if seen.kind == declared.kind and declared.kind in ("int", "float", "str"):
        return seen
    if seen.kind == declared.kind and len(seen.items) == len(declared.items):
        items = tuple(refined(one, other) for one, other in zip(declared.items, seen.items, strict=True))
        return Shape(kind=declared.kind, items=items)
    return declared


def _of_constant(node: ast.Constant) -> Shape:
    if isinstance(node.value, str):
        try:
            return of_annotation(syntax.parse_expression(node.value).body)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return ANY
    return Shape(kind="none") if node.value is None else ANY


def _of_subscript(node: ast.Subscript) -> Shape:
    name = _last_name(node.value).lower()
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "literal":
        return Shape(kind="literal", choices=tuple(ast.unparse(choice) for choice in inner))
    if name == "annotated":
        return of_annotation(inner[0])
    shapes = tuple(of_annotation(part) for part in inner)
    if name == "optional":
        return union((*shapes, Shape(kind="none")))
    if name == "union":
        return union(shapes)
    if name in _MAPS:
        return Shape(kind="dict", items=(shapes[0], shapes[1] if len(shapes) > 1 else INT))
    kind = _SEQUENCES.get(name, "any")
    if kind == "tuple" and len(inner) == 2 and isinstance(inner[1], ast.Constant) and inner[1].value is ...:
        return Shape(kind="list", items=shapes[:1])
    return ANY if kind == "any" else Shape(kind=kind, items=shapes if kind == "tuple" else shapes[:1])


def _of_name(name: str) -> Shape:
    lowered = name.lower()
    if lowered in _PLAIN:
        return Shape(kind=lowered)
    if lowered in _SEQUENCES:
        return Shape(kind=_SEQUENCES[lowered], items=(ANY,))
    return Shape(kind="dict", items=(TEXT, ANY)) if lowered in _MAPS else ANY


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _merged(values: Iterable[object]) -> Shape:
    return union(of_value(value) for value in values)


def _join(one: Shape, other: Shape) -> Shape | None:
    """One shape for two of a kind; None when they are of different kinds."""
    if one.kind != other.kind or (one.kind == "tuple" and len(one.items) != len(other.items)):
        return None
    if one.kind == "literal":
        return Shape(kind="literal", choices=tuple(dict.fromkeys((*one.choices, *other.choices))))
    if one.kind == "str":
        return Shape(kind="str", choices=("".join(sorted(set("".join((*one.choices, *other.choices))))),))
    if len(one.items) != len(other.items):
        return one if one.items else other
    items = tuple(union(pair) for pair in zip(one.items, other.items, strict=True))
    return Shape(kind=one.kind, items=items, negative=one.negative or other.negative)
