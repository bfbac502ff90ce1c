"""From a frozen contract to a stand-in for it, so that who uses it can begin before it is provided.

Only contracts of kind `python` are served: their text becomes a module with the same names, signatures and fields.
What is called raises NotImplementedError with a text of its own, except where the contract gives the value by example
(`parse('12.34') == 1234`). Routes, commands, tables and files are not served: whoever uses them waits. A stub lies
over the tree while tests run, never in it.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Collection

from sixfold.domain import syntax
from sixfold.domain.plan import Contract, Plan, Stub, Task
from sixfold.layers.planning.paths import is_test
from sixfold.layers.planning.signatures import Class, Declared, Function, read_signatures
from sixfold.layers.planning.validation import existing_path

SERVED = "is served by a stub"
"""Stands in what a stub raises: a test that fails with it has met work that is not there yet."""
_HEAD = (
    '"""Stand-in for {ids}: names and signatures as agreed, no behaviour."""\n\nfrom __future__ import annotations\n'
)


def stubs_for(plan: Plan, task: Task, missing: Collection[str], paths: Collection[str]) -> tuple[Stub, ...] | None:
    """Stand-ins for what a task uses of others that are not done; None when one of them cannot be served.

    What those others use in their turn is served too, as far as it can be: whoever tests with a cart needs a catalog.

    Args:
        missing: ids of the tasks that are not done.
        paths: files of the tree the task starts from; none of them is ever stood in for.
    """
    wanted: dict[str, list[str]] = {}
    for provider in (plan.task(id) for id in plan.dependencies(task.id) if id in missing):
        for id in provider.provides:
            if id not in task.consumes:
                continue
            path = _place(plan.contract(id), provider)
            if not path or path in paths or path in task.files:
                return None
            wanted.setdefault(path, []).append(id)
    direct = tuple(wanted)
    for provider in _behind(plan, task, missing):
        for id in provider.provides:
            path = _place(plan.contract(id), provider)
            if path and path not in paths and path not in task.files and id not in wanted.get(path, ()):
                wanted.setdefault(path, []).append(id)
    stubs = []
    for path, ids in wanted.items():
        text = _module([plan.contract(id) for id in ids])
        if text:
            stubs.append(Stub(path=path, contracts=tuple(ids), text=text))
        elif path in direct:
            return None
    return tuple(stubs)


def _behind(plan: Plan, task: Task, missing: Collection[str]) -> tuple[Task, ...]:
    """Tasks that are not done and that the task waits for directly or not, in plan order."""
    found: set[str] = set()
    work = [task.id]
    while work:
        fresh = [id for id in plan.dependencies(work.pop()) if id in missing and id not in found]
        found.update(fresh)
        work += fresh
    return tuple(other for other in plan.tasks if other.id in found)


def _place(contract: Contract, provider: Task) -> str:
    """The provider's file that a contract speaks of; empty when that cannot be told, or no Python is promised."""
    if contract.kind != "python" or existing_path(contract):
        return ""
    modules = [path for path in provider.files if path.endswith(".py") and not is_test(path)]
    for name in (read_signatures(contract.text).module, contract.id):
        stem = name.removesuffix(".py").replace(".", "/")
        for path in (f"{stem}.py", f"{stem}/__init__.py"):
            found = [module for module in modules if module == path or module.endswith(f"/{path}")]
            if stem and len(found) == 1:
                return found[0]
    plain = [path for path in modules if not path.endswith(("__init__.py", "__main__.py"))]
    return plain[0] if len(plain) == 1 else ""


def _module(contracts: Collection[Contract]) -> str:
    """Source of a module that has what the contracts declare; empty when they declare nothing."""
    declared = Declared()
    for contract in contracts:
        one = read_signatures(contract.text)
        declared.functions |= one.functions
        declared.classes |= one.classes
        declared.constants |= one.constants
        declared.examples |= one.examples
    if not declared.functions and not declared.classes:
        return ""
    ids = ", ".join(contract.id for contract in contracts)
    parts = [_HEAD.format(ids=ids), "import dataclasses\n"]
    parts += [f"{name} = {value}\n" for name, value in declared.constants.items()]
    parts += [_class(item, declared, ids) for item in declared.classes.values()]
    parts += [_function(item, declared, ids, item.name) for item in declared.functions.values()]
    text = "\n".join(parts)
    try:
        syntax.parse(text)
    except (SyntaxError, ValueError):
        return ""
    return text


def _function(made: Function, declared: Declared, ids: str, called: str) -> str:
    """A declaration whose body gives the examples' values and raises for everything else."""
    taken = _arguments(made)
    _plain_defaults(taken, declared)
    returns = f" -> {made.returns}" if made.returns else ""
    lines = [f"@{mark}" for mark in made.decorators]
    lines.append(f"{'async ' if made.asynchronous else ''}def {made.name}({ast.unparse(taken)}){returns}:")
    names = [item.arg for item in (*taken.posonlyargs, *taken.args)]
    for given, value in declared.examples.get(called, ()):
        if len(ast.literal_eval(f"({given},)" if given else "()")) == len(names):
            lines += [f"    if [{', '.join(names)}] == [{given}]:", f"        return {value}"]
    lines.append(f"    raise NotImplementedError({f'contract {ids} {SERVED}: {called} is not written yet'!r})")
    return "\n".join(lines) + "\n"


def _arguments(made: Function) -> ast.arguments:
    # A lambda takes no annotations, so a function it is; only what Python accepted comes here.
    functions = [
        node for node in ast.walk(syntax.parse(f"def f({made.arguments}): ...")) if isinstance(node, ast.FunctionDef)
    ]
    return functions[0].args


def _plain_defaults(arguments: ast.arguments, declared: Declared) -> None:
    """Defaults that need something which is not there become None."""

    def plain(node: ast.expr) -> ast.expr:
        return node if _known(node, declared) else ast.Constant(value=None)

    arguments.defaults = [plain(node) for node in arguments.defaults]
    arguments.kw_defaults = [None if node is None else plain(node) for node in arguments.kw_defaults]


def _known(node: ast.expr, declared: Declared) -> bool:
    if isinstance(node, ast.Name):
        return node.id in declared.constants
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return False
    return True


def _class(item: Class, declared: Declared, ids: str) -> str:
    bases = [name.strip() for name in item.bases.split(",") if _base(name.strip(), declared)]
    faulty = any(name in declared.classes or issubclass(getattr(builtins, name), BaseException) for name in bases)
    lines = [f"class {item.name}({', '.join(bases)}):" if bases else f"class {item.name}:"]
    members = []
    if item.dataclass:
        lines.insert(0, "@dataclasses.dataclass" + (item.dataclass if _keywords(item.dataclass) else "()"))
        members += [f"{name}: {kind}{_field_default(value)}" for name, (kind, value) in item.fields.items()]
    else:
        reader = "@property\ndef {name}(self) -> object:\n    raise NotImplementedError({text!r})"
        members += [
            reader.format(name=name, text=f"contract {ids} {SERVED}: {item.name}.{name} is not written yet")
            for name in item.fields
        ]
    constructor = item.methods.get("__init__")
    if constructor is not None:
        # Whoever is handed the real thing builds it first: the stand-in can be built, and does nothing then.
        source = _function(constructor, declared, ids, f"{item.name}.__init__")
        members.append(source[: source.index("    raise ")] + "    pass")
    elif not item.dataclass and not faulty:
        members.append("def __init__(self, *arguments: object, **named: object) -> None:\n    pass")
    members += [
        _function(method, declared, ids, f"{item.name}.{name}").rstrip("\n")
        for name, method in item.methods.items()
        if name != "__init__"
    ]
    body = "\n\n".join(members) or "pass"
    return "\n".join([*lines, *(f"    {line}" if line else "" for line in body.split("\n"))]) + "\n"


def _base(name: str, declared: Declared) -> bool:
    known = getattr(builtins, name, None) if name.isidentifier() else None
    return name in declared.classes or (isinstance(known, type) and issubclass(known, Exception))


def _keywords(call: str) -> bool:
    parsed = syntax.parse_expression(f"f{call}").body
    return (
        isinstance(parsed, ast.Call)
        and not parsed.args
        and all(isinstance(one.value, ast.Constant) and one.arg for one in parsed.keywords)
    )


def _field_default(value: str) -> str:
    """A field's default: immutable literals as they are, others built anew or left out."""
    if not value:
        return ""
    try:
        literal = ast.literal_eval(value)
    except (ValueError, SyntaxError, TypeError):
        return " = None"
    if isinstance(literal, list | dict | set):
        return f" = dataclasses.field(default_factory=lambda: {value})"
    return f" = {value}"
