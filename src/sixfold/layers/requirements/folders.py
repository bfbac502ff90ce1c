"""Specification folders of other tools: what a Spec Kit or Kiro folder says, and that nothing of it gets lost.

Both tools number what they require (`FR-001`; requirement 2, criterion 3). These numbers are carried through: every
stated requirement must be named by one of ours, and what an author marked as open is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from sixfold.domain.data import Data
from sixfold.domain.errors import RequestError
from sixfold.domain.requirements import Attachment

_SPEC_KIT = ("spec.md", "data-model.md", "quickstart.md", "research.md", "plan.md")
_KIRO = ("requirements.md", "design.md", "bugfix.md")
_MOST_CONTRACTS = 20
_STATED = re.compile(r"^[-*]\s+\*\*(FR-\d{1,4}|NFR-\d{1,4}|R\d{1,4})\*\*\s*:?\s*(.+)$", re.MULTILINE)
_OPEN = re.compile(r"\[NEEDS CLARIFICATION:?\s*([^\]]*)\]")
_HEADING = re.compile(r"^#{2,4}\s+Requirement\s+(\d+)\b.*$", re.MULTILINE | re.IGNORECASE)
_CRITERION = re.compile(r"^\s*(\d+)\.\s+(\S.*)$", re.MULTILINE)


class Stated(Data, frozen=True, kw_only=True):
    """One requirement that an attached specification states."""

    id: str
    """`FR-001` (Spec Kit) or `2.3` (Kiro: requirement 2, criterion 3)."""
    text: str


class Folder(Data, frozen=True, kw_only=True):
    """A specification folder, found and not yet read."""

    kind: Literal["spec-kit", "kiro"]
    title: str
    files: tuple[str, ...]
    """Absolute paths of what is read, in order. Task lists are left out: planning is done afresh."""


def open_folder(folder: Path) -> Folder:
    """The specification in a folder, in the project above it, or in the tool's own place below it.

    Raises:
        RequestError: there is none, or there are several.
    """
    places = [folder, *sorted(folder.glob("specs/*")), *sorted(folder.glob(".kiro/specs/*"))]
    found = [place for place in places if (place / "spec.md").is_file() or (place / "requirements.md").is_file()]
    if found and found[0] == folder:
        found = found[:1]
    if len(found) > 1:
        names = ", ".join(str(place.relative_to(folder)) for place in found)
        raise RequestError(f"{folder} holds several specifications", why=names, next="attach one of them")
    if not found:
        raise RequestError(
            f"{folder} holds no specification",
            why="a Spec Kit folder has spec.md, a Kiro folder requirements.md",
            next="attach single files: --attach FILE",
        )
    place = found[0]
    kind: Literal["spec-kit", "kiro"] = "spec-kit" if (place / "spec.md").is_file() else "kiro"
    known = _SPEC_KIT if kind == "spec-kit" else _KIRO
    files = [place / name for name in known if (place / name).is_file()]
    contracts = sorted(path for path in place.glob("contracts/**/*") if path.is_file())[:_MOST_CONTRACTS]
    return Folder(kind=kind, title=_title(files[0]), files=tuple(str(path) for path in (*files, *contracts)))


def stated(attachments: Iterable[Attachment]) -> tuple[Stated, ...]:
    """Every requirement that the attached specifications number, each id once."""
    found: dict[str, str] = {}
    for attachment in attachments:
        if attachment.name == "spec.md":
            for match in _STATED.finditer(attachment.text):
                found.setdefault(match.group(1), " ".join(match.group(2).split()))
        elif attachment.name == "requirements.md":
            for id, text in _criteria(attachment.text):
                found.setdefault(id, text)
    return tuple(Stated(id=id, text=text) for id, text in found.items())


def marked_open(attachments: Iterable[Attachment]) -> tuple[str, ...]:
    """What the author of an attached specification marked as still to be clarified."""
    texts = [item.text for item in attachments if item.name in (*_SPEC_KIT, *_KIRO)]
    return tuple(dict.fromkeys(" ".join(found.split()) for text in texts for found in _OPEN.findall(text) if found))


def unserved(required: Iterable[Stated], sentences: Iterable[str]) -> tuple[str, ...]:
    """Ids of stated requirements that no sentence names in brackets."""
    said = "\n".join(sentences)
    return tuple(item.id for item in required if not re.search(rf"(?<![\w.-]){re.escape(item.id)}(?![\w-]|\.\d)", said))


def _criteria(text: str) -> list[tuple[str, str]]:
    """Kiro's acceptance criteria as `requirement.criterion`."""
    headings = list(_HEADING.finditer(text))
    found = []
    for place, heading in enumerate(headings):
        end = headings[place + 1].start() if place + 1 < len(headings) else len(text)
        for match in _CRITERION.finditer(text, heading.end(), end):
            found.append((f"{heading.group(1)}.{match.group(1)}", " ".join(match.group(2).split())))
    return found


def _title(path: Path) -> str:
    try:
        head = path.read_text(encoding="utf-8", errors="replace")[:4000]
    except OSError as error:
        raise RequestError(f"cannot read {path}", why=error.strerror or str(error)) from error
    first = next((line.lstrip("# ").strip() for line in head.splitlines() if line.startswith("# ")), "")
    title = re.sub(r"^(?:Feature Specification|Requirements Document)\s*:?\s*", "", first).strip()
    if title:
        return title
    told = (line.strip() for line in head.splitlines() if line.strip() and not line.startswith(("#", "*", "-")))
    return next(told, path.parent.name)[:200]
