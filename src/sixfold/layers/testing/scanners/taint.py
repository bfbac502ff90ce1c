"""Which names of a function hold what came from a request: one function at a time, no calls followed."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping

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
    "jsonify",
    "url_for",
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

    def __init__(
        self, function: Function, *, handler: bool, others: Mapping[str, Function] | None = None, depth: int = 2
    ) -> None:
        """Read a function; `others` are those of its module, which are looked into for what they give back."""
        self._handler, self._others, self._depth = handler, others or {}, depth
        self._given: dict[str, tuple[bool, bool]] = {}
        self._names = {name for name, depends in _routed(function) if not depends or self._is_given(depends)}
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
        if isinstance(node, ast.IfExp):
            return node.body in self or node.orelse in self
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            return self._is_made_of(node)
        if isinstance(node, ast.Name):
            return node.id in self._names
        if isinstance(node, ast.Attribute) and self._is_source(node):
            return True
        if isinstance(node, ast.Subscript) and not isinstance(node.value, (ast.Dict, ast.List)):
            return node.value in self  # what a table holds under a visitor's word is the table's
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self._others:
            source, passes = self._gives(node.func.id)
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            return source or (passes and any(one in self for one in given))
        return any(child in self for child in ast.iter_child_nodes(node))

    def _is_made_of(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> bool:
        """What is picked tells; what it is picked by does not."""
        picked = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        names = {part.id for one in picked for part in nodes(one) if isinstance(part, ast.Name)}
        return any(one in self for one in picked) or any(
            part.iter in self and names & {one.id for one in nodes(part.target) if isinstance(one, ast.Name)}
            for part in node.generators
        )

    def checked(self, node: ast.AST) -> bool:
        """True when a name of the expression is tested against something: an allow-list, a pattern, a containment."""
        return self._tests({part.id for part in nodes(node) if isinstance(part, ast.Name)})

    def _tests(self, names: Collection[str]) -> bool:
        for part in self.body:
            text = ast.unparse(part) if isinstance(part, (ast.Compare, ast.Call)) else ""
            telling = isinstance(part, ast.Compare) and isinstance(part.ops[0], (ast.In, ast.NotIn))
            telling = telling or any(
                word in text
                for word in ("fullmatch", "is_relative_to", "commonpath", "startswith(", "isalnum", "isidentifier")
            )
            # A function of the module that says whether it is well.
            test = part.test if isinstance(part, (ast.If, ast.IfExp, ast.While, ast.Assert)) else None
            if test is not None and any(self._asks_own(one, names) for one in nodes(test)):
                return True
            if telling and set(names) & {one.id for one in nodes(part) if isinstance(one, ast.Name)}:
                return True
        return False

    def _asks_own(self, node: ast.AST, names: Collection[str]) -> bool:
        own = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self._others
        return own and any(isinstance(one, ast.Name) and one.id in names for one in node.args)  # type: ignore[attr-defined]

    def _gives(self, name: str) -> tuple[bool, bool]:
        """Whether a function of the module returns what it took from a request itself, and what it was given."""
        if name not in self._given:
            self._given[name] = (False, True)  # while it is read, and where reading ends: what goes in comes out
            if self._depth > 0:
                inner = self._others[name]
                own = Taint(inner, handler=False, others=self._others, depth=self._depth - 1)
                every = Taint(inner, handler=False, others=self._others, depth=self._depth - 1)
                arguments = (*inner.args.posonlyargs, *inner.args.args, *inner.args.kwonlyargs)
                every.follow({one.arg for one in arguments})
                if every._tests(every._names):
                    self._given[name] = (False, False)  # what it checks, and how well, is for attacks to see
                    return self._given[name]
                back = [one.value for one in own.body if isinstance(one, (ast.Return, ast.Yield)) and one.value]
                self._given[name] = (
                    any(one in own and not own.checked(one) for one in back),
                    any(one in every and not every.checked(one) for one in back),
                )
        return self._given[name]

    def _is_given(self, depends: ast.Call) -> bool:
        """Whether what a route depends on hands on what the request told it; other modules are not looked into."""
        name = last_name(depends.args[0]) if depends.args else ""
        return name in self._others and any(self._gives(name))

    def follow(self, names: Collection[str]) -> None:
        """These names hold what came from a request as well."""
        self._names |= set(names)
        for _ in range(3):
            for node in self.body:
                self._spread(node)

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


def _routed(function: Function) -> Iterator[tuple[str, ast.Call | None]]:
    """Parameters that a route fills, and what each depends on instead of the request itself."""
    for decorator in function.decorator_list:
        call = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(call, ast.Attribute) and call.attr in ROUTES and call.attr != "command":
            arguments = function.args
            plain = [*arguments.posonlyargs, *arguments.args]
            late = plain[len(plain) - len(arguments.defaults) :]
            pairs = [
                *zip(late, arguments.defaults, strict=True),
                *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
            ]
            defaults = {one.arg: value for one, value in pairs}
            for argument in (*plain, *arguments.kwonlyargs):
                kind = ast.unparse(argument.annotation) if argument.annotation else ""
                if argument.arg not in ("self", "cls", "request") and kind not in ("int", "float", "bool", "UUID"):
                    yield argument.arg, _depends(defaults.get(argument.arg), argument.annotation)


def _depends(*told: ast.expr | None) -> ast.Call | None:
    """`Depends(f)` as a default or inside of `Annotated`."""
    calls = [one for node in told if node is not None for one in nodes(node) if isinstance(one, ast.Call)]
    return next((one for one in calls if last_name(one.func) in ("Depends", "Security")), None)


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
