"""Whole products as candidates: their public boundaries, and each tree folded into one program the engine can run.

The engine executes single programs side by side in one workspace. A product of several modules becomes one program
that carries its modules as text and imports them from there, so that candidates cannot load each other's files. A
service is laid out in a folder of its own, because it may read and write files beside its modules.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import structs

from sixfold.domain import syntax
from sixfold.domain.data import Data
from sixfold.domain.requirements import Example, Expect, Specification, Step
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


_LAYOUT = """\
import os, runpy, sys, tempfile

_HOME = tempfile.mkdtemp(prefix='candidate')
for _path, _text in _FILES.items():
    _place = os.path.join(_HOME, _path)
    os.makedirs(os.path.dirname(_place), exist_ok=True)
    with open(_place, 'w', encoding='utf-8', newline='') as _file:
        _file.write(_text)
os.chdir(_HOME)
sys.path[:0] = [os.path.join(_HOME, os.path.dirname(_SCRIPT)), _HOME, os.path.join(_HOME, 'src')]
sys.argv = [_SCRIPT or _MODULE, *(word.replace('{data}', os.path.join(_HOME, 'data')) for word in _WORDS)]
os.makedirs('data', exist_ok=True)
"""
_RUN = "runpy.run_path(_SCRIPT, run_name='__main__') if _SCRIPT else runpy.run_module(_MODULE, run_name='__main__')\n"
_SERVERS = ("uvicorn", "hypercorn", "gunicorn", "waitress-serve", "waitress", "granian")
_PORT = "8000"
"""What `{port}` becomes; nothing listens on it."""


class Boundary(Data, frozen=True, kw_only=True):
    """A public function, command or service of a product, with the inputs its specification gives."""

    target: Target
    module: str
    """Dotted module, or the path of the script."""
    words: tuple[str, ...] = ()
    """What a service is started with, after its module or script."""
    examples: tuple[Input, ...] = ()


def boundaries(specification: Specification) -> tuple[Boundary, ...]:
    """The functions, commands and services that the examples of a specification use, most used first.

    Objects that keep state over several calls are left out, and services that need another one or are not Python's:
    their examples are run, not varied.
    """
    found: dict[Boundary, list[Input]] = {}
    for requirement in specification.requirements:
        for example in requirement.examples:
            for key, steps in _inputs(specification, example):
                known = found.setdefault(key, [])
                if steps not in known:
                    known.append(steps)
    ranked = sorted(found.items(), key=lambda item: -len(item[1]))[:_MOST_BOUNDARIES]
    return tuple(structs.replace(boundary, examples=tuple(inputs)) for boundary, inputs in ranked)


def program(files: Mapping[str, str], boundary: Boundary) -> str | None:
    """One program with a product's modules inside and the boundary at its top level; None when it is not there.

    Args:
        files: the product's text files by path; all but a service does with Python's.
        boundary: what is called. A function's definition is repeated without its body, so that inputs can be typed.
    """
    served = boundary.target.kind in ("service", "http")
    files = {path: text for path, text in files.items() if served or path.endswith(".py")}
    if sum(map(len, files.values())) > _MOST_CHARS:
        return None
    if served:
        return _service(files, boundary)
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


def _service(files: Mapping[str, str], boundary: Boundary) -> str | None:
    script = boundary.module if boundary.module in files else ""
    places = (*_places(boundary.module), *_places(f"{boundary.module}.__main__"))
    if not script and not any(path in files for path in places):
        return None
    head = (
        f"_FILES = {dict(sorted(files.items()))!r}\n_SCRIPT, _MODULE = {script!r}, {boundary.module!r}\n"
        f"_WORDS = {boundary.words!r}\n{_LAYOUT}"
    )
    if boundary.target.kind == "service":
        return head + _RUN
    name = boundary.target.entry
    return f"{head}import importlib\n{name} = importlib.import_module(_MODULE).{name}\n"


def _places(module: str) -> tuple[str, ...]:
    base = module.replace(".", "/")
    return tuple(f"{folder}{base}{end}" for folder in ("", "src/") for end in (".py", "/__init__.py"))


def _signature(source: str, name: str) -> str:
    """The definition of a function without its body and without defaults that would have to be computed."""
    try:
        body = syntax.parse(source).body
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


def _inputs(specification: Specification, example: Example) -> Iterator[tuple[Boundary, Input]]:
    if example.steps and all(step.path for step in example.steps):
        entries = [entry for entry in specification.entries if entry.name == (example.entry or entry.name)]
        service = next((entry for entry in entries if entry.kind == "service"), None)
        if service is not None and (boundary := _started(service.start)) is not None:
            yield boundary, tuple(structs.replace(step, expect=Expect()) for step in example.steps)
        return
    if len(example.steps) != 1:
        return
    step = example.steps[0]
    if step.call:
        for entry in specification.entries:
            if entry.kind == "library" and entry.module and (found := _called(step.call, entry.module)):
                target = Target(kind="function", entry=found[0])
                yield Boundary(target=target, module=entry.module), (Step(call=found[1]),)
                return
    elif not step.path:
        for entry in specification.entries:
            words = entry.start
            if entry.kind != "cli" or entry.name != (example.entry or entry.name):
                continue
            if len(words) == 2 and words[0] == "python" and words[1].endswith(".py"):
                boundary = Boundary(target=Target(kind="cli", entry=words[1]), module=words[1].removeprefix("./"))
                yield boundary, (Step(argv=step.argv, stdin=step.stdin),)
                return


def _started(start: Sequence[str]) -> Boundary | None:
    """How a service's command line starts it; None for what is not Python's or needs another service."""
    words = [word.replace("{port}", _PORT) for word in start]
    if not words or any("{port:" in word for word in words):
        return None
    if words[0] in ("python", "python3"):
        words = words[1:]
        if not words:
            return None
        if words[0].endswith(".py"):
            path = words[0].removeprefix("./")
            return Boundary(target=Target(kind="service"), module=path, words=tuple(words[1:]))
        if words[0] != "-m" or len(words) < 2:
            return None
        words = words[1:]
        if words[0] not in (*_SERVERS, "flask"):
            return Boundary(target=Target(kind="service"), module=words[0], words=tuple(words[1:]))
    if words[0] not in _SERVERS:
        return None
    named = next((found for word in words[1:] if (found := re.fullmatch(r"([\w.]+):(\w+)", word))), None)
    return Boundary(target=Target(kind="http", entry=named[2]), module=named[1]) if named else None


def _called(call: str, module: str) -> tuple[str, str] | None:
    """`shop.cart.total([1])` as (`total`, `total([1])`) when the module is `shop.cart`."""
    try:
        tree = syntax.parse_expression(call.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute)):
        return None
    if ast.unparse(tree.func.value) != module:
        return None
    name = tree.func.attr
    tree.func = ast.Name(id=name, ctx=ast.Load())
    return name, ast.unparse(tree)
