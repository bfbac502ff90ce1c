"""Which files of a tree a file's imports mean."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping, Sequence

_SCRIPT_ENDS = ("", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".vue", "/index.ts", "/index.js", "/index.tsx")


def import_graph(imports: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Every path with the paths of the tree that it imports, sorted; imports from outside the tree are left out."""
    modules = _modules(imports)
    return {
        path: tuple(sorted({target for name in names for target in _targets(path, name, modules, imports)} - {path}))
        for path, names in imports.items()
    }


def _modules(paths: Collection[str]) -> dict[str, str]:
    """Dotted module names with their files. Source roots are found by their lack of an `__init__.py`."""
    found: dict[str, str] = {}
    known = set(paths)
    for path in sorted(paths):
        if not path.endswith(".py"):
            continue
        parts = path.removesuffix(".py").split("/")
        if parts[-1] == "__init__":
            parts = parts[:-1]
        root = 0
        while root < len(parts) - 1 and "/".join([*parts[: root + 1], "__init__.py"]) not in known:
            # Namespace folders keep their full name as well, so both ways of importing are found.
            found.setdefault(".".join(parts[root:]), path)
            root += 1
        if parts:
            found.setdefault(".".join(parts[root:]), path)
    return found


def _targets(path: str, name: str, modules: Mapping[str, str], known: Collection[str]) -> list[str]:
    if path.endswith((".py", ".pyi")):
        return _python_target(path, name, modules, known)
    if not name.startswith("."):
        return []
    base = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
    return [base + end for end in _SCRIPT_ENDS if base + end in known][:1]


def _python_target(path: str, name: str, modules: Mapping[str, str], known: Collection[str]) -> list[str]:
    level = len(name) - len(name.lstrip("."))
    if level == 0:
        return [modules[name]] if name in modules else []
    folder = posixpath.dirname(path)
    for _ in range(level - 1):
        folder = posixpath.dirname(folder)
    rest = name[level:].replace(".", "/")
    base = posixpath.normpath(posixpath.join(folder, rest)) if rest else folder
    return [place for place in (f"{base}.py", posixpath.join(base, "__init__.py")) if place in known][:1]
