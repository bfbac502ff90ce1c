"""Which parts of a statement hold nothing but what the code itself says: followed through names, lists and loops."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from sixfold.layers.testing.scanners.taint import last_name
from sixfold.layers.testing.scanners.trees import nodes

MOST_DEPTH = 6
NAMED = re.compile(r"placeholders?|marks|question_marks|where|conditions|clauses?|columns|assignments|sets|table|order")
"""Names of parts that are believed where nothing is seen of how they are made."""
ADDS = ("append", "extend", "add", "insert")
WRITTEN = (ast.JoinedStr, ast.BinOp, ast.ListComp, ast.GeneratorExp)
CHECKS = ("fullmatch", "match", "isidentifier", "isdigit")
WRAPPERS = ("sorted", "list", "tuple", "set", "frozenset", "reversed", "iter")
MARKS = re.compile(r"['\"](\?|%s|:\w+)")
REPEATED = re.compile(r"['\"][?,% s]+['\"] \*|\* len\(")


class Parts:
    """The names of one scope, and what they can hold.

    Args:
        inside: its nodes, without those of functions inside it.
        constants: names of the module that are bound to literals only.
    """

    def __init__(self, inside: list[ast.AST], constants: set[str]) -> None:
        self._bound: dict[str, list[ast.expr]] = {}
        for name, value in _bound(inside):
            self._bound.setdefault(name, []).append(value)
        self._chosen = {*constants, *_tested(inside), *_picked(inside)}
        for target, iterated in _loops(inside):
            self._chosen.update(self._looped(target, iterated))

    def told(self, name: str) -> list[ast.expr]:
        """All that is seen to be bound or added to a name."""
        return self._bound.get(name, [])

    def is_harmless(self, node: ast.AST, depth: int = 0) -> bool:
        """No text in it came from elsewhere: constants, numbers, placeholders, names that were tested."""
        if depth > MOST_DEPTH:
            return False
        if isinstance(node, ast.JoinedStr):
            parts = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
            return all(self.is_harmless(part, depth + 1) for part in parts)
        if isinstance(node, ast.BinOp) and not REPEATED.search(ast.unparse(node)):
            return self.is_harmless(node.left, depth + 1) and self.is_harmless(node.right, depth + 1)
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            return all(self.is_harmless(part, depth + 1) for part in node.elts)
        if isinstance(node, ast.IfExp):
            return self.is_harmless(node.body, depth + 1) and self.is_harmless(node.orelse, depth + 1)
        if isinstance(node, (ast.GeneratorExp, ast.ListComp, ast.SetComp)):
            return self.is_harmless(node.elt, depth + 1)
        if isinstance(node, ast.Name):
            return self._is_name_harmless(node.id, depth)
        if isinstance(node, ast.Call):
            return self._is_call_harmless(node, depth)
        if isinstance(node, ast.Subscript):
            return self._is_chosen(node.value)
        return isinstance(node, ast.Constant) or self._is_chosen(node) or bool(REPEATED.search(ast.unparse(node)))

    def _is_name_harmless(self, name: str, depth: int) -> bool:
        if self._is_chosen(ast.Name(id=name)):
            return True
        given = self.told(name)
        if given and all(self.is_harmless(one, depth + 1) for one in given):
            return True
        written = [one for one in given if isinstance(one, WRITTEN)]
        if any(not self.is_harmless(one, depth + 1) for one in written):
            return False
        return bool(NAMED.fullmatch(name))

    def _is_call_harmless(self, node: ast.Call, depth: int) -> bool:
        verb, text = last_name(node.func), ast.unparse(node)
        if verb in ("int", "len") and isinstance(node.func, ast.Name):
            return True
        if verb == "join" and node.args:
            inner = node.args[0]
            marked = not isinstance(inner, ast.Name) and MARKS.search(text)
            return bool(marked) or self.is_harmless(inner, depth + 1)
        if verb in WRAPPERS and node.args:
            return self.is_harmless(node.args[0], depth + 1)
        if verb == "get" and isinstance(node.func, ast.Attribute):
            default = all(self.is_harmless(one, depth + 1) for one in node.args[1:])
            return default and self._is_chosen(node.func.value)
        return bool(REPEATED.search(text))

    def _is_chosen(self, node: ast.AST) -> bool:
        """A name that holds only what the code says, what such a mapping gives, or a field of such a thing."""
        if isinstance(node, ast.Name):
            return node.id in self._chosen or node.id.isupper()
        if isinstance(node, ast.Subscript):
            return self._is_chosen(node.value)
        return isinstance(node, ast.Attribute) and (node.attr.isupper() or self._is_chosen(node.value))

    def _looped(self, target: ast.expr, iterated: ast.expr) -> Iterator[str]:
        """Names of a loop's target that take only what the code says."""
        every = self._is_known(iterated)
        elements = _elements(iterated)
        for number, part in enumerate(target.elts) if isinstance(target, ast.Tuple) else ():
            held = [_part(one, number) for one in elements or ()]
            if isinstance(part, ast.Name) and (every or (held and all(isinstance(one, ast.Constant) for one in held))):
                yield part.id
        constant = elements and all(isinstance(one, ast.Constant) for one in elements)
        if isinstance(target, ast.Name) and (every or constant):
            yield target.id

    def _is_known(self, iterated: ast.expr) -> bool:
        """What is gone through stands in the code: a constant, its keys, the fields of a class."""
        if isinstance(iterated, ast.Call):
            verb = last_name(iterated.func)
            if verb == "fields" and iterated.args:
                return True
            if verb in ("items", "keys", "values") and isinstance(iterated.func, ast.Attribute):
                return self._is_known(iterated.func.value)
            return verb in (*WRAPPERS, "enumerate") and bool(iterated.args) and self._is_known(iterated.args[0])
        if isinstance(iterated, ast.Name) and iterated.id not in self._chosen:
            given = self.told(iterated.id)
            return iterated.id.isupper() or (bool(given) and all(self.is_harmless(one, 2) for one in given))
        return self._is_chosen(iterated)


def _bound(inside: list[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    """Names with what is assigned to them, added to them, or put into them as lists."""
    for node in inside:
        if isinstance(node, ast.Assign):
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign)) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            owner = node.func.value
            if node.func.attr in ADDS and isinstance(owner, ast.Name):
                yield owner.id, node.args[-1]


def _picked(inside: list[ast.AST]) -> Iterator[str]:
    """Names that hold nothing but an element of a constant: `column = COLUMNS[COLUMNS.index(wanted)]`."""
    values: dict[str, list[ast.expr]] = {}
    for name, value in _bound(inside):
        values.setdefault(name, []).append(value)
    for name, given in values.items():
        if all(map(_is_picked, given)):
            yield name


def _is_picked(node: ast.expr) -> bool:
    """A literal, an element of a constant, or one of two such."""
    if isinstance(node, ast.IfExp):
        return _is_picked(node.body) and _is_picked(node.orelse)
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Subscript) and last_name(node.value).isupper())


def _tested(inside: list[ast.AST]) -> Iterator[str]:
    """Names that are held against a list or a pattern before use, or taken from a mapping of constants."""
    for node in inside:
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            yield from (part.id for part in nodes(node.left) if isinstance(part, ast.Name))
        elif isinstance(node, ast.Call) and last_name(node.func) in CHECKS:
            yield from (part.id for part in nodes(node) if isinstance(part, ast.Name))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], (ast.Name, ast.Tuple)):
            owner = _mapped(node.value)
            if isinstance(owner, ast.Dict) or last_name(owner).isupper():
                yield from (part.id for part in nodes(node.targets[0]) if isinstance(part, ast.Name))


def _mapped(value: ast.expr) -> ast.expr:
    """What a look-up looks into."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "get":
        return value.func.value
    return value.value if isinstance(value, (ast.Subscript, ast.Attribute)) else value


def _loops(inside: list[ast.AST]) -> Iterator[tuple[ast.expr, ast.expr]]:
    for node in inside:
        if isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            yield node.target, node.iter


def _elements(iterated: ast.expr) -> list[ast.expr] | None:
    """The elements of a literal that is gone through; of a mapping, its pairs or its keys."""
    if isinstance(iterated, (ast.Tuple, ast.List, ast.Set)):
        return list(iterated.elts)
    if isinstance(iterated, ast.Dict):
        return [key for key in iterated.keys if key is not None]
    if isinstance(iterated, ast.Call) and isinstance(iterated.func, ast.Attribute) and iterated.func.attr == "items":
        owner = iterated.func.value
        if isinstance(owner, ast.Dict):
            pairs = zip(owner.keys, owner.values, strict=True)
            return [ast.Tuple(elts=[key, value], ctx=ast.Load()) for key, value in pairs if key is not None]
    return None


def _part(node: ast.expr, number: int) -> ast.expr | None:
    inner = node.elts if isinstance(node, (ast.Tuple, ast.List)) else []
    return inner[number] if number < len(inner) else None
