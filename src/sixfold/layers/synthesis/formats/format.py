"""What an edit format is: a name, the words that ask for it, and a reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sixfold.domain.code import Patch


@dataclass(frozen=True, kw_only=True)
class EditFormat:
    """One way for a model to write a patch. Formats are data: a model is asked in one and read in the same."""

    name: str
    instruction: str
    """Goes into the prompt as it stands; short, because every call pays for it."""
    parse: Callable[[str], Patch]
    """Raises `domain.replies.Unreadable` with one line for the model."""
