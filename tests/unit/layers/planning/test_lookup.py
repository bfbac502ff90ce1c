"""What is looked up fits its size, is labelled, and never shows what may hold secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from sixfold.domain.data import Tree
from sixfold.layers.planning.lookup import look_up
from sixfold.layers.planning.retrieval.index import RepositoryIndex
from sixfold.layers.refinement.git import GitRepository

BOOK = "class Book:\n    def report(self):\n        return sorted(self.totals)\n"


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return GitRepository(tmp_path / "repository", tmp_path / "blobs")


def tree_of(repository: GitRepository, **files: str) -> Tree:
    return repository.write(repository.empty(), {path: text.encode() for path, text in files.items()})


def test_a_small_file_that_matters_is_shown_whole_and_fenced(repository: GitRepository) -> None:
    tree = tree_of(repository, **{"book.py": BOOK, "other.py": "x = 1\n"})
    found = look_up(RepositoryIndex(repository), repository, tree, "the report of Book", most_chars=10_000)
    assert found.paths[0] == "book.py"
    assert "book.py, whole file" in found.text
    assert found.passages[0].startswith("<untrusted")


def test_an_empty_tree_gives_nothing(repository: GitRepository) -> None:
    found = look_up(RepositoryIndex(repository), repository, repository.empty(), "anything", most_chars=10_000)
    assert (found.text, found.paths) == ("", ())


def test_secrets_are_not_shown_even_when_they_are_named(repository: GitRepository) -> None:
    tree = tree_of(repository, **{".env": "TOKEN=abc\n", "app.py": "import os\n"})
    found = look_up(RepositoryIndex(repository), repository, tree, "read .env in app.py", most_chars=10_000)
    assert "TOKEN" not in found.text


def test_the_size_is_kept(repository: GitRepository) -> None:
    many = {f"module_{n}.py": f"def report_{n}():\n" + "    pass  # report\n" * 200 for n in range(20)}
    found = look_up(RepositoryIndex(repository), repository, tree_of(repository, **many), "report", most_chars=6_000)
    assert 0 < len(found.text) <= 6_500
