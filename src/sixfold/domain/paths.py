"""Which file names may ever stand in a tree that a model or a repository writes. One rule for every room."""

from __future__ import annotations

import re
import unicodedata

LONGEST_PATH_BYTES = 1024
"""Longest path, in UTF-8 bytes."""
LONGEST_NAME_BYTES = 255
"""Longest single name, in UTF-8 bytes: the limit of every common file system."""

# Code points that HFS+ ignores in names (git's own list): `.g\u200cit` opens `.git` there.
_IGNORABLE = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_DRIVE = re.compile(r"^[A-Za-z]:")
_GIT_FOLDER = re.compile(r"^(\.git|git~[0-9]+)$")


def path_problem(path: str) -> str:
    """Why a relative path may not be written, as one short clause; empty when it may.

    Refused are names that could leave the tree, reach git's own folder under any file system's spelling
    (`.GIT`, `git~1`, `.git::$INDEX_ALLOCATION`, `.git.`), or mean something else on another system.
    """
    if not path:
        return "the path is empty"
    try:
        raw = path.encode()
    except UnicodeEncodeError:
        return "the path is not valid Unicode"
    if len(raw) > LONGEST_PATH_BYTES:
        return f"the path is longer than {LONGEST_PATH_BYTES} bytes"
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in path):
        return "the path holds a control character"
    if "\\" in path:
        return "the path holds a backslash; folders are separated by /"
    if path.startswith("/") or _DRIVE.match(path):
        return "the path is absolute; it must be relative to the project"
    for name in path.split("/"):
        problem = _name_problem(name)
        if problem:
            return problem
    return ""


def _name_problem(name: str) -> str:
    if name == "":
        return "the path holds an empty folder name"
    if name in (".", ".."):
        return f"the path holds `{name}`"
    if len(name.encode()) > LONGEST_NAME_BYTES:
        return f"a name in the path is longer than {LONGEST_NAME_BYTES} bytes"
    spelled = _IGNORABLE.sub("", name).casefold().split(":")[0].rstrip(". ")
    if _GIT_FOLDER.match(spelled):
        return "the path names git's own folder"
    if name.endswith((" ", ".")):
        return "a name in the path ends in a space or a dot"
    return ""


def same_on_some_disk(path: str) -> str:
    """The form in which two paths that one file system takes for the same are equal (case, Unicode composition)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
