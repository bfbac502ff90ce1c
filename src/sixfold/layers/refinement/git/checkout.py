"""The one careful way into the user's checkout and out of it again (`domain.ports.Checkout`).

Nothing here can lose work: every path that is about to change is first shown to read exactly as committed; git's own
checked merges do the rest, with the user's hooks, identity and signing. What happens when the process is killed:

- before the merge: at most some unreferenced objects and the branch `sixfold/…` are there; apply again continues.
- inside git's merge (milliseconds): the branch is there, HEAD did not move, some touched files may already be new and
  `index.lock` remains. The next call names the lock, then the files; none of them held uncommitted work.
- after it: the result is applied; apply again says so. `undo` moves the files first and HEAD last, so an undo that was
  cut short is finished by the next one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sixfold.domain.code import Preview, Snapshot
from sixfold.domain.data import Tree
from sixfold.domain.errors import RepositoryError
from sixfold.layers.refinement.git.command import (
    Git,
    GitFailed,
    git_version,
    hermetic_environment,
    quoted_path,
    user_environment,
)
from sixfold.layers.refinement.git.merge import preview_merge
from sixfold.layers.refinement.git.place import Place, find_place, refuse_unfinished
from sixfold.layers.refinement.git.preview import preview
from sixfold.layers.refinement.git.worktree import (
    EMPTY_TREE,
    changed_since,
    names,
    refuse_locked,
    refuse_read_only,
    touched_paths,
    work_in_the_way,
)

_CREATED = "sixfold.created"
"""Setting in a repository that `apply` made in an empty folder: the branch it was made for."""

_NO_OBJECT = "0" * 40


class GitCheckout:
    """Brings a finished branch from the run's repository into the user's folder, and takes it back."""

    def __init__(self, repository: Path) -> None:
        """`repository`: folder of the run's own repository."""
        self._repository = repository
        self._run = Git(hermetic_environment(repository))

    def apply(self, folder: Path, branch: str, commit: str, base: Snapshot) -> tuple[str, ...]:
        self._refuse_foreign_work(branch, commit, base)
        try:
            if base.kind == "empty" and not (folder / ".git").exists():
                return self._apply_to_plain_folder(folder, branch, commit)
            return self._apply(folder, branch, commit, base)
        except GitFailed as error:
            raise RepositoryError(
                f"{branch} could not be applied to {folder}", why=error.finished.complaint, next="git status"
            ) from error

    def _refuse_foreign_work(self, branch: str, commit: str, base: Snapshot) -> None:
        """Refuse a branch that contains the user's uncommitted work as a commit."""
        if not base.dirty:
            return
        try:
            spans = [f"{base.head}..{commit}"] if base.head else [commit]
            trees = self._run.run("log", "--format=%T", "--first-parent", *spans).text.split()
        except GitFailed as error:
            raise RepositoryError(f"{branch} cannot be read", why=error.finished.complaint) from error
        if base.tree in trees:
            raise RepositoryError(
                f"{branch} contains your uncommitted work, so it cannot be applied beside it",
                why="the run's changes could not be told apart from it",
                next="commit your work, then build again",
            )

    def _apply_to_plain_folder(self, folder: Path, branch: str, commit: str) -> tuple[str, ...]:
        """Make a repository in a folder that was empty when the run began."""
        if not folder.is_dir():
            raise RepositoryError(f"there is no folder {folder}", next=f"mkdir {folder}, then apply again")
        incoming = touched_paths(self._run, EMPTY_TREE, commit)
        taken = {path for path in incoming if os.path.lexists(folder / path.split("/")[0])}
        if taken:
            raise RepositoryError(
                f"{folder} is no longer empty: {names(taken)} would be overwritten",
                next="move them away, then apply again",
            )
        if not os.access(folder, os.W_OK | os.X_OK):
            raise RepositoryError(f"{folder} cannot be written", next=f"chmod u+w {folder}, then apply again")
        git = Git(user_environment(), cwd=folder)
        chosen = git.run("config", "--get", "init.defaultBranch", ok=(0, 1)).text or "main"
        try:
            git.run("init", "--quiet", f"--initial-branch={chosen}")
            git.run("config", "--local", _CREATED, branch)
            return self._apply(folder, branch, commit, Snapshot(tree=Tree(EMPTY_TREE), kind="empty"))
        except BaseException:
            _remove_made_repository(git, folder, branch, ours=commit)
            raise

    def _apply(self, folder: Path, branch: str, commit: str, base: Snapshot) -> tuple[str, ...]:
        place = find_place(folder)
        refuse_unfinished(place)
        refuse_locked(place)
        git = Git(user_environment(), cwd=Path(place.root))
        _refuse_other_history(git, place, base)
        refuse_read_only(place, touched_paths(self._run, base.head or EMPTY_TREE, commit))
        self._deliver(git, branch, commit, base)
        if place.head and _contains(git, place.head, commit):
            return tuple(sorted(touched_paths(git, base.head or EMPTY_TREE, commit)))
        straight = not place.head or _contains(git, commit, place.head)
        target = commit if straight else self._preview(git, place, branch, commit)
        touched = touched_paths(git, place.head or EMPTY_TREE, target)
        _refuse_lost_work(git, place, touched)
        if straight and not (place.head and _signs(git)):
            how = ["--ff-only"]
        else:
            # Who signs their commits gets one of their own on top of ours, which nobody signed.
            _refuse_unready_for_merge(git, "your commits are signed" if straight else "HEAD moved since the run began")
            how = ["--no-ff", "--no-edit", "-m", f"Merge branch '{branch}'"]
        present = _bytes_of(place, touched)
        try:
            git.run("-c", "submodule.recurse=false", "merge", "--quiet", "--no-autostash", "--no-stat", *how, commit)
        except GitFailed as error:
            left = _take_back(git, place, touched, target, present)
            raise RepositoryError(
                f"git refused to merge {branch} into {place.root}",
                why=error.finished.complaint,
                next=f"look at {names(left)} with git status" if left else f"git merge {branch}",
            ) from error
        return tuple(sorted(touched))

    def _deliver(self, git: Git, branch: str, commit: str, base: Snapshot) -> None:
        """Bring the commits into the user's repository as a branch of that name; again is fine."""
        reference = f"refs/heads/{branch}"
        present = git.run("rev-parse", "--verify", "--quiet", reference, ok=(0, 1)).text
        if present == commit:
            return
        if present:
            raise RepositoryError(
                f"the branch {branch} already exists at another commit ({present[:12]})",
                next=f"rename it: git branch -m {branch} {branch}-old",
            )
        wanted = [commit, *([f"^{base.head}"] if base.head else [])]
        objects = self._run.run("rev-list", "--objects", *wanted).stdout
        pack = self._run.run("pack-objects", "--stdout", "--quiet", "--threads=1", stdin=objects).stdout
        git.run("unpack-objects", "-q", "--strict", stdin=pack)
        git.run("update-ref", "-m", "sixfold: branch", reference, commit, _NO_OBJECT)

    def _preview(self, git: Git, place: Place, branch: str, commit: str) -> str:
        """The tree a merge onto the moved HEAD would give; nothing is written into the user's repository."""
        if not git.run("merge-base", place.head, commit, ok=(0, 1)).text:
            raise RepositoryError(
                f"{branch} and your branch have no common history",
                why="your first commits were made after the run began",
                next=f"look at it: git log {branch}",
            )
        if git_version() < (2, 38):
            raise RepositoryError(
                "HEAD moved since the run began, and this git is too old to preview a merge",
                why="git 2.38 is needed",
                next=f"merge it yourself: git merge {branch}",
            )
        with tempfile.TemporaryDirectory(prefix="preview-", dir=self._repository) as own:
            objects = {"GIT_OBJECT_DIRECTORY": own, "GIT_ALTERNATE_OBJECT_DIRECTORIES": quoted_path(place.objects)}
            merged = preview_merge(Git({**git.environment, **objects}, cwd=git.cwd), place.head, commit)
            if merged.tree is None:
                raise RepositoryError(
                    f"{branch} conflicts with your later commits in {names(merged.conflicts)}",
                    why="both changed the same lines; your files were left as they are",
                    next=f"merge it yourself: git merge {branch}",
                )
            # The merged tree lives in a folder that is about to vanish; its pack is handed over, unreferenced.
            fresh = Git({**git.environment, **objects}, cwd=git.cwd)
            listed = fresh.run("rev-list", "--objects", "--no-walk", merged.tree, f"^{place.head}").stdout
            pack = fresh.run("pack-objects", "--stdout", "--quiet", "--threads=1", stdin=listed).stdout
        git.run("unpack-objects", "-q", stdin=pack)
        return merged.tree

    def preview(self, folder: Path, commit: str, base: Snapshot) -> Preview:
        return preview(self._repository, folder, commit, base)

    def undo(self, folder: Path, branch: str, commit: str, base: Snapshot) -> tuple[str, ...]:
        try:
            if base.kind == "empty" and not (folder / ".git").exists():
                return ()
            return self._undo(folder, branch, commit, base)
        except GitFailed as error:
            raise RepositoryError(
                f"{branch} could not be taken back from {folder}", why=error.finished.complaint, next="git status"
            ) from error

    def _undo(self, folder: Path, branch: str, commit: str, base: Snapshot) -> tuple[str, ...]:
        place = find_place(folder)
        refuse_unfinished(place)
        refuse_locked(place)
        git = Git(user_environment(), cwd=Path(place.root))
        known = git.run("cat-file", "-e", f"{commit}^{{commit}}", ok=(0, 1, 128)).exit == 0
        if not known or not place.head or not _contains(git, place.head, commit):
            self._forget(git, place, branch, commit, base)
            return ()
        if place.branch == branch:
            raise RepositoryError(
                f"{branch} itself is checked out", next="git switch to your own branch, then undo again"
            )
        target = _before(git, place, branch, commit, base)
        touched = touched_paths(git, place.head, target or EMPTY_TREE)
        refuse_read_only(place, touched)
        if set(touched) & changed_since(git, target or EMPTY_TREE):  # empty after an undo that was cut short
            mine = work_in_the_way(git, place, touched, place.head)
            if mine:
                raise RepositoryError(
                    f"edited since they were applied: {names(mine)}",
                    why="taking the result back would lose those edits",
                    next="commit or move them away, then undo again",
                )
            git.run("update-index", "-q", "--refresh", ok=(0, 1))
            git.run("-c", "submodule.recurse=false", "read-tree", "-m", "-u", place.head, target or EMPTY_TREE)
        if target:
            git.run("update-ref", "-m", f"sixfold: undo {branch}", "HEAD", target, place.head)
        else:
            git.run("update-ref", "-m", f"sixfold: undo {branch}", "-d", "HEAD", place.head)
        self._forget(git, place, branch, commit, base)
        return tuple(sorted(touched))

    def _forget(self, git: Git, place: Place, branch: str, commit: str, base: Snapshot) -> None:
        """Remove the delivered branch, and a repository that `apply` made and that holds nothing any more."""
        reference = f"refs/heads/{branch}"
        if git.run("rev-parse", "--verify", "--quiet", reference, ok=(0, 1)).text == commit:
            git.run("update-ref", "-d", reference, commit)
        if base.kind == "empty":
            _remove_made_repository(git, Path(place.root), branch)


def _contains(git: Git, commit: str, ancestor: str) -> bool:
    return git.run("merge-base", "--is-ancestor", ancestor, commit, ok=(0, 1)).exit == 0


def _refuse_other_history(git: Git, place: Place, base: Snapshot) -> None:
    if not base.head:
        return
    if not place.head:
        raise RepositoryError(
            f"the current branch of {place.root} has no commit",
            next=f"git switch {base.branch or 'the branch you built on'}",
        )
    if git.run("cat-file", "-e", f"{base.head}^{{commit}}", ok=(0, 1, 128)).exit != 0:
        raise RepositoryError(
            f"the commit the run began from ({base.head[:12]}) is no longer in {place.root}",
            why="this is another repository, or its history was rewritten",
            next="build again on the present state",
        )


def _refuse_lost_work(git: Git, place: Place, touched: Mapping[str, str]) -> None:
    mine = work_in_the_way(git, place, touched, place.head or EMPTY_TREE)
    if mine:
        raise RepositoryError(
            f"your uncommitted work would be overwritten: {names(mine)}",
            why="the result changes these files too; nothing was touched",
            next="commit or move them away, then apply again",
        )


def _signs(git: Git) -> bool:
    """Whether the user's settings ask for every commit to be signed."""
    return git.run("config", "--type=bool", "--get", "commit.gpgSign", ok=(0, 1, 128)).text == "true"


def _refuse_unready_for_merge(git: Git, cause: str) -> None:
    """A real merge needs a clean index and a name to commit under."""
    if git.run("diff-index", "--cached", "--quiet", "--ignore-submodules=all", "HEAD", ok=(0, 1)).exit:
        raise RepositoryError(
            f"{cause}, and there are staged changes",
            why="a merge commit would have to be made beside them",
            next="commit or unstage them (git restore --staged .), then apply again",
        )
    named = git.run("var", "GIT_COMMITTER_IDENT", ok=(0, 128))
    if named.exit:
        raise RepositoryError(
            "a merge commit is needed, and git does not know your name",
            next="git config user.name NAME && git config user.email MAIL, then apply again",
        )


def _bytes_of(place: Place, touched: Mapping[str, str]) -> dict[str, bytes]:
    """The regular files among the touched ones, as they are on disk now."""
    files = {path: Path(place.root) / path for path in touched}
    return {path: file.read_bytes() for path, file in files.items() if file.is_file() and not file.is_symlink()}


def _take_back(
    git: Git, place: Place, touched: Mapping[str, str], target: str, present: Mapping[str, bytes]
) -> list[str]:
    """After a merge that git gave up: put files it already wrote back; returns those that could not be.

    Only files that read exactly as the merge wrote them are replaced: they were as committed before.
    """
    if (Path(place.git_folder) / "MERGE_HEAD").exists():
        git.run("merge", "--abort", ok=range(256))
    left = []
    for path, letter in touched.items():
        place_on_disk = Path(place.root) / path
        if os.path.lexists(place_on_disk):
            wanted = git.run("rev-parse", "--verify", "--quiet", f"{target}:{path}", ok=(0, 1, 128)).text
            before = git.run("rev-parse", "--verify", "--quiet", f":{path}", ok=(0, 1, 128)).text
            now = git.run("hash-object", "--", path).text if place_on_disk.is_file() else ""
            if now == before:
                continue
            if now != wanted or place_on_disk.is_symlink():
                left.append(path)
                continue
            place_on_disk.unlink()
        if letter != "A" and git.run("checkout-index", "--", path, ok=(0, 1, 128)).exit:
            left.append(path)
    for path, content in present.items():
        # Git writes a file back as its attributes say (line ends); on disk it may have stood otherwise.
        file = Path(place.root) / path
        if path not in left and file.is_file() and file.read_bytes() != content:
            ours = git.run("hash-object", "--", path).text
            if ours == git.run("rev-parse", "--verify", "--quiet", f":{path}", ok=(0, 1, 128)).text:
                file.write_bytes(content)
                git.run("update-index", "--", path, ok=(0, 128))  # same entry, the file's size and time anew
    return left


def _before(git: Git, place: Place, branch: str, commit: str, base: Snapshot) -> str:
    """The commit to return to; empty when there was none."""
    if place.head == commit:
        return base.head
    parents = git.run("rev-list", "--parents", "--max-count=1", place.head).text.split()[1:]
    if len(parents) == 2 and parents[1] == commit:
        return parents[0]
    raise RepositoryError(
        f"there are later commits on top of {branch}",
        why="moving the branch back would drop them",
        next=f"take it back by a new commit: git revert {(base.head or commit)[:12]}..{commit[:12]}",
    )


def _remove_made_repository(git: Git, folder: Path, branch: str, ours: str = "") -> None:
    """Remove a repository that `apply` made, when it holds no ref, no index entry and nobody else's mark.

    Args:
        git: in the folder.
        folder: where the repository lies.
        branch: the branch it was made for.
        ours: a commit whose branch may still be there, because making it failed half-way.
    """
    own = folder / ".git"
    if not own.is_dir() or git.run("config", "--local", "--get", _CREATED, ok=(0, 1)).text != branch:
        return
    refs = git.run("for-each-ref", "--format=%(refname) %(objectname)").text.splitlines()
    if [line for line in refs if line != f"refs/heads/{branch} {ours}"] or git.run("ls-files", "-z").stdout:
        return
    shutil.rmtree(own)
