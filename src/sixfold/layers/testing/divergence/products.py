"""Whole products as candidates: their public boundaries, and each tree folded into one program the engine can run.

The engine executes single programs side by side in one workspace. A product of several modules becomes one program
that carries its modules as text and imports them from there, so that candidates cannot load each other's files.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from sixfold.domain.data import Data
from sixfold.domain.requirements import Example, Specification, Step
from sixfold.layers.testing.divergence.execute import Input, Target

_MOST_BOUNDARIES = 3
_MOST_CHARS = 400_000

_LOADER = """\
import importlib.abc, importlib.util, linecache, sys

class _Loader(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        base = name.replace('.', '/')
        for folder in ('', 'src/'):
            for file in (base + '.py', base + '/__init__.py'):
                if folder + file in _FILES:
                    packaged = file.endswith('/__init__.py')
                    spec = importlib.util.spec_from_loader(name, self, is_package=packaged)
                    spec.loader_state = folder + file
                    return spec
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        path = module.__spec__.loader_state
        name, text = 'candidate:' + path, _FILES[path]
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
        exec(compile(text, name, 'exec', dont_inherit=True), module.__dict__)

sys.meta_path.insert(0, _Loader())
"""


class Boundary(Data, frozen=True, kw_only=True):
    """A public function or command of a product, with the inputs its specification gives."""

    target: Target
    module: str
    """Dotted module, or the path of the script."""
    examples: tuple[Input, ...] = ()


def boundaries(specification: Specification) -> tuple[Boundary, ...]:
    """The functions and commands that the examples of a specification use, most used first.

    Services and objects that keep state over several calls are left out: their examples are run, not varied.
    """
    found: dict[tuple[str, str, str], list[Input]] = {}
    for requirement in specification.requirements:
        for example in requirement.examples:
            for key, steps in _inputs(specification, example):
                known = found.setdefault(key, [])
                if steps not in known:
                    known.append(steps)
    ranked = sorted(found.items(), key=lambda item: -len(item[1]))[:_MOST_BOUNDARIES]
    return tuple(
        Boundary(
            target=Target(kind="function" if kind == "function" else "cli", entry=entry),
            module=module,
            examples=tuple(inputs),
        )
        for (kind, module, entry), inputs in ranked
    )


def program(files: Mapping[str, str], boundary: Boundary) -> str | None:
    """One program with a product's modules inside and the boundary at its top level; None when it is not there.

    Args:
        files: the product's Python files by path.
        boundary: what is called. A function's definition is repeated without its body, so that inputs can be typed.
    """
    if sum(map(len, files.values())) > _MOST_CHARS:
        return None
    head = f"from __future__ import annotations\n_FILES = {dict(sorted(files.items()))!r}\n{_LOADER}"
    if boundary.target.kind == "cli":
        if boundary.module not in files:
            return None
        return (
            f"{head}_PATH = 'candidate:' + {boundary.module!r}\n"
            f"exec(compile(_FILES[{boundary.module!r}], _PATH, 'exec', dont_inherit=True), globals())\n"
        )
    path = next((path for path in _places(boundary.module) if path in files), "")
    signature = _signature(files[path], boundary.target.entry) if path else ""
    if not signature:
        return None
    return f"{head}{signature}\nimport {boundary.module} as _module\nglobals().update(vars(_module))\n"


def _places(module: str) -> tuple[str, ...]:
    base = module.replace(".", "/")
    return tuple(f"{folder}{base}{end}" for folder in ("", "src/") for end in (".py", "/__init__.py"))


def _signature(source: str, name: str) -> str:
    """The definition of a function without its body and without defaults that would have to be computed."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    for node in reversed(body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            plain = [item if isinstance(item, ast.Constant) else ast.Constant(None) for item in node.args.defaults]
            node.args.defaults = list[ast.expr](plain)
            node.args.kw_defaults = [
                item if item is None or isinstance(item, ast.Constant) else ast.Constant(None)
                for item in node.args.kw_defaults
            ]
            node.body, node.decorator_list = [ast.Pass()], []
            return ast.unparse(node)
    return ""


def _inputs(specification: Specification, example: Example) -> Iterator[tuple[tuple[str, str, str], Input]]:
    if len(example.steps) != 1:
        return
    step = example.steps[0]
    if step.call:
        for entry in specification.entries:
            if entry.kind == "library" and entry.module and (found := _called(step.call, entry.module)):
                yield ("function", entry.module, found[0]), (Step(call=found[1]),)
                return
    elif not step.path:
        for entry in specification.entries:
            words = entry.start
            if entry.kind != "cli" or entry.name != (example.entry or entry.name):
                continue
            if len(words) == 2 and words[0] == "python" and words[1].endswith(".py"):
                yield ("cli", words[1].removeprefix("./"), words[1]), (Step(argv=step.argv, stdin=step.stdin),)
                return


def _called(call: str, module: str) -> tuple[str, str] | None:
    """`shop.cart.total([1])` as (`total`, `total([1])`) when the module is `shop.cart`."""
    try:
        tree = ast.parse(call.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute)):
        return None
    if ast.unparse(tree.func.value) != module:
        return None
    name = tree.func.attr
    tree.func = ast.Name(id=name, ctx=ast.Load())
    return name, ast.unparse(tree)
