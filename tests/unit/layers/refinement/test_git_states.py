"""Hostile git states, many at once: a refused apply leaves every byte, an accepted one leaves all the user's work."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from git_user import User, bytes_of

from sixfold.domain.code import Snapshot
from sixfold.domain.data import Tree
from sixfold.domain.errors import RepositoryError
from sixfold.layers import refinement
from sixfold.layers.refinement.git import Conflict, GitCheckout, GitRepository, rebase_trees

BRANCH = "sixfold/r-1"
NAMES = ("a.txt", "b.txt", "d/c.txt", "d/e/f.txt", "ignored/x", "new.txt", "d/new.txt")
GIT_NOISE = (".git/objects", ".git/refs/heads/sixfold", ".git/logs/refs/heads/sixfold")


def _edit(user: User, chance: random.Random) -> None:
    user.write({_free_name(user, chance): chance.randbytes(6)})


def _free_name(user: User, chance: random.Random) -> str:
    return chance.choice([name for name in NAMES if _writable(user.folder, name)] or ["spare.txt"])


def _writable(folder: Path, name: str) -> bool:
    place = folder / name
    return not place.is_dir() and all(parent.is_dir() or not parent.exists() for parent in place.parents)


def _stage(user: User, chance: random.Random) -> None:
    _edit(user, chance)
    user.git("add", "-A", "--", ".", ":!module")


def _delete(user: User, chance: random.Random) -> None:
    (user.folder / chance.choice(NAMES)).unlink(missing_ok=True)


def _commit(user: User, chance: random.Random) -> None:
    _edit(user, chance)
    user.git("add", "-A")
    user.git("commit", "-q", "--allow-empty", "-m", "later")


def _detach(user: User, _chance: random.Random) -> None:
    user.git("checkout", "-q", "--detach")


def _hide(user: User, chance: random.Random) -> None:
    tracked = user.git("ls-files").split()
    if tracked:
        user.git("update-index", chance.choice(["--assume-unchanged", "--skip-worktree"]), chance.choice(tracked))


def _executable(user: User, chance: random.Random) -> None:
    place = user.folder / chance.choice(NAMES)
    if place.is_file():
        place.chmod(0o755)


def _link(user: User, chance: random.Random) -> None:
    place = user.folder / chance.choice(NAMES)
    if place.parent.is_dir() and not place.is_dir():
        place.unlink(missing_ok=True)
        place.symlink_to("/etc/hostname")


def _folder(user: User, chance: random.Random) -> None:
    place = user.folder / chance.choice(NAMES)
    if place.parent.is_dir() and not place.is_dir():
        place.unlink(missing_ok=True)
        place.mkdir()
        (place / "inside").write_bytes(b"mine")


def _conflict(user: User, _chance: random.Random) -> None:
    user.git("stash", "-q", "--include-untracked")
    if user.git("branch", "--list", "side") == "" and user.git("branch", "--show-current") == "main":
        user.conflict()


def _hooks(user: User, chance: random.Random) -> None:
    hook = (
        user.folder
        / user.git("rev-parse", "--git-path", "hooks")
        / chance.choice(["pre-merge-commit", "commit-msg", "post-merge"])
    )
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)


def _line_ends(user: User, chance: random.Random) -> None:
    user.write({".gitattributes": b"*.txt text eol=crlf\n"})
    if chance.random() < 0.5:
        user.git("add", ".gitattributes")
        user.git("commit", "-qm", "attributes", "--", ".gitattributes")


def _sparse(user: User, _chance: random.Random) -> None:
    user.git("sparse-checkout", "set", "--no-cone", "/a.txt", "/d/")


def _lock(user: User, _chance: random.Random) -> None:
    (user.folder / user.git("rev-parse", "--git-path", "index.lock")).touch()


def _nested(user: User, _chance: random.Random) -> None:
    inner = user.folder / "vendor"
    inner.mkdir()
    User(inner).git("init", "-q", "-b", "main")
    (inner / "theirs.txt").write_bytes(b"theirs\n")


def _submodule(user: User, _chance: random.Random) -> None:
    other = User.with_commit(user.folder.parent / "other", {"lib.txt": b"lib\n"})
    user.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.folder), "lib")
    user.git("commit", "-qm", "library")
    (user.folder / "lib" / "lib.txt").write_bytes(b"edited inside\n")


def _large_file_pointers(user: User, _chance: random.Random) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12\n"
    user.write({".gitattributes": b"*.bin filter=lfs diff=lfs merge=lfs -text\n", "model.bin": pointer})
    user.git("-c", "filter.lfs.required=false", "add", ".gitattributes", "model.bin")
    user.git("commit", "-qm", "pointers")


def _another_case(user: User, chance: random.Random) -> None:
    user.write({chance.choice(["A.txt", "D/c.txt", "B.TXT"]): b"another case\n"})
    if chance.random() < 0.5:
        user.git("add", "-A")
        user.git("commit", "-qm", "case")


def _read_only(user: User, chance: random.Random) -> None:
    place = user.folder / chance.choice(["d", "a.txt"])
    place.chmod(0o555 if place.is_dir() else 0o444)


MOVES: tuple[Callable[[User, random.Random], None], ...] = (
    *(_edit, _stage, _delete, _commit, _detach, _hide, _executable),
    *(_link, _folder, _hooks, _line_ends, _sparse, _conflict),
    *(_nested, _submodule, _large_file_pointers, _another_case, _read_only),
)


def _disturb(user: User, chance: random.Random, most: int) -> None:
    for move in chance.choices(MOVES, k=chance.randrange(most + 1)):
        try:
            move(user, chance)
        except (AssertionError, OSError):
            continue  # git or the disk refused the disturbance itself: another state to try
    if chance.random() < 0.05:
        _lock(user, chance)


def _result(repository: GitRepository, base: Snapshot, chance: random.Random) -> str | None:
    """A branch that changes some files; None when the user's work cannot be taken out of it."""
    changes: dict[str, bytes | None] = {
        name: None if chance.random() < 0.2 else chance.randbytes(4).hex().encode() + b"\n"
        for name in chance.sample(NAMES, k=3)
    }
    tree = base.tree
    for path, content in changes.items():
        try:
            tree = repository.write(tree, {path: content})
        except RepositoryError:
            continue  # a link or a folder of the user's stands there
    carried: tuple[Tree, ...] | Conflict = rebase_trees(repository, base, [tree]) if base.dirty else (tree,)
    if isinstance(carried, Conflict):
        return None
    commit = repository.commit(carried[0], [base.head] if base.head else [], "Result", at="2026-01-01T00:00:00Z")
    repository.branch(BRANCH, commit)
    return commit


def _files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return bytes_of(folder, without=(".git",))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [*range(75), 1105])
def test_no_state_loses_the_users_work(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    user = _start(tmp_path, chance)
    repository = GitRepository(tmp_path / "run" / "repository", tmp_path / "run" / "blobs")
    checkout = GitCheckout(repository.folder)
    _disturb(user, chance, 3)
    before = bytes_of(user.folder)
    try:
        base = repository.snapshot(user.folder)
    except RepositoryError:
        assert bytes_of(user.folder) == before
        return
    assert bytes_of(user.folder) == before
    commit = _result(repository, base, chance)
    _disturb(user, chance, 3)
    if commit is None:
        return
    before, files, head = bytes_of(user.folder, without=GIT_NOISE), _files(user.folder), _head(user)
    status = _work(user)
    try:
        touched = checkout.apply(user.folder, BRANCH, commit, base)
    except RepositoryError as error:
        refused = error.what
    else:
        refused = ""
    if refused:
        assert _files(user.folder) == files, refused
        if "git refused to merge" not in refused:  # else git itself refreshed its index
            assert bytes_of(user.folder, without=GIT_NOISE) == before, refused
        assert (_head(user), _work(user)) == (head, status), refused
        return
    after = _files(user.folder)
    kept = {path for path in files if path not in touched and not _folder_of(path, touched)}
    assert {path: after.get(path) for path in kept} == {path: files[path] for path in kept}
    assert _work(user) == status
    try:
        checkout.undo(user.folder, BRANCH, commit, base)
    except RepositoryError:
        assert _files(user.folder) == after
        return
    assert _content(_files(user.folder)) == _content(files)
    assert (_head(user), _work(user)) == (head, status)


def _start(folder: Path, chance: random.Random) -> User:
    """A plain checkout, a shallow clone, or a linked worktree of another one."""
    files = {"a.txt": b"1\n", "b.txt": b"2\n", "d/c.txt": b"3\n", "d/e/f.txt": b"4\n", ".gitignore": b"ignored/\n"}
    kind = chance.choice(["plain", "plain", "shallow", "worktree"])
    first = User.with_commit(folder / ("user" if kind == "plain" else "first"), files)
    if kind == "plain":
        return first
    first.write({"a.txt": b"1 again\n"})
    first.git("commit", "-qam", "again")
    place = folder / "user"
    if kind == "worktree":
        first.git("worktree", "add", "-q", "-b", "mine", str(place))
        return User(place)
    first.git("clone", "-q", "--depth", "1", first.folder.as_uri(), str(place))
    user = User(place)
    user.git("config", "user.name", "Ann")
    user.git("config", "user.email", "ann@example.org")
    return user


def _content(files: dict[str, tuple[int, bytes]]) -> dict[str, tuple[int, bytes]]:
    """Files without empty folders. Line ends aside: where attributes ask for CRLF, git writes a file back with CRLF.

    Of the permissions git keeps the executable bit alone: a file it took away and brings back is writable again.
    """
    return {path: (mode & 0o100, content.replace(b"\r\n", b"\n")) for path, (mode, content) in files.items() if content}


def _folder_of(path: str, touched: tuple[str, ...]) -> bool:
    return any(name.startswith(f"{path}/") for name in touched)


def _head(user: User) -> str:
    return user.git("rev-parse", "HEAD") + user.git("branch", "--show-current")


def _work(user: User) -> str:
    return user.git("--no-optional-locks", "status", "--porcelain", "--untracked-files=all", "--ignored")


def test_no_destructive_git_command_stands_in_the_source() -> None:
    forbidden = {"reset", "stash", "clean", "checkout", "switch", "restore", "rebase", "--hard", "--force", "-f", "gc"}
    forbidden |= {"prune", "filter-branch", "--no-verify", "-fdx", "-u+f"}
    folder = Path(refinement.__file__).parent / "git"
    for source in folder.glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("run", "_run")
            ):
                words = {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
                assert not words & forbidden, f"{source.name}:{node.lineno}"
