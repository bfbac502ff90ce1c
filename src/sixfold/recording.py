"""A recorded run as a value: request, options, decisions and what came out. The answers lie in the cassette beside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from sixfold.domain.code import Snapshot
from sixfold.domain.data import Data, Digest, Json, Tree, canonical, digest, from_json
from sixfold.domain.errors import ReplayDrift, StorageError
from sixfold.domain.events import Event
from sixfold.domain.requirements import Request
from sixfold.domain.run import Decision, Options, Outcome

FILE = "run.json"
SCHEMA_VERSION = 1

_ABOUT_THE_DRIVING = frozenset(
    {"run.created", "run.waiting", "run.paused", "run.resumed", "run.forecast", "report.written"}
    | {"result.applied", "result.undone"}
)
"""Kinds that say how, where and when a run was driven, not what was done."""

_VOLATILE = frozenset(
    {"wall_s", "cpu_s", "replayed", "output", "commit", "branch", "folder", "usage", "turn", "coverage"}
)
"""Fields that time, the machine or the run's name may change. A commit's id holds its time; its tree is compared.
What was paid depends on crashes and forks, which line of a waiting thread ran on its timing."""

_MOST_SHOWN = 5


class Recording(Data, frozen=True, kw_only=True):
    """Everything besides the model's answers that determines a run."""

    schema_version: int = SCHEMA_VERSION
    note: str = ""
    """How the answers came about, e.g. that a live model answered through the relay."""
    request: Request
    options: Options
    snapshot: Snapshot
    decisions: tuple[Decision, ...] = ()
    order: tuple[str, ...] = ()
    """Children in the order in which their parent took their results."""
    edits: tuple[tuple[str, int], ...] = ()
    """(subject of a human edit of the plan, at which look the run took it up)."""
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
        order=order_of(events),
        edits=tuple(
            (str(event.data["edit"]), int(event.data["turn"]))
            for event in events
            if event.kind in ("plan.made", "plan.refused") and event.data.get("edit")
        ),
        tree=from_json(ended[-1].data["outcome"], Outcome).tree if ended else None,
        plan=plan_digest(plans[-1].data["plan"]) if plans else None,
    )


def plan_digest(plan: Json) -> Digest:
    """The digest by which recordings know a plan: it counts two settings of a task that plans no longer have."""
    first = {"model": "", "budget_tokens": None}
    return digest(canonical({**plan, "tasks": [{**first, **task} for task in plan["tasks"]]}))


def order_of(events: Sequence[Event]) -> tuple[str, ...]:
    """Children in the order in which their results were taken; runs of older versions noted the ends of tasks only."""
    returned = tuple(str(event.data["child"]) for event in events if event.kind == "task.returned")
    return returned or tuple(str(event.data["task"]) for event in events if event.kind == "task.ended")


def decision_data(decision: Decision, edits: Sequence[tuple[str, int]]) -> dict[str, object]:
    """The data of a `decision.given`; an edit of the plan says at which look it is to be taken up again."""
    turn = dict(edits).get(decision.subject)
    return {"decision": decision} if turn is None else {"decision": decision, "turn": turn}


def write(recording: Recording, folder: Path) -> None:
    """Put `run.json` beside a cassette's files, which makes the folder replayable anywhere."""
    text = msgspec.json.format(msgspec.json.encode(recording), indent=1)
    (folder / FILE).write_bytes(text + b"\n")


def read(folder: Path) -> Recording:
    """The recording in a folder.

    Raises:
        StorageError: there is none, it is damaged, or a newer Sixfold wrote it.
    """
    try:
        recording = msgspec.json.decode((folder / FILE).read_bytes(), type=Recording)
    except (OSError, msgspec.DecodeError) as error:
        raise StorageError(
            f"{folder} holds no readable recording", why=str(error), next="record one: sixfold build … --record DIR"
        ) from error
    if recording.schema_version > SCHEMA_VERSION:
        raise StorageError(
            f"{folder} was recorded by a newer Sixfold",
            why=f"its schema is {recording.schema_version}, this one knows {SCHEMA_VERSION}",
            next="upgrade Sixfold to replay it",
        )
    return recording


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


def event_differences(
    recorded: Sequence[Event], replayed: Sequence[Event], runs: tuple[str, str]
) -> ReplayDrift | None:
    """None when two logs tell the same story up to times and names of runs, else its first differences.

    Steps side by side may be logged in another order, so events are matched by their keys.

    Args:
        runs: the ids of the recorded and the replayed run, which some keys and texts hold.
    """
    before, now = story(recorded, runs[0]), story(replayed, runs[1])
    lines = []
    for key in sorted(before.keys() | now.keys()):
        if key not in now:
            lines.append(f"- {key}: recorded, and not there now")
        elif key not in before:
            lines.append(f"+ {key}: new, not recorded")
        else:
            lines += [f"! {key} {line}" for line in _unequal(before[key], now[key], "")]
    if not lines:
        return None
    more = len(lines) - _MOST_SHOWN
    shown = [*lines[:_MOST_SHOWN], *([f"… {more} more"] if more > 0 else [])]
    return ReplayDrift(
        f"the replay differs from the recording in {len(lines)} place{'s' if len(lines) > 1 else ''}",
        difference="\n".join(shown),
        why=lines[0][2:],
        next=f"compare them: sixfold show --compare {runs[0]} {runs[1]}",
    )


def story(events: Sequence[Event], run: str) -> dict[str, Json]:
    """`kind key` → data of every event that says what was done, without times and with `RUN` for the run's id."""
    return {
        f"{event.kind} {event.key.replace(run, 'RUN')}": _steady(event.data, run)
        for event in events
        if event.kind not in _ABOUT_THE_DRIVING
    }


def _steady(value: Json, run: str) -> Json:
    if isinstance(value, dict):
        return {name: _steady(item, run) for name, item in value.items() if name not in _VOLATILE}
    if isinstance(value, list):
        return [_steady(item, run) for item in value]
    return value.replace(run, "RUN") if isinstance(value, str) else value


def _unequal(before: Json, now: Json, path: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted(before.keys() | now.keys()):
            if (name not in before and not now[name]) or (name not in now and not before[name]):
                continue  # a field that only one of the two versions knows, and that says nothing here
            yield from _unequal(before.get(name), now.get(name), f"{path}.{name}" if path else name)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for place, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from _unequal(one, other, f"{path}[{place}]")
    elif before != now:
        yield f"{path}: {_short(before)} recorded, {_short(now)} now"


def _short(value: Json) -> str:
    text = canonical(value)
    return text if len(text) <= 120 else text[:119] + "…"
