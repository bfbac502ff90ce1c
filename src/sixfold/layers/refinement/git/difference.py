"""Reading git's machine-readable differences."""

from __future__ import annotations

import os
from typing import Literal

from sixfold.domain.code import FileStat

Status = Literal["added", "modified", "deleted", "renamed"]

_STATUS: dict[str, Status] = {"A": "added", "D": "deleted", "R": "renamed"}


def parse_changes(raw: bytes) -> tuple[FileStat, ...]:
    """Read `git diff-tree -z --raw --numstat` into one value a file, by path.

    A renamed file stands under its new name.
    """
    fields = [os.fsdecode(field) for field in raw.split(b"\0")]
    status: dict[str, Status] = {}
    stats: list[FileStat] = []
    at = 0
    while at < len(fields) and fields[at]:
        field = fields[at]
        if field.startswith(":"):
            letter = field.rsplit(" ", 1)[1][0]
            at += 3 if letter in "RC" else 2
            status[fields[at - 1]] = _STATUS.get(letter, "modified")
            continue
        added, removed, path = field.split("\t", 2)
        if path:
            at += 1
        else:  # a rename: the two names follow as fields of their own
            path = fields[at + 2]
            at += 3
        stats.append(
            FileStat(
                path=os.fsencode(path).decode(errors="replace"),
                added=0 if added == "-" else int(added),
                removed=0 if removed == "-" else int(removed),
                status=status.get(path, "modified"),
                binary=added == "-",
            )
        )
    return tuple(sorted(stats, key=lambda each: each.path))
