"""Layer 4's and 6's nouns: edit, patch, increment, snapshot."""

from __future__ import annotations

from typing import Literal

from sixfold.domain.data import Data, Digest, Tree


class Edit(Data, frozen=True, kw_only=True):
    """One change to one file, as a model wrote it."""

    path: str
    """Relative, `/`-separated."""
    kind: Literal["write", "replace", "delete"]
    """`write`: the whole file. `replace`: `search` must stand exactly once. `delete`: remove the file."""
    search: str = ""
    content: str = ""
    """New whole text, or the replacement."""


class Objection(Data, frozen=True, kw_only=True):
    """A task's answer that a contract cannot be fulfilled or used as it stands."""

    contract: str
    text: str
    """Why, and what it should say. From a model: shown and judged, never obeyed."""


class Patch(Data, frozen=True, kw_only=True):
    """A set of edits that is applied completely or not at all."""

    edits: tuple[Edit, ...]
    note: str = ""
    """What the author said about it; shown, never believed."""
    published: tuple[str, ...] = ()
    """Lines for those who use the task's contracts."""
    objection: Objection | None = None
    """Instead of edits: a contract of the task is wrong."""
    declined: str = ""
    """Instead of edits: why there is nothing to change. Shown, never believed."""


class Refusal(Data, frozen=True, kw_only=True):
    """Why one edit was not applied; the whole patch was left unapplied."""

    path: str
    reason: str
    """One line, stable wording: it goes back to the model once."""
    current: str = ""
    """The file's present text around the place, for the correction."""


class FileStat(Data, frozen=True, kw_only=True):
    """Changed lines of one file between two trees."""

    path: str
    added: int
    removed: int
    status: Literal["added", "modified", "deleted", "renamed"] = "modified"
    binary: bool = False


class Snapshot(Data, frozen=True, kw_only=True):
    """The user's folder as it was when the run began."""

    tree: Tree
    """Working tree: tracked files as they are on disk, plus untracked files that are not ignored."""
    head: str = ""
    """Commit id of HEAD; empty in a folder without commits."""
    head_tree: Tree | None = None
    branch: str = ""
    """Short name of the checked-out branch; empty when detached or not a repository."""
    dirty: bool = False
    """True when `tree` differs from HEAD's."""
    kind: Literal["repository", "empty"] = "repository"
    notes: tuple[str, ...] = ()
    """What the person should know: files left out (too large, filtered by git-lfs, unreadable), the root used, …"""


class Preview(Data, frozen=True, kw_only=True):
    """What bringing a branch into the user's folder would do; nothing was written."""

    onto: str = ""
    """Commit it would land on; empty in a folder without commits."""
    moved: bool = False
    """True when that is not the commit the run began from: a three-way merge."""
    applied: bool = False
    """True when it is there already."""
    files: tuple[FileStat, ...] = ()
    diff: str = ""
    """Unified diff of the folder's commit to the result of the merge."""
    conflicts: tuple[str, ...] = ()
    """Files that both sides changed in the same place; then nothing else is known."""
    in_the_way: tuple[str, ...] = ()
    """Files with uncommitted work that the change would touch: `apply` refuses because of them."""


class Risk(Data, frozen=True, kw_only=True):
    """Something in an increment that needs a person's eyes."""

    kind: Literal[
        "security", "dependency", "process", "network", "files", "interface", "deletion", "size", "untested", "failing"
    ]
    path: str = ""
    line: int = 0
    text: str = ""


class Slice(Data, frozen=True, kw_only=True):
    """A part of an increment that is too large to review at once; it becomes a commit of its own."""

    files: tuple[str, ...]
    tree: Tree
    """The increment's base with this part and those before it."""
    lines: int
    """Changed lines, tests not counted."""


class Increment(Data, frozen=True, kw_only=True):
    """A reviewable unit: one task's change with its evidence. The tree is what gets committed."""

    id: str
    """`I1`, after rework `I1.2`."""
    task: str
    title: str
    base: Tree
    tree: Tree
    files: tuple[FileStat, ...] = ()
    diff: Digest | None = None
    """Blob of the unified diff base → tree."""
    requirements: tuple[str, ...] = ()
    risks: tuple[Risk, ...] = ()
    attempts: int = 1
    slices: tuple[Slice, ...] = ()
    """Parts in the order in which they build on each other; empty when it is small enough to be one."""
    models: tuple[str, ...] = ()
    """Who wrote it: models, and `human:NAME` where a person edited it."""
    prompt: Digest | None = None
    """SHA-256 of the request that the last patch answered."""
