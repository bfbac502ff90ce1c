"""Real sandboxes over plain folders."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from plain_folders import Folders, Opener

from sixfold.domain.data import digest
from sixfold.domain.ports import Environment, Workspace
from sixfold.layers.testing.environments import UvEnvironments
from sixfold.layers.testing.sandbox.bubblewrap import Bubblewrap
from sixfold.layers.testing.sandbox.sandlock import Sandlock


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "trees")


@pytest.fixture
def environment() -> Environment:
    """The environment the tests run in: it holds pytest."""
    return Environment(python=sys.executable, folders=(sys.prefix,), digest=digest(sys.prefix))


@pytest.fixture
async def toolchain() -> Environment:
    """The environment that products really get: made by uv from the hash-locked list, pip and setuptools in it."""
    return await UvEnvironments(Path(os.environ["SIXFOLD_ENVIRONMENTS"]), os.environ).prepare()


@pytest.fixture
def sandbox(folders: Folders, tmp_path: Path) -> Bubblewrap | Sandlock:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    if shutil.which("bwrap"):
        return Bubblewrap(folders.checkout, folders.store, scratch)
    return Sandlock(folders.checkout, folders.store, scratch, namespaces=False)


@pytest.fixture
async def workspace(
    folders: Folders, sandbox: Bubblewrap | Sandlock, environment: Environment
) -> AsyncIterator[Opener]:
    """Open a workspace holding the given files."""
    async with AsyncExitStack() as stack:

        async def open_on(files: Mapping[str, str]) -> Workspace:
            return await stack.enter_async_context(sandbox.open(folders.add(files), environment=environment))

        yield open_on
