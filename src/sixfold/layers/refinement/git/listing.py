"""What a tree holds, and which changes to it are allowed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from sixfold.domain.paths import path_problem, same_on_some_disk
from sixfold.domain.ports import FileEntry

BUILD_OUTPUT = (
    "__pycache__/",
    "*.py[cod]",
    ".pytest_cache/",
    ".mypy_cache/",
    ".ruff_cache/",
    ".hypothesis/",
    ".tox/",
    ".nox/",
    ".venv/",
    "venv/",
    "*.egg-info/",
    ".coverage",
    "node_modules/",
    ".DS_Store",
)
"""Ignore patterns of what tools leave behind; never part of a product."""


class Listing:
    """All entries of one tree, submodules and odd names included. Immutable, shared between threads."""

    def __init__(self, entries: Mapping[str, FileEntry]) -> None:
        self.entries = dict(entries)

    @cached_property
    def files(self) -> tuple[FileEntry, ...]:
        """Entries an edit can name: files and links with names that are valid UTF-8, by path."""
        return tuple(entry for path, entry in sorted(self.entries.items()) if entry.mode != "160000" and _is_text(path))

    def find(self, path: str) -> FileEntry | None:
        """The file or link at a path."""
        entry = self.entries.get(path)
        return None if entry is None or entry.mode == "160000" else entry

    def mode(self, path: str) -> str:
        """The mode a written file gets: its present one, or that of a plain file."""
        entry = self.entries.get(path)
        return "100644" if entry is None else entry.mode

    def index_lines(self) -> Iterator[tuple[str, bytes]]:
        """Every entry as a line for `git update-index --index-info`."""
        for path, entry in self.entries.items():
            yield path, f"{entry.mode} {entry.digest}\t".encode() + os.fsencode(path)

    def problem(self, changes: Mapping[str, bytes | None]) -> str:
        """Why these changes cannot be made, as one line; empty when they can."""
        removed = {path for path, content in changes.items() if content is None}
        written = [path for path, content in changes.items() if content is not None]
        for path in changes:
            found = path_problem(path) or self._crossing(path, removed)
            if found:
                return f"{path[:200]!r} cannot be written: {found}"
        left = (path for path in self.entries if path not in removed)
        return _clash(left, written)

    def _crossing(self, path: str, removed: set[str]) -> str:
        entry = self.entries.get(path)
        if entry is not None and entry.mode == "160000":
            return "it is a submodule"
        if entry is not None and entry.mode == "120000" and path not in removed:
            return "it is a link; delete it first to replace it by a file"
        for folder in _parents(path):
            above = self.entries.get(folder)
            if above is not None and above.mode == "120000":
                return f"{folder} is a link"
            if above is not None and above.mode == "160000":
                return f"{folder} is a submodule"
        return ""


def _clash(present: Iterable[str], written: list[str]) -> str:
    """Why the written paths cannot stand beside the present ones and each other; empty when they can."""
    if not written:
        return ""
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for path in present:
        files[same_on_some_disk(path)] = path
        for folder in _parents(path):
            folders[same_on_some_disk(folder)] = folder
    for path in written:
        form = same_on_some_disk(path)
        other = files.get(form, path)
        if other != path:
            return f"{path!r} cannot be written: it differs from {other!r} only in case or accents' encoding"
        if form in folders:
            return f"{path!r} cannot be written: it is a folder"
        files[form] = path
        for folder in _parents(path):
            form = same_on_some_disk(folder)
            if form in files:
                return f"{path!r} cannot be written: {files[form]} is a file"
            if folders.setdefault(form, folder) != folder:
                return f"{path!r} cannot be written: its folder differs from {folders[form]!r} only in case"
    return ""


def parse_listing(raw: bytes) -> Listing:
    """Read the output of `git ls-tree -r -z -l`."""
    entries: dict[str, FileEntry] = {}
    for line in raw.split(b"\0"):
        if not line:
            continue
        head, _, name = line.partition(b"\t")
        mode, _kind, object_id, size = head.decode().split()
        path = os.fsdecode(name)
        entries[path] = FileEntry(
            path=path,
            mode="100644" if mode == "100664" else mode,
            digest=object_id,
            size_bytes=0 if size == "-" else int(size),
        )
    return Listing(entries)


def _parents(path: str) -> Iterator[str]:
    """The folders above a path, nearest first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
