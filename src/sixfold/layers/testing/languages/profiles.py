"""Which profiles a tree calls for."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from importlib import resources

from sixfold.domain.data import Data, Tree, from_json
from sixfold.domain.language import Profile
from sixfold.domain.ports import Repository

_SKIPPED = ("node_modules/", ".git/", "dist/", "build/")
_MANIFEST = "package.json"


def _read(name: str) -> Profile:
    content = tomllib.loads((resources.files(__package__) / f"{name}.toml").read_text(encoding="utf-8"))
    return from_json({**content, "environment": sorted(content.get("environment", {}).items())}, Profile)


BUILT_IN = (_read("vitest"), _read("javascript"))
"""The first that applies to a test file runs it."""


def test_files(paths: Sequence[str], profile: Profile) -> tuple[str, ...]:
    """The test files of a profile among these paths."""
    return tuple(path for path in paths if _ours(path) and _matches(path, profile.tests))


class Suite(Data, frozen=True, kw_only=True):
    """What one profile runs in a tree."""

    profile: Profile
    tests: tuple[str, ...] = ()
    """Test files, relative to the tree."""
    folder: str = ""
    """Where the command runs: beside the `package.json` that asks for the runner, or empty for the tree's root."""
    manifests: tuple[str, ...] = ()
    """Every `package.json` in or above the folder of a test."""


def applying(repository: Repository, tree: Tree, declared: Sequence[Profile]) -> tuple[Suite, ...]:
    """What a tree calls for; profiles the project declared come first.

    A test file belongs to one suite only. A profile without test patterns applies once any of its files is there.
    """
    paths = [file.path for file in repository.files(tree)]
    manifests = [path for path in paths if path.rsplit("/", 1)[-1] == _MANIFEST and _ours(path)]
    asking = {path: _packages(repository.read(tree, path)) for path in manifests}
    taken: set[str] = set()
    found = []
    for profile in (*declared, *BUILT_IN):
        if not profile.test:
            continue
        tests = [path for path in test_files(paths, profile) if path not in taken]
        for folder in _runners(asking, profile.needs) if profile.needs else ("",):
            below = tuple(path for path in tests if path not in taken and (not folder or path.startswith(f"{folder}/")))
            if below or (not profile.tests and any(_ours(path) and _matches(path, profile.files) for path in paths)):
                taken.update(below)
                above = tuple(one for one in manifests if _over(one, below)) if profile.packages else ()
                found.append(Suite(profile=profile, tests=below, folder=folder, manifests=above))
    return tuple(found)


def _runners(asking: Mapping[str, set[str]], package: str) -> list[str]:
    """Folders whose `package.json` names a package, the deepest first."""
    folders = [path.rpartition("/")[0] for path, packages in asking.items() if package in packages]
    return sorted(folders, key=lambda folder: (-len(folder.split("/")) if folder else 0, folder))


def _over(manifest: str, tests: Sequence[str]) -> bool:
    folder = manifest.removesuffix(_MANIFEST)
    return any(path.startswith(folder) for path in tests)


def _matches(path: str, patterns: Sequence[str]) -> bool:
    name = path.rsplit("/", 1)[-1]
    return any(fnmatchcase(path if "/" in pattern else name, pattern) for pattern in patterns)


def _ours(path: str) -> bool:
    return not any(path.startswith(folder) or f"/{folder}" in path for folder in _SKIPPED)


def _packages(manifest: bytes | None) -> set[str]:
    """Names in the dependencies of a `package.json`."""
    try:
        content = json.loads(manifest or b"{}")
    except ValueError:
        return set()
    kinds = [content.get(kind) for kind in ("dependencies", "devDependencies")] if isinstance(content, dict) else []
    return {name for named in kinds if isinstance(named, dict) for name in named}
