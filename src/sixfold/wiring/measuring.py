"""What an evaluation needs: models of its own (simulated user, judge), a product's files, a place to test them in."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sixfold import recording
from sixfold.config import Settings
from sixfold.domain.code import Increment
from sixfold.domain.data import Tree
from sixfold.domain.evidence import Finding
from sixfold.domain.model import ModelReply, ModelRequest, Usage
from sixfold.domain.run import Budget
from sixfold.domain.words import Words
from sixfold.wiring.doors import state_of
from sixfold.wiring.inspecting import scanners_for
from sixfold.wiring.sandboxes import open_environments, open_sandbox
from sixfold.workflow.clock import SystemClock

if TYPE_CHECKING:
    from sixfold.domain.ports import Environments, Repository, Sandbox


@dataclass(frozen=True)
class Laboratory:
    """Where a finished product is tested from outside."""

    repository: Repository
    sandbox: Sandbox
    environments: Environments


class Accounted(Protocol):
    """A model that knows what it has cost: the ports `Model` and `CostBook` in one."""

    async def complete(self, request: ModelRequest, *, scope: str = "") -> ModelReply: ...

    def spent(self, scope: str = "") -> Usage: ...


async def open_laboratory(settings: Settings, folder: Path) -> Laboratory:
    """A repository of its own and the strongest sandbox that works here.

    Raises:
        SandboxUnavailable: nothing here gives real isolation.
    """
    from sixfold.layers.refinement.git import GitRepository

    repository = GitRepository(folder / "repository", folder / "blobs")
    cage = await open_sandbox(settings, repository)
    return Laboratory(
        repository=repository,
        sandbox=cage,
        environments=open_environments(settings),
    )


@contextlib.asynccontextmanager
async def open_models(
    models: Sequence[tuple[str, str]],
    folder: Path,
    *,
    owner: str,
    budget: Budget,
    took_s: Callable[[float], None] = lambda seconds: None,
) -> AsyncIterator[Accounted]:
    """A model cloud outside any run. Its answers are recorded in `folder`: what was paid for once is never asked again.

    Args:
        models: (role, model) pairs; role `*` is the default.
        owner: who asks, in a relay's files.
        took_s: is told of every answer how many seconds it took when it was asked for.

    Raises:
        ModelMisconfigured: no model, an unknown one, or no key for it.
    """
    from sixfold.layers.models.routing import open_cloud

    cloud = open_cloud(
        models,
        folder=folder,
        environ=os.environ,
        clock=SystemClock(),
        run=owner,
        budget=budget,
        on_call=lambda call: took_s(call.wall_s),
    )
    try:
        yield cloud
    finally:
        await cloud.aclose()


def share_answers(settings: Settings, source: str, run: str) -> None:
    """Give a run that has not begun every answer that another run got: a question both ask has one answer.

    Two flows then differ by what they do, not by how a model was disposed. What differs is asked as ever.
    """
    state = state_of(settings)
    taken = state.folder(run) / "cassette"
    taken.mkdir(exist_ok=True)
    for path in sorted((state.folder(source) / "cassette").glob("*.json")):
        if path.name != "cassette.json":  # says which model plays which role: the run's own affair
            shutil.copyfile(path, taken / path.name)


def keep_recording(settings: Settings, run: str, folder: Path) -> None:
    """Put a run's answers and decisions into a folder, anew: what `--record` would have written."""
    place = state_of(settings).folder(run)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(place / "cassette", folder)
    recording.write(recording.recording_of(state_of(settings).log(run).read()), folder)


def write_product(settings: Settings, run: str, tree: Tree, folder: Path) -> None:
    """Write a tree of a run's repository into an empty folder."""
    from sixfold.layers.refinement.git import GitRepository

    place = state_of(settings).folder(run)
    folder.mkdir(parents=True, exist_ok=True)
    GitRepository(place / "repository", place / "blobs").checkout(tree, folder)


async def scan_product(
    repository: Repository, folder: Path, brief: str
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Findings on a product's files, whoever wrote it: of the scanners the coder hears of, and of those held out.

    Args:
        repository: of the laboratory.
        folder: the product.
        brief: what the person said; a power that it asks for is no finding.

    Raises:
        ConfigurationError: a scanner is missing; absence is never shown as clean.
    """
    tree = repository.store(folder)
    scanners = scanners_for(repository, lambda: Words(person=brief))
    heard = [finding for scanner in scanners.coder for finding in await scanner.scan(tree)]
    held_out = [finding for scanner in scanners.held_out for finding in await scanner.scan(tree)]
    return tuple(heard), tuple(held_out)


def diff_text(settings: Settings, run: str, increment: Increment) -> str:
    """The unified diff of an increment, as the review shows it; empty when it changes nothing."""
    from sixfold.layers.refinement.git import GitRepository

    place = state_of(settings).folder(run)
    if increment.diff is None:
        return ""
    return GitRepository(place / "repository", place / "blobs").blob(increment.diff).decode(errors="replace")
