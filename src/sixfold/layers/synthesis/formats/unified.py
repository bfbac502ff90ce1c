"""Unified diffs, for models trained on them. Line numbers are not believed: a hunk is found by its own lines."""

from __future__ import annotations

import re

from sixfold.domain.code import Edit, Patch
from sixfold.domain.replies import Unreadable
from sixfold.layers.synthesis.formats.format import EditFormat

INSTRUCTION = """\
Answer with one unified diff against the files as shown: `--- a/path`, `+++ b/path`, `@@` hunks with three lines of
context. New file: `--- /dev/null`. Deleted file: `+++ /dev/null`. Never abbreviate.
"""

_FENCE = re.compile(r"^\s{0,3}```[\w-]*\s*$")
_EXTENDED = ("diff ", "index ", "new file mode", "deleted file mode", "old mode", "new mode", "similarity ")


def parse(text: str) -> Patch:
    """Read an answer.

    Raises:
        Unreadable: no diff, or a hunk that cannot be found by its lines; says which.
    """
    lines = [line for line in text.replace("\r\n", "\n").split("\n") if not _FENCE.match(line)]
    heads = [
        number
        for number in range(len(lines) - 1)
        if lines[number].startswith("--- ") and lines[number + 1].startswith("+++ ")
    ]
    if not heads:
        raise Unreadable("the answer holds no unified diff (`--- a/path` followed by `+++ b/path`)")
    if any(line.startswith(("rename from ", "copy from ", "GIT binary patch")) for line in lines):
        raise Unreadable("renames, copies and binary patches are not read: delete the old file and add the new one")
    edits: list[Edit] = []
    for head, end in zip(heads, [*heads[1:], len(lines)], strict=True):
        edits.extend(_file(_name(lines[head]), _name(lines[head + 1]), lines[head + 2 : end]))
    note = " ".join(line.strip() for line in lines[: heads[0]] if line.strip() and not line.startswith(_EXTENDED))
    return Patch(edits=tuple(edits), note=note)


def _name(line: str) -> str:
    name = line[4:].split("\t")[0].strip().strip('"')
    return name[2:] if name.startswith(("a/", "b/")) else name


def _file(old: str, new: str, lines: list[str]) -> list[Edit]:
    if new == "/dev/null":
        return [Edit(path=old, kind="delete")]
    if old not in ("/dev/null", new):
        raise Unreadable(f"{old} → {new}: renames are not read: delete the old file and add the new one")
    edits = []
    for hunk in _hunks(new, lines):
        before = "".join(f"{line[1:]}\n" for line in hunk if line[0] in " -")
        after = "".join(f"{line[1:]}\n" for line in hunk if line[0] in " +")
        if old == "/dev/null":
            if before:
                raise Unreadable(f"{new}: a new file's diff holds lines that are not additions")
            return [Edit(path=new, kind="write", content=after)]
        if not before:
            raise Unreadable(f"{new}: a hunk without context cannot be placed; give the lines around it")
        if before != after:
            edits.append(Edit(path=new, kind="replace", search=before, content=after))
    if not edits:
        raise Unreadable(f"{new}: the diff changes nothing")
    return edits


def _hunks(path: str, lines: list[str]) -> list[list[str]]:
    hunks: list[list[str]] = []
    for line in lines:
        if line.startswith("@@"):
            hunks.append([])
        elif line.startswith("\\") or line.startswith(_EXTENDED):
            continue
        elif not hunks:
            if line.strip():
                raise Unreadable(f"{path}: expected `@@`, found: {line.strip()[:80]}")
        elif line == "":
            hunks[-1].append(" ")  # an empty context line whose only space was lost
        elif line[0] in " +-":
            hunks[-1].append(line)
        else:
            raise Unreadable(f"{path}: a hunk's line begins with neither space, + nor -: {line[:80]}")
    for hunk in hunks:
        while hunk and hunk[-1] == " ":  # blank lines between hunks and files belong to none
            hunk.pop()
    return [hunk for hunk in hunks if hunk]


UNIFIED = EditFormat(name="unified", instruction=INSTRUCTION, parse=parse)
