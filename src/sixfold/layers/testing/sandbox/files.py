"""How files get into a workspace and out of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from sixfold.domain.data import Tree
from sixfold.layers.testing.sandbox.copies import Copy, remove


class Files(Protocol):
    """The tree of one workspace, seen from outside."""

    async def fill(self) -> None:
        """Bring the tree in; once, before the first command."""
        ...

    async def put(self, files: Mapping[str, bytes]) -> None:
        """As `Workspace.put`."""
        ...

    async def get(self, path: str, most_bytes: int) -> bytes | None:
        """As `Workspace.get`."""
        ...

    async def exists(self, path: str) -> bool:
        """Whether something stands at the path; links are not followed."""
        ...

    async def capture(self, *, quiet: bool) -> Tree:
        """As `Workspace.capture`.

        Args:
            quiet: nothing runs in the workspace, so that the files hold still.
        """
        ...


class CopyFiles:
    """The guests have the copy itself mounted."""

    def __init__(self, copy: Copy, store: Callable[[Path], Tree]) -> None:
        self._copy = copy
        self._store = store

    async def fill(self) -> None:
        """Nothing to bring: it is there."""

    async def put(self, files: Mapping[str, bytes]) -> None:
        for path, content in sorted(files.items()):
            self._copy.put(path, content)

    async def get(self, path: str, most_bytes: int) -> bytes | None:
        return self._copy.get(path, most_bytes)

    async def exists(self, path: str) -> bool:
        return self._copy.exists(path)

    async def capture(self, *, quiet: bool) -> Tree:
        return await asyncio.to_thread(self._capture, quiet)

    def _capture(self, quiet: bool) -> Tree:
        self._copy.forget_git()
        if quiet:
            return self._store(self._copy.work)
        place = self._copy.snapshot()
        try:
            return self._store(place)
        finally:
            remove(place)
