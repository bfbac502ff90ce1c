"""Which format a model is asked in: a table, not a habit."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from importlib import resources


def format_for(model: str) -> str:
    """The name of the edit format for a model named `PROVIDER:NAME`; `blocks` for what the table does not know."""
    for row in _table():
        if fnmatchcase(model, row["pattern"]):
            return row["format"]
    return "blocks"


def _table() -> list[Mapping[str, str]]:
    text = (resources.files(__package__) / "models.toml").read_text(encoding="utf-8")
    return list(tomllib.loads(text)["model"])
