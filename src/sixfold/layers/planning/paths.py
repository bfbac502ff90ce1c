"""What a path in a plan may look like."""

from __future__ import annotations

import re

_TEST = re.compile(r"test_.+\.py|.+_test\.(py|go)|.+\.(test|spec)\.[cm]?[jt]sx?|conftest\.py")


def is_test(path: str) -> bool:
    """Whether a path is named as a test file of a usual runner."""
    return bool(_TEST.fullmatch(path.rsplit("/", 1)[-1]))


def path_fault(path: str) -> str:
    """Why a path may not be written, or an empty text. Legal: relative, `/`-separated, inside the tree, a file's."""
    if not path or path != path.strip():
        return "is empty or has space around it"
    if any(ord(sign) < 32 or sign in '\\<>:"|?*' for sign in path):
        return "holds a sign that file systems refuse"
    if path.startswith(("/", "~")):
        return "is not relative"
    parts = path.split("/")
    if path.endswith("/"):
        return "is a folder; name files"
    if any(part in ("", ".", "..") for part in parts):
        return "leaves the tree or is not in its simplest form"
    if any(part.casefold() == ".git" for part in parts):
        return "lies in git's own folder"
    return ""


def overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two write sets could touch the same file. An empty set may write anywhere, so it overlaps everything."""
    if not one or not other:
        return True
    folded = {path.casefold() for path in other}
    return any(path.casefold() in folded for path in one) or any(
        _inside(a, b) or _inside(b, a) for a in one for b in other
    )


def _inside(path: str, folder: str) -> bool:
    return path.casefold().startswith(folder.casefold() + "/")
