"""Decisions, apply and undo: what a person does to a run from any door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sixfold.config import Settings
from sixfold.domain import revising
from sixfold.domain.code import Preview, Snapshot
from sixfold.domain.data import Tree, from_json
from sixfold.domain.errors import (
    RepositoryError,
)
from sixfold.domain.events import Event
from sixfold.domain.fold import fold
from sixfold.domain.run import Decision, Outcome
from sixfold.domain.view import RunView
from sixfold.wiring.doors import state_of, who
from sixfold.workflow.log import EventLog

if TYPE_CHECKING:
    from sixfold.layers.refinement.git import GitRepository


def decide(settings: Settings, run: str, decision: Decision) -> Event:
    """Write a person's decision into the run's log; a process that drives the run sees it at once.

    A decision about the ledger that comes when the specification is already written becomes a revision; it takes an
    offered release back, since that was built on something else.
    """
    return write_decision(state_of(settings).log(run), decision)


def write_decision(log: EventLog, decision: Decision) -> Event:
    """`decide` for whoever holds the log already."""
    events = log.read()
    view = fold(events)
    if _revises(view, decision):
        decision = revising.as_revision(decision, events)
    written = log.append("decision.given", f"decision:{decision.subject}", {"decision": decision}, who=decision.who)
    if revising.revision_of(decision.subject) is not None:
        view = fold(log.read())
        if view.offer is not None and view.offer.subject in view.open_subjects:
            back = revising.taken_back(view.offer.subject, decision)
            log.append("decision.given", f"decision:{back.subject}", {"decision": back}, who=back.who)
    return written


def _revises(view: RunView, decision: Decision) -> bool:
    kind, _, name = decision.subject.partition(":")
    written = view.specification is not None and bool(view.specification.requirements)
    if kind in ("assumption", "requirement"):
        return written
    question = view.question(name) if kind == "question" else None
    return written and question is not None and question.status != "open"


def apply(settings: Settings, run: str) -> tuple[str, ...]:
    """Bring a validated branch into the user's folder; returns the changed paths.

    Raises:
        RepositoryError: nothing validated yet, or it cannot be applied cleanly; nothing was changed.
    """
    from sixfold.layers.refinement.git import GitCheckout

    folder, snapshot, outcome, log = _result(settings, run)
    files = GitCheckout(state_of(settings).folder(run) / "repository").apply(
        folder, outcome.branch, outcome.commit, snapshot
    )
    times = sum(1 for event in log.read() if event.kind == "result.applied") + 1
    data = {"folder": str(folder), "commit": outcome.commit, "files": files}
    log.append("result.applied", f"applied:{times}", data, who=who())
    return files


def contents(settings: Settings, run: str, tree: Tree, paths: Sequence[str]) -> dict[str, bytes]:
    """Files of a tree of the run; those that are not there are left out."""
    repository = _repository(settings, run)
    return {path: content for path in paths if (content := repository.read(tree, path)) is not None}


def edited(settings: Settings, run: str, tree: Tree, changes: Mapping[str, bytes | None]) -> Tree:
    """The tree with a person's changes, kept in the run's repository.

    Raises:
        RepositoryError: a path leaves the tree.
    """
    return _repository(settings, run).write(tree, changes)


def _repository(settings: Settings, run: str) -> GitRepository:
    from sixfold.layers.refinement.git import GitRepository

    folder = state_of(settings).folder(run)
    return GitRepository(folder / "repository", folder / "blobs")


def preview(settings: Settings, run: str) -> Preview:
    """What `apply` would change or be refused for; nothing is written.

    Raises:
        RepositoryError: nothing validated yet, or the folder cannot be read.
    """
    from sixfold.layers.refinement.git import GitCheckout

    folder, snapshot, outcome, _ = _result(settings, run)
    checkout = GitCheckout(state_of(settings).folder(run) / "repository")
    return checkout.preview(folder, outcome.commit, snapshot)


def undo(settings: Settings, run: str) -> tuple[str, ...]:
    """Take an applied result back; returns the restored paths.

    Raises:
        RepositoryError: it is not applied, or its files were edited since; nothing was changed.
    """
    from sixfold.layers.refinement.git import GitCheckout

    folder, snapshot, outcome, log = _result(settings, run)
    times = [event.kind for event in log.read() if event.kind in ("result.applied", "result.undone")]
    if not times or times[-1] != "result.applied":
        raise RepositoryError(f"{run} is not applied, so there is nothing to undo", next=f"sixfold apply {run}")
    files = GitCheckout(state_of(settings).folder(run) / "repository").undo(
        folder, outcome.branch, outcome.commit, snapshot
    )
    data = {"folder": str(folder), "files": files}
    log.append("result.undone", f"undone:{times.count('result.undone') + 1}", data, who=who())
    return files


def _result(settings: Settings, run: str) -> tuple[Path, Snapshot, Outcome, EventLog]:
    log = state_of(settings).log(run)
    events = log.sound()
    ended = next((event for event in events if event.kind == "run.ended"), None)
    outcome = from_json(ended.data["outcome"], Outcome) if ended else None
    if outcome is None or outcome.status != "validated":
        raise RepositoryError(f"{run} has no validated branch", next=f"see how it stands: sixfold show {run}")
    created = events[0].data
    return Path(created["folder"]), from_json(created["snapshot"], Snapshot), outcome, log
