"""A recorded run as a value: request, options, decisions, and what came out; the cassette beside it has the answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from sixfold.domain.code import Snapshot
from sixfold.domain.data import Data, Digest, Tree, canonical, digest, from_json
from sixfold.domain.errors import ReplayDrift, StorageError
from sixfold.domain.events import Event
from sixfold.domain.requirements import Request
from sixfold.domain.run import Decision, Options, Outcome

FILE = "run.json"
SCHEMA_VERSION = 1


class Recording(Data, frozen=True, kw_only=True):
    """Everything besides the model's answers that determines a run."""

    schema_version: int = SCHEMA_VERSION
    note: str = ""
    """How the answers came about, e.g. that a live model answered through the relay."""
    request: Request
    options: Options
    snapshot: Snapshot
    decisions: tuple[Decision, ...] = ()
    tree: Tree | None = None
    """The tree that was released; None when the run did not end validated."""
    plan: Digest | None = None
    """Digest of the last plan."""


def recording_of(events: Sequence[Event], *, note: str = "") -> Recording:
    """What a run's event log says about it."""
    created = events[0].data
    ended = [event for event in events if event.kind == "run.ended"]
    plans = [event for event in events if event.kind == "plan.made"]
    return Recording(
        note=note,
        request=from_json(created["request"], Request),
        options=from_json(created["options"], Options),
        snapshot=from_json(created["snapshot"], Snapshot),
        decisions=tuple(
            from_json(event.data["decision"], Decision) for event in events if event.kind == "decision.given"
        ),
        tree=from_json(ended[-1].data["outcome"], Outcome).tree if ended else None,
        plan=digest(canonical(plans[-1].data["plan"])) if plans else None,
    )


def write(recording: Recording, folder: Path) -> None:
    """Put `run.json` beside a cassette's files, which makes the folder replayable anywhere."""
    text = msgspec.json.format(msgspec.json.encode(recording), indent=1)
    (folder / FILE).write_bytes(text + b"\n")


def read(folder: Path) -> Recording:
    """The recording in a folder.

    Raises:
        StorageError: there is none, or it is damaged.
    """
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Recording)
    except (OSError, msgspec.DecodeError) as error:
        raise StorageError(
            f"{folder} holds no readable recording", why=str(error), next="record one: sixfold build … --record DIR"
        ) from error


def differences(recorded: Recording, replayed: Recording) -> ReplayDrift | None:
    """None when the replay came out the same, else what differs."""
    found = []
    if recorded.plan != replayed.plan:
        found.append("the plan")
    if recorded.tree != replayed.tree:
        found.append(f"the tree ({recorded.tree} recorded, {replayed.tree} now)")
    if not found:
        return None
    return ReplayDrift(f"the replay differs in {' and '.join(found)}", next="compare the two reports: sixfold show RUN")
