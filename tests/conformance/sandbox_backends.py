"""Every backend that holds on this machine, opened on trees kept in memory."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sixfold.domain.data import Tree
from sixfold.domain.evidence import ExecResult, Limits
from sixfold.layers.testing.sandbox import Backend, Bubblewrap, Sandlock
from sixfold.layers.testing.sandbox.container import Container

CONTAINERS = ("podman", "docker", "docker-remote")
NAMES = (
    *("bubblewrap", "sandlock+namespaces", "sandlock"),
    *(pytest.param(name, marks=pytest.mark.slow) for name in CONTAINERS),
)

IMAGE = os.environ.get("SIXFOLD_SANDBOX_IMAGE", "")
"""For the daemon of another machine, which has no folder of ours to mount."""


class Trees:
    """A stand-in for the repository: trees are dictionaries of files."""

    def __init__(self) -> None:
        self.kept: dict[Tree, dict[str, bytes]] = {}

    def add(self, files: dict[str, bytes]) -> Tree:
        """Keep files and name them."""
        name = Tree(f"{len(self.kept):040x}")
        self.kept[name] = files
        return name

    def checkout(self, tree: Tree, folder: Path) -> None:
        """Write a tree's files."""
        for path, content in self.kept[tree].items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)

    def store(self, folder: Path) -> Tree:
        """Read a folder, links as their target text."""
        files = {}
        for path in sorted(folder.rglob("*")):
            if path.is_symlink():
                files[str(path.relative_to(folder))] = os.readlink(path).encode()
            elif path.is_file():
                files[str(path.relative_to(folder))] = path.read_bytes()
        return self.add(files)


@functools.cache
def unusable() -> dict[str, str]:
    """Why each backend does not hold here; empty text when it does. Asked once a session, in a process of its own."""
    script = (
        "import asyncio, json, os, pathlib, sys\n"
        "from sixfold.layers.testing.sandbox import describe\n"
        "rows = asyncio.run(describe(pathlib.Path(sys.argv[1]), image=sys.argv[2], settings=os.environ))\n"
        "print(json.dumps({row.name: '' if row.usable else row.why or 'unusable' for row in rows}))\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", script, folder, IMAGE], capture_output=True, text=True, check=True, timeout=300
        )
    return dict(json.loads(done.stdout))


def make(name: str, trees: Trees, scratch: Path) -> Backend:
    """The backend of that name, or a skip that says why not."""
    why = unusable().get(name, "not for this system")
    if why:
        pytest.skip(f"{name} does not hold here: {why}")
    if name == "bubblewrap":
        return Bubblewrap(trees.checkout, trees.store, scratch)
    if name in CONTAINERS:
        return Container(trees.checkout, trees.store, scratch, kind=name, image=IMAGE, settings=os.environ)
    return Sandlock(trees.checkout, trees.store, scratch, namespaces=name != "sandlock")


def bare(program: str, *words: str) -> str:
    """The positive control: the same program without any sandbox; what it printed."""
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr


async def python_in(sandbox: Backend, source: str, *arguments: str, limits: Limits = Limits()) -> ExecResult:
    """What a Python program does in a fresh sandbox without any files."""
    async with sandbox.open(None) as workspace:  # type: ignore[arg-type]  # an empty copy is enough
        return await workspace.exec(["python", "-c", source, *arguments], limits=limits)
