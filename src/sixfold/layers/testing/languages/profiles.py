"""Which profiles a tree calls for."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from importlib import resources

from sixfold.domain.data import Tree, from_json
from sixfold.domain.language import Profile
from sixfold.domain.ports import Repository

_SKIPPED = ("node_modules/", ".git/", "dist/", "build/")


def _read(name: str) -> Profile:
    content = tomllib.loads((resources.files(__package__) / f"{name}.toml").read_text(encoding="utf-8"))
    return from_json({**content, "environment": sorted(content.get("environment", {}).items())}, Profile)


BUILT_IN = (_read("vitest"), _read("javascript"))
"""The first that applies to a test file runs it."""


def test_files(paths: Sequence[str], profile: Profile) -> tuple[str, ...]:
    """The test files of a profile among these paths."""
    return tuple(path for path in paths if _ours(path) and _matches(path, profile.tests))


def applying(
    repository: Repository, tree: Tree, declared: Sequence[Profile]
) -> tuple[tuple[Profile, tuple[str, ...]], ...]:
    """Profiles a tree calls for, each with its test files; those the project declared come first.

    A test file belongs to one profile only. A profile without test patterns applies once any of its files is there.
    """
    paths = [file.path for file in repository.files(tree)]
    packages = _packages(repository, tree, paths)
    taken: set[str] = set()
    found = []
    for profile in (*declared, *BUILT_IN):
        if not profile.test or (profile.needs and profile.needs not in packages):
            continue
        tests = tuple(path for path in test_files(paths, profile) if path not in taken)
        if tests or (not profile.tests and any(_ours(path) and _matches(path, profile.files) for path in paths)):
            taken.update(tests)
            found.append((profile, tests))
    return tuple(found)


def _matches(path: str, patterns: Sequence[str]) -> bool:
    name = path.rsplit("/", 1)[-1]
    return any(fnmatchcase(path if "/" in pattern else name, pattern) for pattern in patterns)


def _ours(path: str) -> bool:
    return not any(path.startswith(folder) or f"/{folder}" in path for folder in _SKIPPED)


def _packages(repository: Repository, tree: Tree, paths: Sequence[str]) -> set[str]:
    """Names in the dependencies of every `package.json`."""
    found: set[str] = set()
    for path in paths:
        if path.rsplit("/", 1)[-1] == "package.json" and _ours(path):
            try:
                content = json.loads(repository.read(tree, path) or b"{}")
            except ValueError:
                continue
            for key in ("dependencies", "devDependencies"):
                named = content.get(key) if isinstance(content, dict) else None
                found |= set(named) if isinstance(named, dict) else set()
    return found
