"""Files that need more than a model's wish: those that make machines run something, and those that stood before."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from sixfold.domain.code import Edit
from sixfold.domain.paths import same_on_some_disk

PROTECTED = (
    ".git",
    ".github",
    ".gitlab-ci.yml",
    ".gitlab",
    ".circleci",
    ".buildkite",
    ".travis.yml",
    ".ci",
    "Jenkinsfile",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    ".husky",
    ".githooks",
    ".pre-commit-config.yaml",
    ".gitmodules",
    ".gitattributes",
    ".envrc",
    ".vscode",
    ".idea",
    ".devcontainer",
    ".sixfold",
    "sixfold.toml",
)
"""Files and folders that make other people's machines run something: written only by a task that owns them by name."""
STARTED_BY_TOOLS = (
    "conftest.py",
    "setup.py",
    "sitecustomize.py",
    "usercustomize.py",
    "noxfile.py",
    "tasks.py",
    "Makefile",
    "GNUmakefile",
    "justfile",
    "Dockerfile",
    "docker-compose.yml",
    "compose.yaml",
    "gulpfile.js",
    "postinstall.js",
)
"""Names that install, test or build tools run without being asked: in a repository that existed before, a task that
owns no files touches them only when the person named them."""


def unasked(path: str, edits: Sequence[Edit], standing: Collection[str], words: str) -> str:
    """Why an author who owns no files may not do that to a repository that existed before; empty when they may."""
    name = path.rsplit("/", 1)[-1]
    stem = name.lstrip(".").partition(".")[0] or name
    if not standing or re.search(rf"(?<![\w-])(?:{re.escape(name)}|{re.escape(stem)})(?![\w-])", words, re.IGNORECASE):
        return ""
    if path in standing and any(edit.kind == "delete" for edit in edits):
        return "nobody asked to delete it; the request has to name it"
    if name in STARTED_BY_TOOLS or name.endswith(".pth"):
        return "tools run it by themselves; the request has to name it"
    return ""


def within(path: str, names: Sequence[str]) -> bool:
    """Whether a path is one of the names, or lies in a folder given as `name/`."""
    form = same_on_some_disk(path)
    return any(
        form.startswith(same_on_some_disk(name)) if name.endswith("/") else form == same_on_some_disk(name)
        for name in names
    )
