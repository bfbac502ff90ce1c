"""A tree on disk for scanners, and what all of them agree on about files."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sixfold.domain.data import Tree
from sixfold.domain.evidence import Finding
from sixfold.domain.ports import FileEntry, Repository
from sixfold.layers.testing.harness.listing import is_test_file

MOST_BYTES = 1 << 20


FEW_FILES = 16
"""Up to here files are read one by one; beyond, one checkout is quicker."""


class FileRules:
    """Applies rules that look at one file at a time, and remembers: a blob seen before is not read again."""

    def __init__(
        self, repository: Repository, rules: Callable[[str, bytes], Iterable[Finding]], *, suffix: str = ""
    ) -> None:
        self._repository = repository
        self._rules = rules
        self._suffix = suffix
        self._known: dict[tuple[str, str], tuple[Finding, ...]] = {}

    def scan(self, tree: Tree, paths: Sequence[str] = ()) -> tuple[Finding, ...]:
        """Findings of all wanted regular files, in order."""
        entries = [
            entry
            for entry in self._repository.files(tree)
            if entry.path.endswith(self._suffix)
            and entry.mode != "120000"
            and entry.size_bytes <= MOST_BYTES
            and is_wanted(entry.path, paths)
        ]
        fresh = [entry for entry in entries if (entry.path, entry.digest) not in self._known]
        if len(fresh) > FEW_FILES:
            with checked_out(self._repository, tree) as folder, nothing_collected():
                for entry in fresh:
                    self._learn(entry, (folder / entry.path).read_bytes())
        else:
            for entry in fresh:
                self._learn(entry, self._repository.read(tree, entry.path) or b"")
        return in_order(finding for entry in entries for finding in self._known[entry.path, entry.digest])

    def _learn(self, entry: FileEntry, content: bytes) -> None:
        self._known[entry.path, entry.digest] = tuple(self._rules(entry.path, content))


@contextmanager
def nothing_collected() -> Iterator[None]:
    """No garbage collection meanwhile: with a hundred syntax trees in memory it takes longer than the rules do."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def is_wanted(path: str, paths: Sequence[str]) -> bool:
    """Whether a path is asked for; no paths ask for all, a folder for what lies in it."""
    return not paths or path in paths or any(path.startswith(f"{one.rstrip('/')}/") for one in paths)


@contextmanager
def checked_out(repository: Repository, tree: Tree) -> Iterator[Path]:
    """The tree's files in a temporary folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="sixfold-scan-") as name:
        folder = Path(name, "tree")
        folder.mkdir()
        repository.checkout(tree, folder)
        yield folder


def chosen(folder: Path, paths: Sequence[str], suffix: str = "") -> tuple[str, ...]:
    """Relative paths of regular files to look at, sorted; links and files over 1 MiB are left out."""
    found = []
    for file in folder.rglob(f"*{suffix}"):
        path = file.relative_to(folder).as_posix()
        if not is_wanted(path, paths):
            continue
        if file.is_file() and not file.is_symlink() and file.stat().st_size <= MOST_BYTES:
            found.append(path)
    return tuple(sorted(found))


def is_test(path: str) -> bool:
    """True for tests and what serves them: rules are relaxed there."""
    return is_test_file(path) or path.endswith("conftest.py") or "tests" in path.split("/")[:-1]


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sorted by path and line, duplicates removed."""
    unique = dict.fromkeys(findings)
    return tuple(sorted(unique, key=lambda one: (one.path, one.line, one.tool, one.rule, one.message)))


def line_of(text: str, number: int) -> str:
    """A line's text, shortened for evidence."""
    lines = text.splitlines()
    return lines[number - 1].strip()[:200] if 0 < number <= len(lines) else ""
