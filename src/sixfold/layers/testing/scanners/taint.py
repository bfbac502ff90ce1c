"""Which names of a function hold what came from a request: one function at a time, no calls followed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from sixfold.layers.testing.scanners.trees import nodes

Function = ast.FunctionDef | ast.AsyncFunctionDef

REQUEST_PARTS = [
    "args",
    "form",
    "json",
    "values",
    "files",
    "cookies",
    "headers",
    "data",
    "query_params",
    "query_string",
    "get_json",
    "get_data",
    "match_info",
    "query",
    "GET",
    "POST",
    "FILES",
    "body",
    "path_params",
    "stream",
    "url",
    "path_info",
]
ROUTES = ("route", "get", "post", "put", "delete", "patch", "websocket", "api_route", "command")
CLEANERS = [
    "int",
    "float",
    "bool",
    "len",
    "hash",
    "id",
    "uuid",
    "UUID",
    "secure_filename",
    "safe_join",
    "escape",
    "quote",
    "quote_plus",
    "escape_filter_chars",
    "basename",
    "urlparse",
    "urlsplit",
    "isinstance",
    "hexdigest",
]
HANDLER_PARTS = ("path", "rfile", "headers")


def functions(tree: ast.Module) -> Iterator[tuple[Function, bool]]:
    """All functions, and whether they are methods of an HTTP request handler class."""
    handlers = {
        id(method)
        for node in nodes(tree)
        if isinstance(node, ast.ClassDef) and any("RequestHandler" in ast.unparse(base) for base in node.bases)
        for method in nodes(node)
    }
    for node in nodes(tree):
        if isinstance(node, Function):
            yield node, id(node) in handlers


class Taint:
    """Knows which expressions of a function derive from a request."""

    def __init__(self, function: Function, *, handler: bool) -> None:
        self._handler = handler
        self._names = set(_routed(function))
        self.body = [node for node in nodes(function) if node is not function]
        for _ in range(3):  # assignments may stand in any order in loops; three rounds reach what matters
            before = len(self._names)
            for node in self.body:
                self._spread(node)
            if len(self._names) == before:
                break

    def __contains__(self, node: ast.AST | None) -> bool:
        """True when the expression holds something from a request that was not made harmless on the way."""
        if node is None:
            return False
        if isinstance(node, ast.Call) and last_name(node.func) in CLEANERS:
            return False
        if isinstance(node, ast.Compare) or _is_spelled_out(node):
            return False
        if isinstance(node, ast.Name):
            return node.id in self._names
        if isinstance(node, ast.Attribute) and self._is_source(node):
            return True
        return any(child in self for child in ast.iter_child_nodes(node))

    def checked(self, node: ast.AST) -> bool:
        """True when a name of the expression is tested against something: an allow-list, a pattern, a containment."""
        names = {part.id for part in nodes(node) if isinstance(part, ast.Name)}
        for part in self.body:
            text = ast.unparse(part) if isinstance(part, (ast.Compare, ast.Call)) else ""
            telling = isinstance(part, ast.Compare) and isinstance(part.ops[0], (ast.In, ast.NotIn))
            telling = telling or any(
                word in text
                for word in ("fullmatch", "is_relative_to", "commonpath", "startswith(", "isalnum", "isidentifier")
            )
            if telling and names & {one.id for one in nodes(part) if isinstance(one, ast.Name)}:
                return True
        return False

    def _is_source(self, node: ast.Attribute) -> bool:
        owner = dotted(node.value)
        if owner.rsplit(".", 1)[-1] in ("request", "req") and node.attr in REQUEST_PARTS:
            return True
        return self._handler and owner == "self" and node.attr in HANDLER_PARTS

    def _spread(self, node: ast.AST) -> None:
        targets: list[ast.expr] = []
        source: ast.expr | None = None
        if isinstance(node, ast.Assign):
            targets, source = node.targets, node.value
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)):
            targets, source = [node.target], node.value
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            targets, source = [node.target], node.iter
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            targets, source = [node.optional_vars], node.context_expr
        if source is not None and source in self:
            for target in targets:
                self._names |= {part.id for part in nodes(target) if isinstance(part, ast.Name)}


def _is_spelled_out(node: ast.AST) -> bool:
    """A text that matched, whole, a pattern that says which characters may stand in it, none of them a slash."""
    if not isinstance(node, ast.Call) or last_name(node.func) != "fullmatch" or not node.args:
        return False
    pattern = node.args[0].value if isinstance(node.args[0], ast.Constant) else ""
    open_ones = re.search(r"\[\^|(?<!\\)\.[*+]|\\S|\[[^\]]*/", pattern) if isinstance(pattern, str) else True
    return bool(pattern) and not open_ones


def _routed(function: Function) -> Iterator[str]:
    for decorator in function.decorator_list:
        call = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(call, ast.Attribute) and call.attr in ROUTES and call.attr != "command":
            arguments = function.args
            for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                kind = ast.unparse(argument.annotation) if argument.annotation else ""
                if argument.arg not in ("self", "cls", "request") and kind not in ("int", "float", "bool", "UUID"):
                    yield argument.arg


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or attribute, any other expression as its source; quicker than `ast.unparse`."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ast.unparse(node)


def last_name(node: ast.AST) -> str:
    """`c` of `a.b.c`."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
