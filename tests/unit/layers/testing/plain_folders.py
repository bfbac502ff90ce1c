"""Trees as plain folders: the tree id is a digest of what is in it."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol

from sixfold.domain.code import FileStat
from sixfold.domain.data import Tree, digest
from sixfold.domain.ports import FileEntry, Workspace
from sixfold.domain.requirements import Specification
from sixfold.layers.testing.exploits.attacks import Attacked

Opener = Callable[[Mapping[str, str]], Awaitable[Workspace]]


class Attacker(Protocol):
    """Attacks a product of some files as validation does."""

    async def __call__(
        self, files: Mapping[str, str], specification: Specification, wall_s: float = ..., until: str = ...
    ) -> Attacked: ...


class Folders:
    """Trees as folders on disk."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def add(self, files: Mapping[str, str]) -> Tree:
        """A tree of these files."""
        tree = Tree(digest(repr(sorted(files.items()))))
        for path, text in files.items():
            target = self.place / tree / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        (self.place / tree).mkdir(parents=True, exist_ok=True)
        return tree

    def checkout(self, tree: Tree, folder: Path) -> None:
        shutil.copytree(self.place / tree, folder, dirs_exist_ok=True)

    def store(self, folder: Path) -> Tree:
        raise NotImplementedError

    def files(self, tree: Tree) -> tuple[FileEntry, ...]:
        place = self.place / tree
        return tuple(
            FileEntry(
                path=file.relative_to(place).as_posix(),
                mode="120000" if file.is_symlink() else "100644",
                digest=digest(file.read_bytes()),
                size_bytes=file.stat().st_size,
            )
            for file in sorted(place.rglob("*"))
            if file.is_file()
        )

    def read(self, tree: Tree, path: str) -> bytes | None:
        file = self.place / tree / path
        return file.read_bytes() if file.is_file() else None

    def changes(self, old: Tree, new: Tree) -> tuple[FileStat, ...]:
        paths = sorted({entry.path for tree in (old, new) for entry in self.files(tree)})
        found = []
        for path in paths:
            before, after = self.read(old, path), self.read(new, path)
            if before != after:
                lines = difflib.ndiff((before or b"").decode().splitlines(), (after or b"").decode().splitlines())
                marks = [line[:1] for line in lines]
                status: Literal["added", "deleted", "modified"] = (
                    "added" if before is None else "deleted" if after is None else "modified"
                )
                found.append(FileStat(path=path, added=marks.count("+"), removed=marks.count("-"), status=status))
        return tuple(found)
