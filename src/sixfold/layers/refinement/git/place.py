"""Finding out what a user's folder is, by looking only."""

from __future__ import annotations

import os
from pathlib import Path

from sixfold.domain.data import Data
from sixfold.domain.errors import RepositoryError
from sixfold.layers.refinement.git.command import Git, GitFailed, user_environment

_UNDER_WAY = {
    "MERGE_HEAD": ("a merge", "git merge --abort"),
    "rebase-merge": ("a rebase", "git rebase --abort"),
    "rebase-apply": ("a rebase or `git am`", "git rebase --abort"),
    "CHERRY_PICK_HEAD": ("a cherry-pick", "git cherry-pick --abort"),
    "REVERT_HEAD": ("a revert", "git revert --abort"),
}


class Place(Data, frozen=True, kw_only=True):
    """A user's repository: where its parts lie, and where it stands."""

    root: str
    """The working tree's top folder."""
    git_folder: str
    """Of this worktree: `.git`, or `.git/worktrees/NAME`."""
    common_folder: str
    """Shared by all worktrees: objects, refs, `info/`."""
    objects: str
    head: str
    """Commit id; empty before the first commit."""
    branch: str
    """Short name of the checked-out branch, born or not; empty when HEAD is detached."""


def holds_nothing(folder: Path) -> bool:
    """Whether an existing folder has no entries at all.

    Raises:
        RepositoryError: not a folder, or not readable.
    """
    try:
        return not any(folder.iterdir())
    except FileNotFoundError as error:
        raise RepositoryError(f"there is no folder {folder}", next=f"mkdir {folder}") from error
    except NotADirectoryError as error:
        raise RepositoryError(f"{folder} is not a folder", next="name a repository or an empty folder") from error
    except OSError as error:
        raise RepositoryError(f"{folder} cannot be read", why=error.strerror or str(error)) from error


def find_place(folder: Path) -> Place:
    """The repository a folder belongs to.

    Raises:
        RepositoryError: there is none, it is bare, or git does not trust or understand it.
    """
    git = Git(user_environment(), cwd=folder)
    try:
        bare, git_folder, common, objects = git.run(
            "rev-parse", "--is-bare-repository", "--absolute-git-dir", "--git-common-dir", "--git-path", "objects"
        ).text.splitlines()
    except GitFailed as error:
        raise _not_usable(folder, error) from error
    if bare == "true":
        raise RepositoryError(
            f"{folder} is a bare repository", why="there are no files to work on", next="git clone it and use the clone"
        )
    try:
        root = git.run("rev-parse", "--show-toplevel").text
        head = git.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}", ok=(0, 1, 128))
        branch = git.run("symbolic-ref", "--quiet", "--short", "HEAD", ok=(0, 1)).text
        born = git.run("rev-parse", "--verify", "--quiet", "HEAD", ok=(0, 1, 128)).exit == 0
        form = git.run("rev-parse", "--show-object-format").text
    except GitFailed as error:
        raise _not_usable(folder, error) from error
    resolved = folder.resolve()
    if Path(root) != resolved and Path(root) not in resolved.parents:
        raise RepositoryError(
            f"the repository of {folder} keeps its files elsewhere",
            why=f"core.worktree is {root}",
            next=f"use -C {root}",
        )
    if form != "sha1":
        raise RepositoryError(f"{root} uses {form} object names", why="only SHA-1 repositories are supported so far")
    if head.exit != 0 and born:
        raise RepositoryError(f"the current commit of {root} cannot be read", why=head.complaint, next="git fsck")
    return Place(
        root=root,
        git_folder=git_folder,
        common_folder=str((folder / common).resolve()),
        objects=str((folder / objects).resolve()),
        head=head.text if head.exit == 0 else "",
        branch=branch,
    )


def refuse_unfinished(place: Place) -> None:
    """Refuse a repository in the middle of an operation.

    Raises:
        RepositoryError: a merge, rebase, cherry-pick or revert is under way; names the way out.
    """
    for mark, (name, way_out) in _UNDER_WAY.items():
        if os.path.lexists(Path(place.git_folder) / mark):
            raise RepositoryError(
                f"{name} is under way in {place.root}",
                why="its files are between two states",
                next=f"finish it, or {way_out}",
            )


def _not_usable(folder: Path, error: GitFailed) -> RepositoryError:
    complaint = error.finished.complaint
    if "dubious ownership" in complaint:
        return RepositoryError(
            f"git does not trust {folder}",
            why="it belongs to another user",
            next=f"git config --global --add safe.directory {folder}",
        )
    if "not a git repository" in complaint:
        return RepositoryError(
            f"{folder} is neither empty nor a git repository",
            why="without a commit to return to, your files could not be protected",
            next="git init && git add -A && git commit -m start, or use an empty folder",
        )
    return RepositoryError(f"the repository in {folder} cannot be used", why=complaint)
