"""Real sandboxes over plain folders."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from plain_folders import Attacker, Folders, Opener

from sixfold.domain.data import digest, to_json
from sixfold.domain.ports import Environment, Workspace
from sixfold.domain.requirements import Specification
from sixfold.layers.testing.boundaries import steps_of
from sixfold.layers.testing.environments import UvEnvironments
from sixfold.layers.testing.exploits.attacks import WALL_S, Attacked, attack_product
from sixfold.layers.testing.exploits.pace import MOST
from sixfold.layers.testing.runner import Product
from sixfold.layers.testing.sandbox.bubblewrap import Bubblewrap
from sixfold.layers.testing.sandbox.sandlock import Sandlock


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What attacks may take on a busy machine, and as long again as anything else; a test's own mark comes first."""
    for item in items:
        if "attacked" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(WALL_S * MOST + 300))


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


@pytest.fixture
def attacked(folders: Folders, sandbox: Bubblewrap | Sandlock, environment: Environment) -> Attacker:
    """What the attacks prove of a product of these files that a specification describes."""

    async def attack(
        files: Mapping[str, str], specification: Specification, wall_s: float = WALL_S, until: str = ""
    ) -> Attacked:
        entries = tuple(to_json(entry) for entry in specification.entries)
        sources = {path: text.encode() for path, text in files.items()}
        async with sandbox.open(folders.add(files), environment=environment) as workspace:
            product = Product(entries=entries, path=(".",))
            steps = steps_of(specification)
            return await attack_product(workspace, product, specification, sources, steps, wall_s=wall_s, until=until)

    return attack
