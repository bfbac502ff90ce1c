"""What every `Checkout` promises, on real repositories."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from git_user import User, bytes_of

from sixfold.domain.code import Snapshot
from sixfold.domain.data import Tree
from sixfold.domain.errors import RepositoryError
from sixfold.domain.ports import Checkout
from sixfold.layers.refinement.git import Conflict, GitCheckout, GitRepository, rebase_trees

AT = "2026-01-02T03:04:05Z"
BRANCH = "sixfold/r-1"
RESULT = {"a.txt": b"new\n", "pkg/b.py": None, "made/c.py": b"y = 2\n"}
FILES = {
    "a.txt": b"1\n",
    "pkg/b.py": b"x = 1\n",
    "other.txt": b"o\n",
    ".gitignore": b"ignored\nmade/ignored.txt\nmade/c.py\n",
}
GIT_NOISE = (".git/objects", ".git/refs/heads/sixfold", ".git/logs/refs/heads/sixfold")
"""What a refused apply may add: the branch, as its message says."""


class Run:
    """A run's repository, and the checkout under test."""

    def __init__(self, folder: Path) -> None:
        self.repository = GitRepository(folder / "repository", folder / "blobs")
        self.checkout: Checkout = GitCheckout(folder / "repository")

    def build(self, base: Snapshot, changes: dict[str, bytes | None] = RESULT) -> str:
        """A branch of one commit, with the user's uncommitted work taken out."""
        tree = self.repository.write(base.tree, changes)
        carried = rebase_trees(self.repository, base, [tree]) if base.dirty else (tree,)
        assert not isinstance(carried, Conflict)
        commit = self.repository.commit(carried[0], [base.head] if base.head else [], "Result", at=AT)
        self.repository.branch(BRANCH, commit)
        return commit


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "run")


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User.with_commit(tmp_path / "user", FILES)


def files_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    return bytes_of(folder, without=(".git/", ".git"))


def refuses(act: Callable[[], object], *words: str) -> None:
    with pytest.raises(RepositoryError) as refused:
        act()
    said = f"{refused.value.what} {refused.value.why}"
    assert all(word in said for word in words), said
    assert refused.value.next
    assert "\n" not in refused.value.what


def test_result_is_applied_and_undone_in_a_clean_checkout(run: Run, user: User) -> None:
    before, head = files_of(user.folder), user.head()
    base = run.repository.snapshot(user.folder)
    commit = run.build(base)
    expected = ("a.txt", "made/c.py", "pkg/b.py")
    assert run.checkout.apply(user.folder, BRANCH, commit, base) == expected
    assert user.head() == commit == user.git("rev-parse", BRANCH)
    assert user.git("status", "--porcelain") == ""
    assert (user.folder / "a.txt").read_bytes() == b"new\n"
    assert run.checkout.apply(user.folder, BRANCH, commit, base) == expected
    assert run.checkout.undo(user.folder, BRANCH, commit, base) == expected
    assert files_of(user.folder) == before
    assert (user.head(), user.git("status", "--porcelain"), user.git("branch", "--list", "sixfold/*")) == (head, "", "")
    assert run.checkout.undo(user.folder, BRANCH, commit, base) == ()


def test_uncommitted_staged_and_untracked_work_survives_both_ways(run: Run, user: User) -> None:
    user.write({"other.txt": b"mine\n", "staged.txt": b"s\n", "loose.txt": b"l\n", "ignored": b"i\n"})
    user.git("add", "staged.txt")
    base = run.repository.snapshot(user.folder)
    before, status = files_of(user.folder), user.git("status", "--porcelain")
    commit = run.build(base)
    run.checkout.apply(user.folder, BRANCH, commit, base)
    assert user.git("status", "--porcelain") == status
    assert user.git("ls-tree", "-r", "--name-only", BRANCH).split() == [".gitignore", "a.txt", "made/c.py", "other.txt"]
    assert user.git("show", f"{BRANCH}:other.txt") == "o"
    run.checkout.undo(user.folder, BRANCH, commit, base)
    assert (files_of(user.folder), user.git("status", "--porcelain")) == (before, status)


def test_branch_that_holds_uncommitted_work_is_refused(run: Run, user: User) -> None:
    user.write({"a.txt": b"mine\n"})
    base = run.repository.snapshot(user.folder)
    tree = run.repository.write(base.tree, {"a.txt": b"mine and yours\n"})
    assert rebase_trees(run.repository, base, [tree]) == Conflict(paths=("a.txt",))
    ground = run.repository.commit(base.tree, [base.head], "Uncommitted work", at=AT)
    commit = run.repository.commit(tree, [ground], "Result", at=AT)
    before = bytes_of(user.folder)
    refuses(lambda: run.checkout.apply(user.folder, BRANCH, commit, base), "uncommitted work")
    assert bytes_of(user.folder) == before


def _edit(user: User) -> None:
    user.write({"a.txt": b"mine\n"})


def _stage(user: User) -> None:
    user.write({"a.txt": b"mine\n"})
    user.git("add", "a.txt")


def _remove(user: User) -> None:
    (user.folder / "a.txt").unlink()


def _edit_what_is_deleted(user: User) -> None:
    user.write({"pkg/b.py": b"mine\n"})


def _ignored_in_the_way(user: User) -> None:
    user.write({"made/c.py": b"mine\n"})


def _file_where_a_folder_goes(user: User) -> None:
    user.write({"made": b"mine\n"})


def _folder_where_a_file_goes(user: User) -> None:
    user.write({"made/c.py/deep": b"mine\n"})


def _link_where_a_folder_goes(user: User) -> None:
    (user.folder / "made").symlink_to("/tmp")


def _hidden_edit(user: User) -> None:
    user.git("update-index", "--assume-unchanged", "a.txt")
    user.write({"a.txt": b"mine\n"})


def _skipped_edit(user: User) -> None:
    user.git("update-index", "--skip-worktree", "a.txt")
    user.write({"a.txt": b"mine\n"})


@pytest.mark.parametrize(
    "work",
    [
        _edit,
        _stage,
        _remove,
        _edit_what_is_deleted,
        _ignored_in_the_way,
        _file_where_a_folder_goes,
        _folder_where_a_file_goes,
        _link_where_a_folder_goes,
        _hidden_edit,
        _skipped_edit,
    ],
)
@pytest.mark.parametrize("moved", [False, True], ids=["head", "moved-head"])
def test_work_in_the_way_is_refused_and_left_as_it_is(
    run: Run, user: User, work: Callable[[User], None], moved: bool
) -> None:
    base = run.repository.snapshot(user.folder)
    commit = run.build(base)
    if moved:
        user.write({"later.txt": b"l\n"})
        user.git("add", "-A")
        user.git("commit", "-qm", "later")
    work(user)
    before = bytes_of(user.folder, without=GIT_NOISE)
    refuses(lambda: run.checkout.apply(user.folder, BRANCH, commit, base), "uncommitted work")
    assert bytes_of(user.folder, without=GIT_NOISE) == before


def test_moved_head_gets_a_merge_commit_with_the_users_name(run: Run, user: User) -> None:
    base = run.repository.snapshot(user.folder)
    commit = run.build(base)
    user.write({"other.txt": b"later\n"})
    user.git("commit", "-qam", "later")
    user.write({"loose.txt": b"l\n", ".gitignore": b"mine\n"})
    later, before = user.head(), files_of(user.folder)
    assert run.checkout.apply(user.folder, BRANCH, commit, base) == ("a.txt", "made/c.py", "pkg/b.py")
    assert user.git("log", "-1", "--format=%an %P") == f"Ann {later} {commit}"
    assert (user.folder / "other.txt").read_bytes() == b"later\n"
    user.git("fsck", "--strict")
    run.checkout.undo(user.folder, BRANCH, commit, base)
    assert (user.head(), files_of(user.folder)) == (later, before)


def test_conflict_with_later_commits_is_refused_with_its_files(run: Run, user: User) -> None:
    base = run.repository.snapshot(user.folder)
    commit = run.build(base)
    user.write({"a.txt": b"later\n"})
    user.git("commit", "-qam", "later")
    before = bytes_of(user.folder, without=GIT_NOISE)
    refuses(lambda: run.checkout.apply(user.folder, BRANCH, commit, base), "conflicts", "a.txt")
    assert bytes_of(user.folder, without=GIT_NOISE) == before
    assert user.git("rev-parse", BRANCH) == commit


def test_staged_work_beside_a_moved_head_is_refused(run: Run, user: User) -> None:
    base = run.repository.snapshot(user.folder)
    commit = run.build(base)
    user.git("commit", "-q", "--allow-empty", "-m", "later")
    user.write({"other.txt": b"staged\n"})
    user.git("add", "other.txt")
    before = bytes_of(user.folder, without=GIT_NOISE)
    refuses(lambda: run.checkout.apply(user.folder, BRANCH, commit, base), "staged")
    assert bytes_of(user.folder, without=GIT_NOISE) == before


def test_failing_hook_is_honoured_and_nothing_is_left_half_done(run: Run, user: User) -> None:
    base = run.repository.snapshot(user.folder)
    commit = run.build(base)
    user.git("commit", "-q", "--allow-empty", "-m", "later")
    hook = user.folder / ".git" / "hooks" / "pre-merge-commit"
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    hook.chmod(0o755)
    user.write({"other.txt": b"mine\n"})
    before, head = files_of(user.folder), user.head()
    refuses(lambda: run.checkout.apply(user.folder, BRANCH, commit, base), "refused")
    assert (files_of(user.folder), user.head()) == (before, head)
    assert user.git("status", "--porcelain") == " M other.txt"
    assert not (user.folder / ".git" / "MERGE_HEAD").exists()


def test_users_merge_settings_cannot_stash_or_squash(run: Run, user: User) -> None:
    for key, value in (("merge.autoStash", "true"), ("merge.ff", "false"), ("pull.rebase", "true")):
        user.git("config", key, value)
    user.write({"other.txt": b"mine\n"})
    base = run.repository.snapshot(user.folder)
    commit = run.build(base)
    run.checkout.apply(user.folder, BRANCH, commit, base)
    assert user.head() == commit
    assert (user.folder / "other.txt").read_bytes() == b"mine\n"


def test_present_branch_of_that_name_is_never_moved(run: Run, user: User) -> None:
    user.git("branch", BRANCH)
    base = run.repository.snapshot(user.folder)
    commit = run.build(base)
    before = bytes_of(user.folder)
    refuses(lambda: run.checkout.apply(user.folder, BRANCH, commit, base), "already exists")
    assert bytes_of(user.folder) == before


def test_undo_is_refused_when_files_were_edited_or_commits_added(run: Run, user: User) -> None:
    base = run.repository.snapshot(user.folder)
    commit = run.build(base)
    run.checkout.apply(user.folder, BRANCH, commit, base)
    user.write({"a.txt": b"edited since\n"})
    before = bytes_of(user.folder)
    refuses(lambda: run.checkout.undo(user.folder, BRANCH, commit, base), "edited since", "a.txt")
    assert bytes_of(user.folder) == before
    user.git("commit", "-qam", "on top")
    before = bytes_of(user.folder)
    refuses(lambda: run.checkout.undo(user.folder, BRANCH, commit, base), "later commits")
    assert bytes_of(user.folder) == before


def test_undo_never_overwrites_a_file_that_took_a_deleted_ones_place(run: Run, user: User) -> None:
    base = run.repository.snapshot(user.folder)
    commit = run.build(base)
    run.checkout.apply(user.folder, BRANCH, commit, base)
    user.write({"pkg/b.py": b"mine\n"})
    before = bytes_of(user.folder)
    refuses(lambda: run.checkout.undo(user.folder, BRANCH, commit, base), "pkg/b.py")
    assert bytes_of(user.folder) == before


def test_undo_that_was_cut_short_is_finished_by_the_next(run: Run, user: User) -> None:
    before, head = files_of(user.folder), user.head()
    base = run.repository.snapshot(user.folder)
    commit = run.build(base)
    run.checkout.apply(user.folder, BRANCH, commit, base)
    user.git("read-tree", "-m", "-u", commit, base.head)  # killed before HEAD moved
    run.checkout.undo(user.folder, BRANCH, commit, base)
    assert (files_of(user.folder), user.head(), user.git("status", "--porcelain")) == (before, head, "")


def test_left_over_lock_is_named_not_removed(run: Run, user: User) -> None:
    base = run.repository.snapshot(user.folder)
    commit = run.build(base)
    (user.folder / ".git" / "index.lock").touch()
    before = bytes_of(user.folder)
    refuses(lambda: run.checkout.apply(user.folder, BRANCH, commit, base), "index.lock")
    refuses(lambda: run.checkout.undo(user.folder, BRANCH, commit, base), "index.lock")
    assert bytes_of(user.folder) == before


def test_empty_folder_becomes_a_repository_and_empty_again(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    folder.mkdir()
    base = run.repository.snapshot(folder)
    commit = run.build(base, {"a.py": b"x = 1\n", "pkg/b.py": b"y = 2\n"})
    assert run.checkout.apply(folder, BRANCH, commit, base) == ("a.py", "pkg/b.py")
    user = User(folder)
    assert (user.head(), user.git("symbolic-ref", "--short", "HEAD"), user.git("status", "--porcelain")) == (
        commit,
        "main",
        "",
    )
    run.checkout.undo(folder, BRANCH, commit, base)
    assert list(folder.iterdir()) == []
    assert run.checkout.undo(folder, BRANCH, commit, base) == ()


def test_what_a_person_added_to_the_new_folder_stays_after_undo(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    folder.mkdir()
    base = run.repository.snapshot(folder)
    commit = run.build(base, {"a.py": b"x = 1\n", "pkg/b.py": b"y = 2\n"})
    run.checkout.apply(folder, BRANCH, commit, base)
    user = User(folder)
    user.write({"pkg/mine.txt": b"m\n"})
    user.git("branch", "mine")
    run.checkout.undo(folder, BRANCH, commit, base)
    assert files_of(folder).keys() == {"pkg", "pkg/mine.txt"}
    assert user.git("rev-parse", "mine") == commit


def test_folder_that_filled_up_meanwhile_is_refused_as_it_is(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    folder.mkdir()
    base = run.repository.snapshot(folder)
    commit = run.build(base, {"a.py": b"x = 1\n"})
    (folder / "a.py").write_text("mine\n")
    before = bytes_of(folder)
    refuses(lambda: run.checkout.apply(folder, BRANCH, commit, base), "no longer empty", "a.py")
    assert bytes_of(folder) == before


def test_repository_without_commits_gets_its_first(run: Run, tmp_path: Path) -> None:
    user = User.empty(tmp_path / "young")
    user.write({"notes.txt": b"mine\n"})
    base = run.repository.snapshot(user.folder)
    before = files_of(user.folder)
    commit = run.build(base, {"a.py": b"x = 1\n"})
    assert run.checkout.apply(user.folder, BRANCH, commit, base) == ("a.py",)
    assert (user.head(), user.git("status", "--porcelain")) == (commit, "?? notes.txt")
    run.checkout.undo(user.folder, BRANCH, commit, base)
    assert files_of(user.folder) == before
    assert user.git("rev-parse", "--verify", "--quiet", "HEAD", fails=True) == ""


def test_another_repository_is_refused(run: Run, user: User, tmp_path: Path) -> None:
    base = run.repository.snapshot(user.folder)
    commit = run.build(base)
    other = User.with_commit(tmp_path / "other", {"z": b"z"})
    before = bytes_of(other.folder)
    refuses(lambda: run.checkout.apply(other.folder, BRANCH, commit, base), "no longer in")
    assert bytes_of(other.folder) == before


def test_tree_of_a_snapshot_is_carried_in_order(run: Run, user: User) -> None:
    user.write({"other.txt": b"mine\n"})
    base = run.repository.snapshot(user.folder)
    first = run.repository.write(base.tree, {"a.txt": b"2\n"})
    second = run.repository.write(first, {"new": b"n"})
    carried = rebase_trees(run.repository, base, [first, second])
    assert isinstance(carried, tuple)
    assert base.head_tree is not None
    assert carried[0] == run.repository.write(base.head_tree, {"a.txt": b"2\n"})
    assert carried[1] == Tree(run.repository.write(carried[0], {"new": b"n"}))


def test_preview_shows_the_three_way_merge_and_writes_nothing(run: Run, user: User) -> None:
    base = run.repository.snapshot(user.folder)
    commit = run.build(base)
    user.write({"other.txt": b"later\n"})
    user.git("commit", "-qam", "later")
    user.write({"a.txt": b"mine\n"})
    before = bytes_of(user.folder)
    seen = run.checkout.preview(user.folder, commit, base)
    assert bytes_of(user.folder) == before
    assert (seen.onto, seen.moved, seen.in_the_way, seen.conflicts) == (user.head(), True, ("a.txt",), ())
    assert [(file.path, file.status) for file in seen.files] == [
        ("a.txt", "modified"),
        ("made/c.py", "added"),
        ("pkg/b.py", "deleted"),
    ]
    assert "+y = 2" in seen.diff
    assert "later" not in seen.diff
    user.git("restore", "a.txt")
    assert {file.path for file in seen.files} == set(run.checkout.apply(user.folder, BRANCH, commit, base))
    assert run.checkout.preview(user.folder, commit, base).applied


def test_preview_names_conflicts_that_apply_will_refuse(run: Run, user: User) -> None:
    base = run.repository.snapshot(user.folder)
    commit = run.build(base)
    user.write({"a.txt": b"later\n"})
    user.git("commit", "-qam", "later")
    before = bytes_of(user.folder)
    assert run.checkout.preview(user.folder, commit, base).conflicts == ("a.txt",)
    assert bytes_of(user.folder) == before


def test_preview_of_an_empty_folder_leaves_it_empty(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    base = run.repository.snapshot(folder)
    commit = run.build(base, {"a.txt": b"1\n"})
    seen = run.checkout.preview(folder, commit, base)
    assert ([file.path for file in seen.files], seen.moved) == (["a.txt"], False)
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen makes the key this signs with")
def test_who_signs_commits_gets_a_signed_commit_of_their_own(run: Run, user: User, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (tmp_path / "allowed").write_text(f"ann@example.org {key.with_suffix('.pub').read_text()}")
    for name, value in {
        "commit.gpgSign": "true",
        "gpg.format": "ssh",
        "user.signingKey": str(key.with_suffix(".pub")),
        "gpg.ssh.allowedSignersFile": str(tmp_path / "allowed"),
    }.items():
        user.git("config", name, value)
    base, before = run.repository.snapshot(user.folder), files_of(user.folder)
    start, commit = user.head(), run.build(base)
    run.checkout.apply(user.folder, BRANCH, commit, base)
    assert user.git("log", "-1", "--format=%an %G? %P") == f"Ann G {start} {commit}"
    user.git("verify-commit", "HEAD")
    run.checkout.undo(user.folder, BRANCH, commit, base)
    assert (user.head(), files_of(user.folder)) == (start, before)


def test_a_key_that_cannot_sign_refuses_the_change_and_leaves_everything(run: Run, user: User) -> None:
    for name, value in {"commit.gpgSign": "true", "gpg.format": "ssh", "user.signingKey": "/nowhere/key.pub"}.items():
        user.git("config", name, value)
    base = run.repository.snapshot(user.folder)
    start, before, commit = user.head(), files_of(user.folder), run.build(base)
    refuses(lambda: run.checkout.apply(user.folder, BRANCH, commit, base), "refused to merge")
    assert (user.head(), files_of(user.folder), user.git("status", "--porcelain")) == (start, before, "")
