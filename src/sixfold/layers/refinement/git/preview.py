"""What `apply` would do, without writing a byte into the user's repository: the merge happens in a throwaway store."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sixfold.domain.code import Preview, Snapshot
from sixfold.domain.errors import RepositoryError
from sixfold.layers.refinement.git.command import (
    Git,
    GitFailed,
    git_version,
    hermetic_environment,
    quoted_path,
    user_environment,
)
from sixfold.layers.refinement.git.difference import parse_changes
from sixfold.layers.refinement.git.merge import preview_merge
from sixfold.layers.refinement.git.place import find_place, refuse_unfinished
from sixfold.layers.refinement.git.worktree import EMPTY_TREE, touched_paths, work_in_the_way


def preview(repository: Path, folder: Path, commit: str, base: Snapshot) -> Preview:
    """What bringing `commit` into the folder would change, and what would stop it.

    Args:
        repository: folder of the run's own repository, which holds the commit.
        folder: the user's folder; only read.
        commit: the head of the finished branch.
        base: the snapshot the run began from.

    Raises:
        RepositoryError: the folder cannot be read, something unfinished is under way there, or git is older than 2.38
            and a merge would be needed.
    """
    own = Git(hermetic_environment(repository))
    if base.kind == "empty" and not (folder / ".git").exists():
        return _shown(own, EMPTY_TREE, commit, moved=False, onto="")
    place = find_place(folder)
    refuse_unfinished(place)
    user = Git(user_environment(), cwd=Path(place.root))
    known = not place.head or own.run("cat-file", "-e", f"{place.head}^{{commit}}", ok=(0, 1, 128)).exit == 0
    straight = known and _contains(own, commit, place.head)
    try:
        with tempfile.TemporaryDirectory(prefix="preview-", dir=repository) as fresh:
            alternates = ":".join(quoted_path(str(each)) for each in (repository / "objects", place.objects))
            store = {"GIT_OBJECT_DIRECTORY": fresh, "GIT_ALTERNATE_OBJECT_DIRECTORIES": alternates}
            both = Git({**own.environment, **store})
            if place.head and _contains(both, place.head, commit):
                return Preview(onto=place.head, applied=True)
            target = commit
            if not straight:
                if git_version() < (2, 38):
                    raise RepositoryError("this git is too old to preview a merge", why="git 2.38 is needed")
                if not both.run("merge-base", place.head, commit, ok=(0, 1)).text:
                    return Preview(onto=place.head, moved=True, conflicts=("no common history",))
                merged = preview_merge(both, place.head, commit)
                if merged.tree is None:
                    return Preview(onto=place.head, moved=True, conflicts=merged.conflicts)
                target = merged.tree
            touched = touched_paths(both, place.head or EMPTY_TREE, target)
            mine = tuple(work_in_the_way(user, place, touched, place.head or EMPTY_TREE))
            seen = _shown(both, place.head or EMPTY_TREE, target, moved=not straight, onto=place.head)
            return Preview(onto=seen.onto, moved=seen.moved, files=seen.files, diff=seen.diff, in_the_way=mine)
    except GitFailed as error:
        raise RepositoryError(
            f"the change cannot be previewed in {folder}", why=error.finished.complaint, next="git status"
        ) from error


def _shown(git: Git, old: str, new: str, *, moved: bool, onto: str) -> Preview:
    names = ("--no-ext-diff", "--no-textconv", "-M", "-r")
    raw = git.run("diff-tree", "-z", "--raw", "--numstat", *names, old, new).stdout
    diff = git.run("diff-tree", "-p", *names, old, new).stdout.decode(errors="replace")
    return Preview(onto=onto, moved=moved, files=parse_changes(raw), diff=diff)


def _contains(git: Git, commit: str, ancestor: str) -> bool:
    return not ancestor or git.run("merge-base", "--is-ancestor", ancestor, commit, ok=(0, 1)).exit == 0
