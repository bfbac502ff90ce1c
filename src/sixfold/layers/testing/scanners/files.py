"""A tree on disk for scanners, and what all of them agree on about files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sixfold.domain.data import Tree
from sixfold.domain.evidence import Finding
from sixfold.domain.ports import Repository
from sixfold.layers.testing.harness.listing import is_test_file

MOST_BYTES = 1 << 20


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
    wanted = set(paths)
    found = []
    for file in folder.rglob(f"*{suffix}"):
        path = file.relative_to(folder).as_posix()
        if wanted and path not in wanted and not any(path.startswith(f"{one.rstrip('/')}/") for one in wanted):
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
