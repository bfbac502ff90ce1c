"""What is enforced and reachable here, and single commands in the sandbox."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sixfold import __version__
from sixfold.config import Settings
from sixfold.domain.data import Data, Tree
from sixfold.domain.errors import ModelMisconfigured
from sixfold.domain.evidence import ExecResult, Limits
from sixfold.wiring.sandboxes import open_environments, open_sandbox
from sixfold.wiring.starting import check_models


async def _sandbox_run(settings: Settings, folder: Path, argv: Sequence[str], limits: Limits) -> ExecResult:
    from sixfold.layers.refinement.git import GitRepository

    place = settings.home / "try"
    repository = GitRepository(place / "repository", place / "blobs")
    tree: Tree = repository.store(folder)
    cage = await open_sandbox(settings, repository)
    async with cage.open(tree) as workspace:
        return await workspace.exec(argv, limits=limits)


def sandbox_run(settings: Settings, folder: Path, argv: Sequence[str], timeout_s: float | None = None) -> ExecResult:
    """Run a command of the person's own in the sandbox, on a copy of a folder.

    Raises:
        SandboxUnavailable: nothing here gives real isolation.
    """
    limits = Limits() if timeout_s is None else Limits(wall_s=timeout_s)
    return asyncio.run(_sandbox_run(settings, folder, argv, limits))


class Row(Data, frozen=True, kw_only=True):
    """One line of `sixfold doctor`."""

    what: str
    state: Literal["ok", "missing", "note"]
    detail: str


def doctor(settings: Settings) -> tuple[Row, ...]:
    """What is enforced and reachable here, found out by trying it."""
    rows = [
        Row(what="sixfold", state="ok", detail=f"{__version__}, Python {platform.python_version()}"),
        _git_row(),
        _state_row(settings),
        *asyncio.run(_sandbox_rows(settings)),
        _model_row(settings),
    ]
    return tuple(rows)


def _git_row() -> Row:
    git = shutil.which("git")
    if git is None:
        return Row(what="git", state="missing", detail="install git: every run works in a repository of its own")
    version = subprocess.run([git, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    return Row(what="git", state="ok", detail=version)


def _state_row(settings: Settings) -> Row:
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        free_gib = shutil.disk_usage(settings.home).free / 2**30
    except OSError as error:
        return Row(what="state folder", state="missing", detail=f"{settings.home}: {error.strerror}")
    return Row(what="state folder", state="ok", detail=f"{settings.home}, {free_gib:.1f} GiB free")


async def _sandbox_rows(settings: Settings) -> list[Row]:
    from sixfold.layers.testing import sandbox

    rows = []
    for tried in await sandbox.describe(settings.home / "scratch", image=settings.sandbox_image, settings=os.environ):
        name = f"sandbox {tried.name}"
        rows.append(Row(what=name, state="ok" if tried.usable else "missing", detail=tried.why or "holds here"))
        rows += [
            Row(
                what=f"  {each.what}",
                state="ok" if each.strength != "none" else "note",
                detail=f"{each.strength}: {each.how}",
            )
            for each in tried.enforced
        ]
    return rows


def _model_row(settings: Settings) -> Row:
    options = settings.options()
    try:
        check_models(options, os.environ)
    except ModelMisconfigured as error:
        return Row(what="model", state="missing", detail=f"{error.what}; see: sixfold build --help")
    return Row(what="model", state="ok", detail=", ".join(f"{role}={name}" for role, name in options.models))


def models(settings: Settings) -> Sequence[object]:
    """Known models with price, context and source."""
    from sixfold.layers.models import catalog

    return catalog.known()


def prepare_toolchain(settings: Settings) -> Row:
    """Build the sandbox's toolchain now, so that the first run need not; quick when it is there already."""
    environment = asyncio.run(open_environments(settings).prepare())
    return Row(what="toolchain", state="ok", detail=f"{len(environment.packages)} packages, {environment.python}")
