"""Applying a patch to a tree: completely, or not at all with reasons a model can act on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from sixfold.domain.code import Edit, Patch, Refusal
from sixfold.domain.data import Data, Tree
from sixfold.domain.errors import RepositoryError
from sixfold.domain.paths import path_problem
from sixfold.domain.ports import FileEntry, Repository
from sixfold.layers.synthesis.guards import (
    LARGE_FILE_LINES,
    LARGEST_LOSS,
    LARGEST_TEXT_BYTES,
    lost_lines,
    placeholder,
    syntax_problem,
)
from sixfold.layers.synthesis.matching import NoPlace, Place, excerpt, locate
from sixfold.layers.synthesis.protected import PROTECTED, unasked, within
from sixfold.layers.synthesis.source_text import SourceText, decode, from_text

CHANGES_NOTHING = "the patch changes nothing: the files already read like this"
"""Reason of a refusal."""


class Applied(Data, frozen=True, kw_only=True):
    """A patch that went in."""

    tree: Tree
    files: tuple[str, ...]
    """Paths that differ from before, sorted."""
    loose: tuple[str, ...] = ()
    """`path: how`, for edits that matched only loosely."""


@dataclass(frozen=True, kw_only=True)
class _Change:
    """What one file becomes; `content` None = deleted."""

    path: str
    content: bytes | None
    old: str = ""
    new: str = ""
    loose: tuple[str, ...] = ()


def apply(
    repository: Repository,
    tree: Tree,
    patch: Patch,
    *,
    write_set: Sequence[str] = (),
    locked: Sequence[str] = (),
    shown: Tree | None = None,
    may_shrink: Sequence[str] = (),
    origin: Tree | None = None,
    words: str = "",
) -> Applied | tuple[Refusal, ...]:
    """Apply all edits, or none.

    Every search text is looked for in the file as it stands in `tree`, not in what an earlier edit made of it.

    Args:
        repository: holds the tree.
        tree: what is changed.
        patch: the edits.
        write_set: files, or folders ending in `/`, the author owns; empty = all that is not locked or `PROTECTED`.
        locked: files, or folders ending in `/`, nobody may touch (acceptance tests), whatever `write_set` says.
        shown: the tree the author was shown; a file that changed since is not overwritten or deleted as a whole.
        may_shrink: files the task asked to shorten; `*` for all.
        origin: for an author without a write set: the tree that existed before; what stood there is deleted, and what
            tools run by themselves is touched, only if `words` name it.
        words: what the person said; no model's sentence counts here.

    Returns:
        The new tree, or one refusal for each edit that cannot be applied: then nothing was.
    """
    if not patch.edits:
        return (Refusal(path="", reason="the patch holds no edits"),)
    files = {entry.path: entry for entry in repository.files(tree)}
    standing = frozenset(one.path for one in repository.files(origin)) if origin and not write_set else frozenset()
    refusals: list[Refusal] = []
    changes: list[_Change] = []
    for path in dict.fromkeys(edit.path for edit in patch.edits):
        edits = [edit for edit in patch.edits if edit.path == path]
        reason = _forbidden(path, edits, files, write_set, locked) or unasked(path, edits, standing, words)
        outcome: _Change | list[Refusal] = [Refusal(path=path, reason=reason)] if reason else []
        if not reason and shown is not None and shown != tree:
            outcome = _stale(repository, shown, tree, path, edits)
        outcome = outcome or _change(path, edits, repository.read(tree, path))
        if isinstance(outcome, list):
            refusals.extend(outcome)
        else:
            changes.append(outcome)
    for change in changes:
        refusals.extend(_guarded(change, changes, may_shrink))
    return tuple(refusals) if refusals else _written(repository, tree, changes)


def _written(repository: Repository, tree: Tree, changes: Sequence[_Change]) -> Applied | tuple[Refusal, ...]:
    changes = [change for change in changes if repository.read(tree, change.path) != change.content]
    if not changes:
        return (Refusal(path="", reason=CHANGES_NOTHING),)
    try:
        new = repository.write(tree, {change.path: change.content for change in changes})
    except RepositoryError as error:
        return (Refusal(path=changes[0].path if len(changes) == 1 else "", reason=error.what),)
    return Applied(
        tree=new,
        files=tuple(sorted(change.path for change in changes)),
        loose=tuple(f"{change.path}: {how}" for change in changes for how in change.loose),
    )


def _forbidden(
    path: str, edits: Sequence[Edit], files: dict[str, FileEntry], write_set: Sequence[str], locked: Sequence[str]
) -> str:
    """Why nobody may edit that path like this; empty when they may."""
    problem = path_problem(path)
    if problem:
        return problem
    if within(path, locked):
        return "this file is locked; change the code, not the file"
    if write_set and not within(path, write_set):
        return f"this task may not write it; it owns: {', '.join(write_set)[:300]}"
    if not write_set and within(path, [name + end for name in PROTECTED for end in ("", "/")]):
        return "it runs on other people's machines (CI, hooks, editor settings); a task must own it by name"
    entry = files.get(path)
    if entry is not None and entry.mode == "120000" and {edit.kind for edit in edits} != {"delete"}:
        return "it is a link; edit the file it points to"
    kinds = [edit.kind for edit in edits]
    if len(kinds) > 1 and set(kinds) != {"replace"}:
        return f"it is edited in several ways at once ({', '.join(kinds)}); send it whole, or only parts of it"
    return ""


def _stale(repository: Repository, shown: Tree, tree: Tree, path: str, edits: Sequence[Edit]) -> list[Refusal]:
    """A refusal when a whole-file edit rests on another text than the present one."""
    if all(edit.kind == "replace" for edit in edits):
        return []  # the unique match is the better check: it sees exactly the lines that matter
    now = repository.read(tree, path)
    if now == repository.read(shown, path):
        return []
    source = decode(now or b"")
    current = excerpt(source.lines, 0, len(source.lines)) if source else ""
    return [
        Refusal(path=path, reason="the file changed since you were shown it; edit the present text", current=current)
    ]


def _change(path: str, edits: Sequence[Edit], present: bytes | None) -> _Change | list[Refusal]:
    """What the file becomes by edits of one kind."""
    if edits[0].kind == "delete":
        if present is None:
            return [Refusal(path=path, reason="there is no such file to delete")]
        return _Change(path=path, content=None)
    if any("\0" in edit.content or not _is_text(edit.content) for edit in edits):
        return [Refusal(path=path, reason="the new text holds bytes that are not text")]
    source = decode(present) if present is not None else None
    if present is not None and source is None:
        return [Refusal(path=path, reason="the file is not UTF-8 text, so it can only be deleted or left as it is")]
    if edits[0].kind == "write":
        return _rewrite(path, edits[0].content, source)
    if source is None or not source.lines:
        if len(edits) == 1 and not edits[0].search.strip():
            return _rewrite(path, edits[0].content, source)
        what = "there is no such file" if source is None else "the file is empty"
        return [Refusal(path=path, reason=f"{what}; send it whole")]
    return _replace(path, edits, source)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _rewrite(path: str, content: str, source: SourceText | None) -> _Change:
    """The whole file anew; an existing file keeps its line ends and byte order mark."""
    text = content.replace("\r\n", "\n").removeprefix("\ufeff")
    if source is None or not source.lines:
        new = from_text(text, bom=source.bom if source else False)
    else:
        new = from_text(text, bom=source.bom, end=source.end)
    return _Change(path=path, content=new.encode(), old=source.text if source else "", new=new.text)


def _replace(path: str, edits: Sequence[Edit], source: SourceText) -> _Change | list[Refusal]:
    places: list[Place] = []
    refusals: list[Refusal] = []
    for edit in edits:
        found = _find(source, edit)
        if isinstance(found, NoPlace):
            refusals.append(Refusal(path=path, reason=found.reason, current=found.current))
        else:
            places.append(found)
    places.sort(key=lambda place: (place.start, place.end))
    for one, other in itertools.pairwise(places):
        if other.start < one.end:
            shown = excerpt(source.lines, one.start, other.end)
            refusals.append(Refusal(path=path, reason="two edits overlap; join them into one", current=shown))
    if refusals:
        return refusals
    new = _spliced(source, places)
    loose = tuple(place.loose for place in places if place.loose)
    return _Change(path=path, content=new.encode(), old=source.text, new=new.text, loose=loose)


def _find(source: SourceText, edit: Edit) -> Place | NoPlace:
    if not edit.search.strip():
        return NoPlace(
            reason="the search text is empty; name the lines to replace", current=excerpt(source.lines, 0, 10)
        )
    if edit.search.endswith("\n"):
        return locate(source, edit.search, edit.content)
    # Part of a line, as JSON edits may give it: widened to the whole lines it touches, if it stands exactly once.
    text, search = source.text, edit.search.replace("\r\n", "\n")
    first = text.find(search)
    if first < 0:
        ended = edit.content if edit.content.endswith("\n") or not edit.content else edit.content + "\n"
        return locate(source, search + "\n", ended)
    if _inside_word(text, first, search):
        return NoPlace(
            reason="the search text begins or ends inside a word; search for whole lines",
            current=excerpt(source.lines, text.count("\n", 0, first), text.count("\n", 0, first) + 1),
        )
    if text.find(search, first + 1) >= 0:
        reason = "the search text stands several times; add text around it until it is unique"
        line = text.count("\n", 0, first)
        return NoPlace(reason=reason, current=excerpt(source.lines, line, line + 1))
    start = text.rfind("\n", 0, first) + 1
    end = text.find("\n", first + len(search))
    end = len(text) if end < 0 else end
    whole = text[start:end]
    content = edit.content.replace("\r\n", "\n")
    changed = text[start:first] + content + text[first + len(search) : end]
    at = text.count("\n", 0, start)
    lines = tuple(changed.split("\n"))
    return Place(start=at, end=at + whole.count("\n") + 1, lines=lines, kept=tuple(None for _ in lines))


def _inside_word(text: str, first: int, search: str) -> bool:
    def joined(at: int) -> bool:
        pair = text[at - 1 : at + 1] if at > 0 else ""
        return len(pair) == 2 and all(letter.isalnum() or letter == "_" for letter in pair)

    return joined(first) or joined(first + len(search))


def _spliced(source: SourceText, places: Sequence[Place]) -> SourceText:
    """The text with every place replaced. Unchanged lines keep their line ends; the last one keeps having none."""
    lines: list[str] = []
    ends: list[str] = []
    at = 0
    for place in places:
        lines.extend(source.lines[at : place.start])
        ends.extend(source.ends[at : place.start])
        replaced = source.ends[place.start : place.end]
        usual = next((end for end in replaced if end), source.end)
        for line, kept in zip(place.lines, place.kept, strict=True):
            lines.append(line)
            ends.append((source.ends[kept] if kept is not None else usual) or usual)
        at = place.end
    lines.extend(source.lines[at:])
    ends.extend(source.ends[at:])
    if ends:
        ended = bool(source.ends[-1])
        ends[-1] = (ends[-1] or source.end) if ended else ""
        ends[:-1] = [end or source.end for end in ends[:-1]]
    return SourceText(lines=tuple(lines), ends=tuple(ends), bom=source.bom)


def _guarded(change: _Change, changes: Sequence[_Change], may_shrink: Sequence[str]) -> list[Refusal]:
    """Refusals of a new text that is cut, mostly gone, malformed or too large."""
    if change.content is None:
        return []
    if len(change.content) > LARGEST_TEXT_BYTES:
        return [Refusal(path=change.path, reason=f"the text is larger than {LARGEST_TEXT_BYTES // 1024 // 1024} MiB")]
    cut = placeholder(change.path, change.old, change.new)
    if cut:
        return [Refusal(path=change.path, reason=f"it holds a placeholder instead of code; write it out: {cut[:100]}")]
    if change.path not in may_shrink and "*" not in may_shrink:
        lost, had = lost_lines(change.old, change.new, (each.new for each in changes if each is not change))
        if had >= LARGE_FILE_LINES and lost > had * LARGEST_LOSS:
            return [
                Refusal(
                    path=change.path,
                    reason=f"it would drop {lost} of {had} lines; change only what the task asks, part by part",
                )
            ]
    problem, around = syntax_problem(change.path, change.new)
    if problem and (not change.old or not syntax_problem(change.path, change.old)[0]):
        return [Refusal(path=change.path, reason=f"after the edit the file is {problem}", current=around)]
    return []
