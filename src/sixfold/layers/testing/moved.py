"""Toolchains whose state folder was moved: a run remembers paths, and finds its toolchain where it stands now."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec

from sixfold.domain.data import Tree
from sixfold.domain.ports import Environment, Sandbox, Workspace


def located(environment: Environment, folder: Path) -> Environment:
    """The same toolchain under `folder`, where all of them lie now, when it is no longer where it was made."""
    if Path(environment.python).exists():
        return environment
    before = Path(environment.python).parents[1]
    now = folder / before.name
    if not (now / "bin" / "python").exists():
        return environment
    return msgspec.structs.replace(
        environment,
        python=str(now / "bin" / "python"),
        folders=tuple(str(now) if each == str(before) else each for each in environment.folders),
    )


class Locating:
    """A sandbox that is opened with toolchains where they stand now.

    Args:
        inner: runs everything.
        folder: where the toolchains lie.
    """

    def __init__(self, inner: Sandbox, folder: Path) -> None:
        self._inner = inner
        self._folder = folder
        self.name = inner.name

    def open(self, tree: Tree, *, environment: Environment | None = None) -> AbstractAsyncContextManager[Workspace]:
        """As the inner sandbox."""
        return self._inner.open(tree, environment=None if environment is None else located(environment, self._folder))
