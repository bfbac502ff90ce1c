"""What a coder of a role minds: text as data, handed over with the task that needs the role."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path


@cache
def _roles() -> tuple[tuple[re.Pattern[str], str], ...]:
    listed = tomllib.loads((Path(__file__).parent / "roles.toml").read_text(encoding="utf-8"))
    return tuple(
        (re.compile(rf"\b(?:{'|'.join(map(re.escape, role['words']))})\b", re.IGNORECASE), str(role["text"]))
        for role in listed.values()
    )


def guidance(role: str) -> str:
    """One or two lines for that role; empty for a plain coder and for roles nobody wrote about."""
    return next((text for words, text in _roles() if words.search(role)), "")
