"""What stands in the user's working tree, asked before anything in it may change. Everything here only looks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from sixfold.domain.errors import RepositoryError
from sixfold.layers.refinement.git.command import Git
from sixfold.layers.refinement.git.place import Place

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""Git knows the tree without files in every repository."""

_NAMES_SHOWN = 8


def touched_paths(git: Git, old: str, new: str) -> dict[str, str]:
    """Paths that differ between two commits or trees, each with `A`, `M`, `D` or `T`."""
    fields = git.run("diff-tree", "-r", "-z", "--no-renames", "--name-status", old, new).stdout.split(b"\0")
    return {os.fsdecode(path): os.fsdecode(letter) for letter, path in zip(fields[0::2], fields[1::2], strict=False)}


def changed_since(git: Git, tree: str) -> set[str]:
    """Tracked paths whose index entry or file differs from a tree."""
    index = git.run("diff-index", "-z", "--cached", "--name-only", "--ignore-submodules=all", tree).stdout
    files = git.run("diff-files", "-z", "--name-only", "--ignore-submodules=all").stdout
    suspects = {os.fsdecode(name) for name in files.split(b"\0") if name}
    return {os.fsdecode(name) for name in index.split(b"\0") if name} | _really_changed(git, suspects)


def _really_changed(git: Git, suspects: set[str]) -> set[str]:
    """Files whose content, not only their time, differs from the index; their index entries are not refreshed."""
    if not suspects:
        return set()
    status = git.run(
        "status", "--porcelain=v1", "-z", "--untracked-files=no", "--ignore-submodules=all", "--no-renames"
    ).stdout
    return {os.fsdecode(line[3:]) for line in status.split(b"\0") if line} & suspects


def work_in_the_way(git: Git, place: Place, touched: Mapping[str, str], tree: str) -> list[str]:
    """Touched paths whose present state is the user's own: edited, staged, untracked, ignored or hidden from git.

    Args:
        git: in the user's checkout.
        place: the checkout.
        touched: what is about to change, from `tree` on.
        tree: what the checkout should read like at those paths.
    """
    root = Path(place.root)
    mine = set(touched) & changed_since(git, tree)
    mine |= _hidden_edits(git, root, touched)
    leaving = {path for path, letter in touched.items() if letter == "D"}
    for path, letter in touched.items():
        if letter == "A" and _occupied(root, path, leaving):
            mine.add(path)
        blocked = _blocked_parent(root, path, leaving)
        if blocked:
            mine.add(blocked)
    return sorted(mine)


def _hidden_edits(git: Git, root: Path, touched: Mapping[str, str]) -> set[str]:
    """Edited files that git was told not to look at (assume-unchanged, skip-worktree); it would overwrite them."""
    found = set()
    for line in git.run("ls-files", "-z", "-v", "--stage").stdout.split(b"\0"):
        head, _, name = line.partition(b"\t")
        path = os.fsdecode(name)
        if path not in touched or not (head[:1].islower() or head[:1] == b"S"):
            continue
        if os.path.lexists(root / path):
            now = git.run("hash-object", "--", path).text if (root / path).is_file() else ""
            if now.encode() != head.split()[2]:
                found.add(path)
    return found


def _occupied(root: Path, path: str, leaving: set[str]) -> bool:
    """Whether something of the user's stands where a new file goes."""
    place = root / path
    if not os.path.lexists(place):
        return False
    if place.is_symlink() or not place.is_dir():
        return True
    inside = (
        os.path.relpath(os.path.join(folder, name), root) for folder, _, names in os.walk(place) for name in names
    )
    links = any(os.path.islink(os.path.join(folder, name)) for folder, names, _ in os.walk(place) for name in names)
    return links or any(name not in leaving for name in inside)


def _blocked_parent(root: Path, path: str, leaving: set[str]) -> str:
    """A folder of the path that is not a real folder now and will not become one; empty when there is none."""
    folder = os.path.dirname(path)
    while folder:
        place = root / folder
        if os.path.lexists(place) and (place.is_symlink() or not place.is_dir()) and folder not in leaving:
            return folder
        folder = os.path.dirname(folder)
    return ""


def refuse_read_only(place: Place, touched: Iterable[str]) -> None:
    """Refuse when a folder that must change cannot be written.

    Raises:
        RepositoryError: names the first such folder.
    """
    root = Path(place.root)
    for folder in {os.path.dirname(path) for path in touched}:
        present = root / folder
        while not present.exists() and present != root:
            present = present.parent
        if not os.access(present, os.W_OK | os.X_OK):
            raise RepositoryError(f"{present} cannot be written", next=f"chmod u+w {present}, then try again")


def refuse_locked(place: Place) -> None:
    """Refuse while another git process holds the index, or one was killed and left its lock.

    Raises:
        RepositoryError: names the lock.
    """
    lock = Path(place.git_folder) / "index.lock"
    if lock.exists():
        raise RepositoryError(
            f"another git process is at work in {place.root}",
            why=f"{lock} exists",
            next=f"wait for it; when none is running: rm {lock}",
        )


def names(paths: Iterable[str]) -> str:
    """Paths for a message, bounded."""
    shown = [os.fsencode(path).decode(errors="replace") for path in sorted(paths)]
    more = f" and {len(shown) - _NAMES_SHOWN} more" if len(shown) > _NAMES_SHOWN else ""
    return ", ".join(shown[:_NAMES_SHOWN]) + more
