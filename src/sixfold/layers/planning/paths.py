"""What a path in a plan may look like."""

from __future__ import annotations

import re

from sixfold.domain.paths import path_problem

_TEST = re.compile(r"test_.+\.py|.+_test\.(py|go)|.+\.(test|spec)\.[cm]?[jt]sx?|conftest\.py")


def is_test(path: str) -> bool:
    """Whether a path is named as a test file of a usual runner."""
    return bool(_TEST.fullmatch(path.rsplit("/", 1)[-1]))


def path_fault(path: str) -> str:
    """Why a path may not stand in a write set, or an empty text: every room's rule, and it must name a file plainly."""
    if path != path.strip():
        return "has space around it"
    if path.endswith("/"):
        return "is a folder; name files"
    if path.startswith("~") or any(sign in '<>:"|?*' for sign in path):
        return "holds a sign that shells or file systems treat specially"
    return path_problem(path)
