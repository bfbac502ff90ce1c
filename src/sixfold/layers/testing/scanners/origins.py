"""Where a value of a module comes from: constants, parameters, chance, the clock; followed through its functions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from sixfold.layers.testing.scanners.taint import Function, dotted, last_name
from sixfold.layers.testing.scanners.trees import nodes, own_nodes

MOST_DEPTH = 7
RANDOM = re.compile(
    r"(^|\.)(urandom|token_bytes|token_hex|token_urlsafe|randbytes|getrandbits|randbits|gensalt|generate_key|uuid4"
    r"|get_random_bytes|SystemRandom|generate|rand\w*|choice|choices|mkstemp|mkdtemp|NamedTemporaryFile"
    r"|TemporaryDirectory|TemporaryFile)$"
)
CLOCK = re.compile(r"(^|\.)(time|time_ns|monotonic|now|utcnow|today|getpid|perf_counter)$")
KEEPING = re.compile(
    r"^(encode|decode|hex|digest|hexdigest|fromhex|bytes|bytearray|str|strip|lower|upper|ljust|rjust|zfill|join|format|replace"
    r"|to_bytes|b64encode|b64decode|urlsafe_b64encode|urlsafe_b64decode|int|sha256|sha1|md5|sha512|blake2b|sha224|sha384"
    r"|sha3_256|new|hexlify|unhexlify|HMAC|Path|getenv)$"
)
OWN = re.compile(r"^(encode|decode|hex|digest|hexdigest|strip|lower|upper|ljust|rjust|zfill|replace|to_bytes)$")
"""Methods that keep what they are called on; their arguments only say how (`secret.encode("utf-8")`)."""

BINDING = (ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.For, ast.AsyncFor, ast.withitem)


class Origins:
    """Sources of expressions in one module."""

    def __init__(self, tree: ast.Module) -> None:
        self.functions = {node.name: node for node in nodes(tree) if isinstance(node, Function)}
        self._local: dict[Function, list[tuple[str, ast.expr]]] = {}
        self._module: dict[str, list[ast.expr]] = {}
        self._attributes: dict[str, list[tuple[ast.expr, Function | None]]] = {}
        for name, value in _bound(tree):
            self._module.setdefault(name, []).append(value)
        for function in self.functions.values():
            for name, value in self._bound_in(function):
                if name.startswith("self."):
                    self._attributes.setdefault(name, []).append((value, function))
                else:  # for functions inside it, which see its names
                    self._module.setdefault(name, []).append(value)
        for node in nodes(tree):
            if isinstance(node, ast.ClassDef):
                for name, value in _bound(node):
                    for owner in ("self.", "cls.", f"{node.name}."):
                        self._attributes.setdefault(owner + name, []).append((value, None))

    def _reads_settings(self, call: ast.Call, function: Function | None) -> bool:
        """`get(section, name)` of a `configparser`, whose second argument is no default."""
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        made = self.made(dotted(owner), function) if owner is not None else None
        return isinstance(made, ast.Call) and last_name(made.func).endswith("ConfigParser")

    def of(self, node: ast.AST | None, function: Function | None, depth: int = 0) -> set[str]:
        """`constant`, `parameter:NAME`, `random`, `clock`, `environment`; `unknown` for all else."""
        if node is None or depth > MOST_DEPTH:
            return {"unknown"}
        if isinstance(node, ast.Constant):
            return {"constant"} if isinstance(node.value, (str, bytes)) and node.value else set()
        if isinstance(node, ast.Name):
            return self._name(node.id, function, depth)
        if isinstance(node, ast.Attribute):
            known = self._attributes.get(dotted(node))
            if known:
                return set().union(*(self.of(value, scope, depth + 1) for value, scope in known))
            return {"unknown"}
        if isinstance(node, ast.Call):
            return self._call(node, function, depth)
        if isinstance(node, ast.Subscript):
            return self.of(node.value, function, depth + 1)
        if isinstance(node, (ast.BinOp, ast.BoolOp, ast.IfExp, ast.JoinedStr, ast.FormattedValue, ast.Tuple, ast.List)):
            parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
            if isinstance(node, ast.IfExp):
                parts = [node.body, node.orelse]
            return set().union(*(self.of(part, function, depth + 1) for part in parts)) if parts else set()
        return {"unknown"}

    def handed(self, sources: set[str], function: Function | None) -> Iterator[set[str]]:
        """The sources, once for each call of the function in the module that hands something to a parameter of them."""
        named = [one.removeprefix("parameter:") for one in sources if one.startswith("parameter:")]
        calls = self.calls(function.name) if function is not None and named else []
        if function is None or not calls:
            yield sources
            return
        names = [name for name in parameters(function) if name not in ("self", "cls")]
        for call, caller in calls:
            given = dict(zip(names, call.args, strict=False)) | {one.arg: one.value for one in call.keywords if one.arg}
            found = sources - {f"parameter:{name}" for name in named if name in given}
            for name in named:
                if name in given:
                    found |= self.of(given[name], caller)
            yield found

    def calls(self, name: str) -> list[tuple[ast.Call, Function]]:
        """Calls of a function of the module, and where each stands."""
        return [
            (node, function)
            for function in self.functions.values()
            for node in own_nodes(function)
            if isinstance(node, ast.Call) and last_name(node.func) == name
        ]

    def number(self, name: str) -> int | None:
        """The number a constant of the module stands for."""
        for value in self._module.get(name, ()):
            if isinstance(value, ast.Constant) and type(value.value) is int:
                return value.value
        return None

    def made(self, name: str, function: Function | None) -> ast.expr | None:
        """What a name or attribute was bound to."""
        local = [value for bound, value in self._bound_in(function) if bound == name] if function is not None else []
        known = [value for value, _ in self._attributes.get(name, ())]
        return next(iter([*local, *known, *self._module.get(name, ())]), None)

    def spelled(self, node: ast.expr, function: Function | None, depth: int = 0) -> str:
        """The expression as text, with what its names and calls of the module stand for."""
        parts = [ast.unparse(node)]
        for inner in nodes(node) if depth < 4 else ():
            made = self.made(dotted(inner), function) if isinstance(inner, (ast.Name, ast.Attribute)) else None
            if made is not None:
                parts.append(self.spelled(made, function, depth + 1))
            callee = self.functions.get(last_name(inner.func)) if isinstance(inner, ast.Call) else None
            if callee is not None:
                returned = [part.value for part in own_nodes(callee) if isinstance(part, ast.Return) and part.value]
                parts += [self.spelled(value, callee, depth + 1) for value in returned]
        return " ".join(parts)

    def _bound_in(self, function: Function) -> list[tuple[str, ast.expr]]:
        """What names and attributes are bound to in a function."""
        if function not in self._local:
            self._local[function] = list(_bound(function))
        return self._local[function]

    def _name(self, name: str, function: Function | None, depth: int) -> set[str]:
        if function is not None:
            values = [value for bound, value in self._bound_in(function) if bound == name]
            if values:
                return set().union(*(self.of(value, function, depth + 1) for value in values))
            if name in parameters(function):
                return {f"parameter:{name}"}
        if name in self._module:
            return set().union(*(self.of(value, None, depth + 1) for value in self._module[name]))
        return {"unknown"}

    def _call(self, node: ast.Call, function: Function | None, depth: int) -> set[str]:
        name, verb = dotted(node.func), last_name(node.func)
        if RANDOM.search(name):
            return {"random"}
        if CLOCK.search(name):
            return {"clock"}
        if name.endswith(("environ.get", "getenv")):
            default = node.args[1] if len(node.args) > 1 else None
            return {"environment"} | (self.of(default, function, depth + 1) if default is not None else set())
        if verb == "get" and len(node.args) > 1 and not self._reads_settings(node, function):
            return {"unknown"} | self.of(node.args[1], function, depth + 1)
        callee = self.functions.get(verb)
        if callee is not None and (isinstance(node.func, ast.Name) or dotted(node.func).startswith(("self.", "cls."))):
            return self._returned(callee, node, function, depth)
        if KEEPING.match(verb):
            owner = [node.func.value] if isinstance(node.func, ast.Attribute) else []
            given = owner if owner and OWN.match(verb) else [*node.args, *owner]
            modules = ("hashlib", "base64", "binascii", "bytes", "int", "str", "hmac", "os")
            kept = [one for one in given if not (isinstance(one, ast.Name) and one.id in modules)]
            return set().union(*(self.of(one, function, depth + 1) for one in kept)) if kept else set()
        return {"unknown"}

    def _returned(self, callee: Function, node: ast.Call, function: Function | None, depth: int) -> set[str]:
        names = [name for name in parameters(callee) if name not in ("self", "cls")]
        given = dict(zip(names, node.args, strict=False)) | {one.arg: one.value for one in node.keywords if one.arg}
        found: set[str] = set()
        for part in own_nodes(callee):
            if isinstance(part, ast.Return) and part.value is not None:
                for source in self.of(part.value, callee, depth + 1):
                    inner = given.get(source.removeprefix("parameter:")) if source.startswith("parameter:") else None
                    found |= self.of(inner, function, depth + 1) if inner is not None else {source}
        return found or {"unknown"}


def parameters(function: Function) -> list[str]:
    """Names of all parameters."""
    given = function.args
    return [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]


def _bound(scope: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Names and attributes with what is bound to them, anywhere in a scope of its own."""
    for node in own_nodes(scope):
        if type(node) not in BINDING:
            continue
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, (ast.Name, ast.Attribute)):
                    yield dotted(target), node.value
                elif isinstance(target, ast.Tuple):
                    for part in target.elts:
                        if isinstance(part, (ast.Name, ast.Attribute)):
                            yield dotted(part), ast.Call(func=ast.Name(id="?"), args=[], keywords=[])
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            if isinstance(node.target, (ast.Name, ast.Attribute)):
                yield dotted(node.target), node.value
        elif isinstance(node, (ast.For, ast.AsyncFor)) and isinstance(node.target, ast.Name):
            yield node.target.id, ast.Call(func=ast.Name(id="?"), args=[], keywords=[])
        elif isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
            yield node.optional_vars.id, node.context_expr
