"""Snapshots: the user's folder becomes a tree, and not one byte of it changes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from git_user import User, bytes_of

from sixfold.domain.errors import RepositoryError
from sixfold.layers.refinement.git import GitRepository


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return GitRepository(tmp_path / "run" / "repository", tmp_path / "run" / "blobs")


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User.with_commit(tmp_path / "user", {"a.txt": b"1\n", "pkg/b.py": b"x = 1\n", ".gitignore": b"ignored\n"})


def test_snapshot_holds_edits_and_new_files_but_not_ignored_ones(repository: GitRepository, user: User) -> None:
    user.write({"a.txt": b"2\n", "new.txt": b"n\n", "ignored": b"i\n", "__pycache__/x.pyc": b"p"})
    (user.folder / "pkg" / "b.py").unlink()
    before = bytes_of(user.folder)
    found = repository.snapshot(user.folder)
    assert [entry.path for entry in repository.files(found.tree)] == [".gitignore", "a.txt", "new.txt"]
    assert repository.read(found.tree, "a.txt") == b"2\n"
    assert (found.head, found.branch, found.dirty, found.kind) == (user.head(), "main", True, "repository")
    assert bytes_of(user.folder) == before


def test_clean_checkout_is_not_dirty_and_equals_its_commit(repository: GitRepository, user: User) -> None:
    found = repository.snapshot(user.folder)
    assert not found.dirty
    assert found.tree == found.head_tree == user.git("rev-parse", "HEAD^{tree}")


def test_staged_changes_count_as_they_are_on_disk(repository: GitRepository, user: User) -> None:
    user.write({"a.txt": b"staged\n"})
    user.git("add", "a.txt")
    user.write({"a.txt": b"on disk\n"})
    assert repository.read(repository.snapshot(user.folder).tree, "a.txt") == b"on disk\n"


def test_run_survives_the_loss_of_the_users_repository(repository: GitRepository, user: User) -> None:
    user.write({"a.txt": b"2\n"})
    user.git("commit", "-qam", "second")
    user.write({"a.txt": b"3\n"})
    found = repository.snapshot(user.folder)
    shutil.rmtree(user.folder)
    assert found.head_tree is not None
    assert repository.read(found.head_tree, "a.txt") == b"2\n"
    assert repository.read(found.tree, "a.txt") == b"3\n"
    child = repository.commit(found.tree, [found.head], "next", at="2026-01-01T00:00:00Z")
    log = subprocess.run(
        ["git", "-C", str(repository.folder), "rev-list", "--count", child], capture_output=True, check=True
    )
    assert log.stdout.strip() == b"2"


def test_nothing_the_repository_configures_is_started(repository: GitRepository, user: User, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    script = tmp_path / "evil"
    script.write_text(f"#!/bin/sh\ntouch {trap}\ncat\n")
    script.chmod(0o755)
    user.write({".gitattributes": b"* filter=evil diff=evil merge=evil text\n"})
    user.git("add", ".gitattributes")
    user.git("commit", "-qm", "attributes")
    for key in (
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "diff.evil.textconv",
        "core.fsmonitor",
    ):
        user.git("config", key, str(script))
    user.git("config", "filter.evil.required", "true")
    for hook in ("post-index-change", "reference-transaction", "fsmonitor-watchman", "post-checkout"):
        (user.folder / ".git" / "hooks" / hook).write_text(f"#!/bin/sh\ntouch {trap}\n")
        (user.folder / ".git" / "hooks" / hook).chmod(0o755)
    user.write({"a.txt": b"changed\n", "new": b"new\n"})
    before = bytes_of(user.folder)
    found = repository.snapshot(user.folder)
    assert not trap.exists()
    assert bytes_of(user.folder) == before
    assert any("filter" in note for note in found.notes)


def test_large_file_pointers_stay_pointers(repository: GitRepository, user: User) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    user.write({".gitattributes": b"*.bin filter=lfs diff=lfs merge=lfs -text\n", "model.bin": pointer})
    user.git("add", "-A")
    user.git("commit", "-qm", "pointer")
    user.write({"model.bin": b"real weights\n", "other.bin": b"new weights\n"})
    found = repository.snapshot(user.folder)
    assert repository.read(found.tree, "model.bin") == pointer
    assert repository.read(found.tree, "other.bin") is None
    assert sum("git-lfs" in note for note in found.notes) == 2


def test_empty_folder_is_empty_even_inside_a_repository(repository: GitRepository, user: User) -> None:
    (user.folder / "fresh").mkdir()
    found = repository.snapshot(user.folder / "fresh")
    assert (found.kind, found.tree, found.head) == ("empty", repository.empty(), "")


def test_sub_folder_stands_for_its_repository_and_says_so(repository: GitRepository, user: User) -> None:
    found = repository.snapshot(user.folder / "pkg")
    assert repository.read(found.tree, "a.txt") == b"1\n"
    assert "inside a repository" in found.notes[0]


def test_repository_without_commits_is_read(repository: GitRepository, tmp_path: Path) -> None:
    user = User.empty(tmp_path / "young")
    found = repository.snapshot(user.folder)
    assert (found.head, found.head_tree, found.branch, found.dirty) == ("", None, "main", False)
    user.write({"a": b"1"})
    assert repository.snapshot(user.folder).dirty


def test_links_executables_and_line_ends_are_kept(repository: GitRepository, user: User) -> None:
    (user.folder / "link").symlink_to("/etc/passwd")
    user.write({"run.sh": b"#!/bin/sh\n", "dos.txt": b"a\r\nb\r\n"})
    (user.folder / "run.sh").chmod(0o755)
    tree = repository.snapshot(user.folder).tree
    modes = {entry.path: entry.mode for entry in repository.files(tree)}
    assert (modes["link"], modes["run.sh"], modes["dos.txt"]) == ("120000", "100755", "100644")
    assert repository.read(tree, "link") == b"/etc/passwd"
    assert repository.read(tree, "dos.txt") == b"a\r\nb\r\n"


def test_folder_replaced_by_a_link_is_not_followed(repository: GitRepository, user: User, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "b.py").write_text("secret")
    shutil.rmtree(user.folder / "pkg")
    (user.folder / "pkg").symlink_to(tmp_path / "outside")
    tree = repository.snapshot(user.folder).tree
    assert repository.read(tree, "pkg/b.py") is None
    assert repository.read(tree, "pkg") == os.fsencode(tmp_path / "outside")


def test_what_cannot_be_carried_is_left_out_with_a_note(
    repository: GitRepository, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sixfold.layers.refinement.git.snapshot.LARGEST_FILE_BYTES", 10)
    user.write({"big.dat": b"x" * 11, "back\\slash": b"1"})
    Path(os.fsdecode(os.fsencode(user.folder) + b"/latin-\xe9")).write_bytes(b"1")
    User.with_commit(user.folder / "nested", {"n": b"1"})
    found = repository.snapshot(user.folder)
    assert not found.dirty
    told = "\n".join(found.notes)
    assert all(word in told for word in ("big.dat", "back\\slash", "latin-", "nested/"))


def test_tracked_name_that_is_not_utf8_stays_in_the_tree_unnamed(repository: GitRepository, user: User) -> None:
    Path(os.fsdecode(os.fsencode(user.folder) + b"/latin-\xe9")).write_bytes(b"1")
    user.git("add", "-A")
    user.git("commit", "-qm", "odd name")
    found = repository.snapshot(user.folder)
    assert found.tree == found.head_tree
    assert [entry.path for entry in repository.files(found.tree)] == [".gitignore", "a.txt", "pkg/b.py"]
    new = repository.write(found.tree, {"z": b"1"})
    assert repository.write(new, {"z": None}) == found.tree


def _merging(user: User) -> None:
    user.conflict()


def _rebasing(user: User) -> None:
    user.git("checkout", "-q", "-b", "side")
    user.write({"a.txt": b"side\n"})
    user.git("commit", "-qam", "side")
    user.git("checkout", "-q", "main")
    user.write({"a.txt": b"main\n"})
    user.git("commit", "-qam", "main")
    user.git("rebase", "-q", "side", fails=True)


def _broken(user: User) -> None:
    (user.folder / ".git" / "HEAD").write_text("nonsense\n")


def _lost_commit(user: User) -> None:
    head = user.head()
    (user.folder / ".git" / "objects" / head[:2] / head[2:]).unlink()


def _elsewhere(user: User) -> None:
    (user.folder.parent / "elsewhere").mkdir()
    user.git("config", "core.worktree", str(user.folder.parent / "elsewhere"))


@pytest.mark.parametrize("spoil", [_merging, _rebasing, _broken, _lost_commit, _elsewhere])
def test_state_that_cannot_be_read_is_refused_in_one_line(
    repository: GitRepository, user: User, spoil: Callable[[User], None]
) -> None:
    spoil(user)
    before = bytes_of(user.folder)
    with pytest.raises(RepositoryError) as refused:
        repository.snapshot(user.folder)
    assert refused.value.what
    assert "\n" not in refused.value.what
    assert bytes_of(user.folder) == before


def test_plain_bare_and_missing_folders_are_refused(repository: GitRepository, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "x").write_text("x")
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "bare")], check=True)
    for name, word in (("plain", "git init"), ("bare", "clone"), ("absent", "mkdir"), ("plain/x", "empty folder")):
        with pytest.raises(RepositoryError) as refused:
            repository.snapshot(tmp_path / name)
        assert word in refused.value.next


def test_sparse_split_detached_submodule_and_linked_states_are_read(
    repository: GitRepository, user: User, tmp_path: Path
) -> None:
    other = User.with_commit(tmp_path / "other", {"o": b"1"})
    user.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.folder), "module")
    user.git("commit", "-qm", "submodule")
    user.git("checkout", "-q", "--detach")
    user.git("update-index", "--split-index")
    user.git("sparse-checkout", "set", "--no-cone", "/a.txt", "/module")
    assert not (user.folder / "pkg").exists()
    found = repository.snapshot(user.folder)
    assert (found.branch, found.tree) == ("", found.head_tree)
    assert any("submodule" in note for note in found.notes)
    user.git("worktree", "add", "-q", str(tmp_path / "linked"), "main")
    (tmp_path / "linked" / "a.txt").write_bytes(b"linked\n")
    linked = repository.snapshot(tmp_path / "linked")
    assert (linked.branch, repository.read(linked.tree, "a.txt")) == ("main", b"linked\n")
