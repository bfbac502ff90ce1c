"""What every `Repository` promises, on the real one."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sixfold.domain.data import Digest, Tree, digest
from sixfold.domain.errors import RepositoryError, StorageError
from sixfold.domain.ports import Repository
from sixfold.layers.refinement.git import GitRepository

AT = "2026-01-02T03:04:05.678Z"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return GitRepository(tmp_path / "run" / "repository", tmp_path / "run" / "blobs")


@pytest.fixture
def tree(repository: Repository) -> Tree:
    return repository.write(repository.empty(), {"a.txt": b"1\n2\n3\n", "pkg/b.py": b"x = 1\n"})


def test_written_files_are_read_back(repository: Repository, tree: Tree) -> None:
    assert [(entry.path, entry.mode, entry.size_bytes) for entry in repository.files(tree)] == [
        ("a.txt", "100644", 6),
        ("pkg/b.py", "100644", 6),
    ]
    assert repository.read(tree, "pkg/b.py") == b"x = 1\n"
    assert repository.read(tree, "pkg") is None
    assert repository.read(tree, "absent") is None


def test_a_new_script_is_executable_and_an_old_file_keeps_its_mode(repository: Repository, tree: Tree) -> None:
    written = repository.write(tree, {"bin/run": b"#!/bin/sh\necho\n", "a.txt": b"#!/bin/sh\n"})
    assert {entry.path: entry.mode for entry in repository.files(written)} == {
        "a.txt": "100644",
        "bin/run": "100755",
        "pkg/b.py": "100644",
    }


def test_equal_files_give_equal_trees(repository: Repository, tree: Tree, tmp_path: Path) -> None:
    other = GitRepository(tmp_path / "other" / "repository", tmp_path / "other" / "blobs")
    half = other.write(other.empty(), {"pkg/b.py": b"x = 1\n"})
    assert other.write(half, {"a.txt": b"1\n2\n3\n"}) == tree


def test_deleting_everything_gives_the_empty_tree(repository: Repository, tree: Tree) -> None:
    assert repository.write(tree, {"a.txt": None, "pkg/b.py": None}) == repository.empty()
    assert repository.files(repository.empty()) == ()


def test_deleting_an_absent_file_changes_nothing(repository: Repository, tree: Tree) -> None:
    assert repository.write(tree, {"absent": None}) == tree


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../out",
        "pkg/../../out",
        "./a",
        "a//b",
        ".git/config",
        ".GIT/config",
        "sub/.Git/hooks/x",
        "git~1/config",
        ".git./config",
        ".git /config",
        ".g\u200cit/config",
        ".git::$INDEX_ALLOCATION/config",
        "a\\b",
        "C:/x",
        "a\nb",
        "a\x00b",
        "a\x7fb",
        "\ud800",
        "A.TXT",
        "PKG/c.py",
        "a.txt/x",
        "pkg",
        "x" * 256,
    ],
)
def test_dangerous_path_is_refused(repository: Repository, tree: Tree, path: str) -> None:
    with pytest.raises(RepositoryError):
        repository.write(tree, {path: b"", "good.txt": b""})


def test_two_new_paths_that_collide_on_some_disk_are_refused(repository: Repository) -> None:
    for pair in (("Readme", "README"), ("e\u0301", "\u00e9"), ("x", "x/y"), ("Dir/a", "dir/b")):
        with pytest.raises(RepositoryError):
            repository.write(repository.empty(), {path: b"" for path in pair})


def test_modes_and_links_survive_store_write_and_checkout(repository: Repository, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("../../etc/passwd")
    (folder / "dos.txt").write_bytes(b"a\r\nb\r\n")
    (folder / ".gitattributes").write_bytes(b"*.txt text eol=crlf\n*.sh filter=evil\n")
    tree = repository.write(repository.store(folder), {"run.sh": b"#!/bin/sh\nexit 1\n"})
    assert {entry.path: entry.mode for entry in repository.files(tree)} == {
        ".gitattributes": "100644",
        "dos.txt": "100644",
        "link": "120000",
        "run.sh": "100755",
    }
    assert repository.read(tree, "link") == b"../../etc/passwd"
    with pytest.raises(RepositoryError):
        repository.write(tree, {"link/x": b""})
    with pytest.raises(RepositoryError):
        repository.write(tree, {"link": b"/etc/shadow"})
    out = tmp_path / "out"
    out.mkdir()
    repository.checkout(tree, out)
    assert (out / "dos.txt").read_bytes() == b"a\r\nb\r\n"
    assert (out / "link").is_symlink()
    assert (out / "run.sh").stat().st_mode & 0o111
    assert repository.store(out) == tree


def test_store_leaves_build_output_and_ignored_files_out(repository: Repository, tmp_path: Path) -> None:
    for name in ("a.py", "__pycache__/a.pyc", ".venv/x", "node_modules/y/z.js", "p.egg-info/PKG", "secret", ".git/x"):
        (tmp_path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / name).write_bytes(b"1\n")
    (tmp_path / "f" / ".gitignore").write_text("secret\n!__pycache__\n")
    tree = repository.store(tmp_path / "f")
    assert [entry.path for entry in repository.files(tree)] == [".gitignore", "a.py"]


def test_diff_and_changes_name_every_kind_of_change(repository: Repository, tree: Tree) -> None:
    new = repository.write(
        tree, {"a.txt": b"1\n2\nthree\n", "pkg/b.py": None, "pkg/c.py": b"x = 1\n", "blob": b"\0\1", "n": b"n\n"}
    )
    changes = {
        stat.path: (stat.status, stat.added, stat.removed, stat.binary) for stat in repository.changes(tree, new)
    }
    assert changes == {
        "a.txt": ("modified", 1, 1, False),
        "blob": ("added", 0, 0, True),
        "n": ("added", 1, 0, False),
        "pkg/c.py": ("renamed", 0, 0, False),
    }
    text = repository.diff(tree, new)
    assert "--- a/a.txt\n+++ b/a.txt\n" in text
    assert "-3\n+three\n" in text
    assert "Binary files" in text


def test_attributes_of_a_tree_cannot_hide_its_diff(repository: Repository) -> None:
    old = repository.write(repository.empty(), {".gitattributes": b"* -diff\n", "a": b"1\n"})
    new = repository.write(old, {"a": b"2\n"})
    assert "-1\n+2\n" in repository.diff(old, new)


def test_merge_joins_separate_changes_and_names_conflicts(repository: Repository, tree: Tree) -> None:
    ours = repository.write(tree, {"a.txt": b"one\n2\n3\n", "pkg/b.py": b"x = 2\n"})
    theirs = repository.write(tree, {"a.txt": b"1\n2\nthree\n", "new": b""})
    merged = repository.merge(tree, ours, theirs)
    assert merged.tree is not None
    assert repository.read(merged.tree, "a.txt") == b"one\n2\nthree\n"
    clash = repository.merge(tree, ours, repository.write(tree, {"a.txt": b"eins\n2\n3\n"}))
    assert (clash.tree, clash.conflicts) == (None, ("a.txt",))


def test_same_commit_arguments_give_the_same_commit(repository: Repository, tree: Tree) -> None:
    first = repository.commit(tree, [], "Start\n\nRun: r-1", at=AT)
    assert repository.commit(tree, [], "Start\n\nRun: r-1", at=AT) == first
    child = repository.commit(repository.empty(), [first], "End", at=AT, author="Ann <ann@example.org>")
    assert child != first
    repository.branch("sixfold/r-1", first)
    repository.branch("sixfold/r-1", child)
    repository.branch("sixfold/r-1", child)


def test_blobs_come_back_or_say_that_they_are_damaged(repository: Repository, tmp_path: Path) -> None:
    name = repository.put_blob(b"hello")
    assert name == digest(b"hello") == repository.put_blob(b"hello")
    assert repository.blob(name) == b"hello"
    with pytest.raises(StorageError):
        repository.blob(digest(b"other"))
    with pytest.raises(StorageError):
        repository.blob(Digest("../../etc/passwd"))
    next((tmp_path / "run" / "blobs").glob("*/*")).write_bytes(b"hellO")
    with pytest.raises(StorageError):
        repository.blob(name)


def test_parallel_writers_do_not_disturb_each_other(repository: Repository, tree: Tree) -> None:
    def work(number: int) -> bool:
        mine = repository.write(tree, {f"f{number}": str(number).encode()})
        merged = repository.merge(tree, mine, repository.write(tree, {"other": b"o"})).tree
        return merged is not None and repository.read(merged, f"f{number}") == str(number).encode()

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, range(12)))


def test_reopened_repository_holds_what_was_written(repository: Repository, tree: Tree, tmp_path: Path) -> None:
    again = GitRepository(tmp_path / "run" / "repository", tmp_path / "run" / "blobs")
    assert again.read(tree, "a.txt") == b"1\n2\n3\n"
    fsck = subprocess.run(["git", "-C", str(tmp_path / "run" / "repository"), "fsck"], capture_output=True, check=False)
    assert fsck.returncode == 0
