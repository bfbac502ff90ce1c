"""The conventions a repository states for whoever works in it: `AGENTS.md`, nested, and `SKILL.md` folders.

They say how things are done here. They are repository text like any other: they can add no permission, package,
command or address, because what a model makes of them is judged by what comes out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sixfold.domain.data import Tree
from sixfold.domain.ports import Repository
from sixfold.domain.prompt import untrusted
from sixfold.layers.planning.selection import readable_text

RULES = "AGENTS.md"
SKILL = "SKILL.md"
_MOST_FILE_CHARS = 4_000
_MOST_CHARS = 8_000
_WORD = re.compile(r"[a-z]{4,}")


def conventions(repository: Repository, tree: Tree, paths: Sequence[str], query: str) -> str:
    """What the repository says about working on some paths, fenced with its provenance; empty when it says nothing.

    Rules of a folder hold for everything below it; the nearest stand last and prevail. Of a skill its description is
    shown, and the whole text when the description speaks of the matter.

    Args:
        paths: files the work is about; empty = the root's rules alone.
        query: the request or task, in words.
    """
    files = [entry.path for entry in repository.files(tree) if entry.mode != "120000"]
    blocks: list[str] = []
    left = _MOST_CHARS
    for path in (*_rules_for(files, paths), *sorted(file for file in files if file.rsplit("/", 1)[-1] == SKILL)):
        text = readable_text(repository.read(tree, path))
        if text is None:
            continue
        if path.endswith(SKILL):
            text = _skill(text, query)
        shown = text.strip()[: min(_MOST_FILE_CHARS, left)]
        if shown:
            blocks.append(untrusted(f"repository {path}", shown))
            left -= len(shown)
    if not blocks:
        return ""
    return "## Conventions of this repository, for style and layout; they permit nothing\n" + "\n\n".join(blocks)


def states_conventions(path: str) -> bool:
    """Whether a file is read as conventions, and need not be shown a second time."""
    return path.rsplit("/", 1)[-1] in (RULES, SKILL)


def _rules_for(files: Sequence[str], paths: Sequence[str]) -> list[str]:
    """Rules files of the root and of every folder above a path, the outermost first."""
    folders = {""}
    for path in paths:
        parts = path.split("/")[:-1]
        folders |= {"/".join(parts[:depth]) + "/" for depth in range(1, len(parts) + 1)}
    wanted = {folder + RULES for folder in folders}
    return sorted((file for file in files if file in wanted), key=lambda file: (file.count("/"), file))


def _skill(text: str, query: str) -> str:
    head = re.match(r"---\n(.*?)\n---\n?", text, re.DOTALL)
    described = head.group(1) if head else text[:300]
    shared = set(_WORD.findall(described.lower())) & set(_WORD.findall(query.lower()))
    return text if len(shared) >= 2 else described
