"""Three-way merges of trees without any checkout, and carrying a run's work off the user's uncommitted changes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sixfold.domain.code import Snapshot
from sixfold.domain.data import Data, Tree
from sixfold.domain.ports import MergeResult, Repository
from sixfold.layers.refinement.git.command import Git

_NOBODY = {
    "GIT_AUTHOR_NAME": "merge",
    "GIT_AUTHOR_EMAIL": "merge",
    "GIT_AUTHOR_DATE": "@0 +0000",
    "GIT_COMMITTER_NAME": "merge",
    "GIT_COMMITTER_EMAIL": "merge",
    "GIT_COMMITTER_DATE": "@0 +0000",
}


class Conflict(Data, frozen=True, kw_only=True):
    """Files in which the run's work and the user's uncommitted work cannot be told apart."""

    paths: tuple[str, ...]


def rebase_trees(repository: Repository, base: Snapshot, trees: Sequence[Tree]) -> tuple[Tree, ...] | Conflict:
    """Carry each tree from the user's dirty snapshot onto the commit below it, so that the branch holds only our work.

    Args:
        repository: where the trees lie.
        base: the snapshot the run began from.
        trees: the run's trees in commit order, each containing the ones before it.

    Returns:
        One tree for each, on `base.head_tree` (on the empty tree when there is no commit), or the conflicting files.
        The result was merged, not tested: what the person gets back after `apply` is the tested tree.
    """
    ground = base.head_tree if base.head_tree is not None else repository.empty()
    carried: list[Tree] = []
    for tree in trees:
        merged = repository.merge(base.tree, ground, tree)
        if merged.tree is None:
            return Conflict(paths=merged.conflicts)
        carried.append(merged.tree)
    return tuple(carried)


def merge_by_commits(git: Git, base: Tree, ours: Tree, theirs: Tree) -> MergeResult:
    """Merge with `git merge-tree --write-tree` (git 2.38): renames are followed.

    It takes commits, so each tree is wrapped in one; equal trees give equal commits, and nothing points at them.
    """
    root = git.run("commit-tree", base, "-m", "base", env=_NOBODY).text
    left = git.run("commit-tree", ours, "-p", root, "-m", "ours", env=_NOBODY).text
    right = git.run("commit-tree", theirs, "-p", root, "-m", "theirs", env=_NOBODY).text
    return preview_merge(git, left, right)


def preview_merge(git: Git, ours: str, theirs: str) -> MergeResult:
    """What merging two commits would give (git 2.38)."""
    done = git.run("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs, ok=(0, 1))
    tree, *conflicts = done.stdout.split(b"\0")
    if done.exit == 0:
        return MergeResult(tree=Tree(tree.decode()))
    return MergeResult(tree=None, conflicts=tuple(sorted({_shown(name) for name in conflicts if name})))


def merge_by_index(git: Git, base: Tree, ours: Tree, theirs: Tree) -> MergeResult:
    """Merge through an index, for older git: the same file merge, but renames are not followed.

    `git` needs a private `GIT_INDEX_FILE`.
    """
    with tempfile.TemporaryDirectory(prefix="merge-") as folder:
        work = {"GIT_WORK_TREE": folder}
        git.run("read-tree", "-i", "-m", "--aggressive", base, ours, theirs, env=work)
        stages: dict[bytes, dict[str, tuple[str, str]]] = {}
        for line in git.run("ls-files", "-z", "-u", env=work).stdout.split(b"\0"):
            if line:
                head, _, name = line.partition(b"\t")
                mode, object_id, stage = head.decode().split()
                stages.setdefault(name, {})[stage] = (mode, object_id)
        conflicts = []
        resolved = []
        for name, sides in stages.items():
            merged = _merge_file(git, Path(folder), sides)
            if merged is None:
                conflicts.append(_shown(name))
            else:
                resolved.append(f"0 {'0' * 40}\t".encode() + name + b"\0" + merged.encode() + b"\t" + name + b"\0")
        if conflicts:
            return MergeResult(tree=None, conflicts=tuple(sorted(conflicts)))
        if resolved:
            git.run("update-index", "-z", "--index-info", stdin=b"".join(resolved), env=work)
        return MergeResult(tree=Tree(git.run("write-tree", env=work).text))


def _merge_file(git: Git, folder: Path, sides: dict[str, tuple[str, str]]) -> str | None:
    """`mode id` of one file merged from its three stages; None on a conflict."""
    if set(sides) != {"1", "2", "3"} or {mode for mode, _ in sides.values()} - {"100644", "100755"}:
        return None
    places = []
    for stage in ("2", "1", "3"):
        place = folder / stage
        place.write_bytes(git.run("cat-file", "blob", sides[stage][1]).stdout)
        places.append(str(place))
    done = git.run("merge-file", "-p", "-q", *places, ok=range(256))
    if done.exit != 0:
        return None
    old, ours, theirs = (sides[stage][0] for stage in "123")
    mode = theirs if ours == old else ours
    return f"{mode} {git.run('hash-object', '-w', '--stdin', stdin=done.stdout).text}"


def _shown(name: bytes) -> str:
    return os.fsencode(os.fsdecode(name)).decode(errors="replace")
