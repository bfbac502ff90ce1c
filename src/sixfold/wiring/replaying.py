"""Doing a recorded run again, whole or from a step on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path

import msgspec

from sixfold import forking, recording
from sixfold.config import Settings
from sixfold.domain import revising
from sixfold.domain.code import Snapshot
from sixfold.domain.data import Digest, from_json
from sixfold.domain.errors import UsageError
from sixfold.domain.events import Event
from sixfold.domain.requirements import Request
from sixfold.domain.run import Decision, Options
from sixfold.domain.view import RunView
from sixfold.wiring.doors import Listener, Parts, state_of
from sixfold.wiring.driving import drive
from sixfold.wiring.starting import check_models, created
from sixfold.workflow.engine import in_memory
from sixfold.workflow.run import decision_event

DEMO = "shopping"
"""The bundled recording, in `sixfold/recordings/`."""


class _Recorded:
    """A door that gives the decisions of a recorded run."""

    def __init__(self, decisions: Sequence[Decision]) -> None:
        self._decisions = {decision.subject: decision for decision in decisions}

    async def ask(self, subject: str, view: RunView) -> Decision | None:
        return self._decisions.get(subject)


def _unasked(decisions: Sequence[Decision]) -> list[Decision]:
    """What people decided without being asked (corrections, edits of the plan); each says when it counts."""
    return [one for one in decisions if one.subject.startswith(("assumption:", "revision:", "plan:"))]


def replay(
    settings: Settings, run: str, *, listener: Listener | None = None, debug: bool = False, workers: int = 0
) -> tuple[str, int]:
    """Do a run again offline: recorded answers and decisions, real sandbox, tests, scans and git.

    Args:
        workers: steps at once; 0 = no limit. Changes nothing but time.

    Returns:
        The new run's id and the exit code.

    Raises:
        ReplayDrift: something came out differently, with the first differences.
        UsageError: the run has not ended.
    """
    state = state_of(settings)
    source = state.folder(run)
    before = state.log(run).sound()
    if not any(event.kind == "run.ended" for event in before):
        raise UsageError(f"{run} has not ended, so there is nothing to compare with", next=f"sixfold resume {run}")
    recorded = recording.recording_of(before)
    fresh, code = _again(
        settings, recorded, source / "cassette", source / "repository", listener, debug, workers=workers
    )
    now = state.log(fresh).read()
    if any(event.kind == "run.ended" for event in now):
        drift = recording.event_differences(before, now, (run, fresh))
        if drift is not None:
            raise drift
    return fresh, code


def fork(settings: Settings, run: str, step: str, options: Options) -> str:
    """Make a new run that takes over everything another one had paid for and decided before a step.

    The steps before are done again from the recorded answers (sandbox, tests and git are real), so the fork needs
    nothing of the engine's inside and can be replayed by itself.

    Args:
        step: a phase, a model call or a decision; see `forking.steps`.
        options: of the fork: another model, budget or policy.

    Returns:
        The new run's id; `drive` sets it going.

    Raises:
        UsageError: the run took no such step or made no call a prompt is for, or another process drives it.
        ModelMisconfigured: an unknown model, or no key for it.
    """
    events = state_of(settings).log(run).sound()
    return branch_off(settings, run, events, forking.inherit(events, run, step), options)


def revise(settings: Settings, run: str, decisions: Sequence[Decision], options: Options) -> str:
    """Make a new run that differs from an ended one in some decisions, and redoes only what rests on them.

    It is a fork before the last release was offered: everything up to there is taken over, then they are folded in,
    the blind tests of what they change are written anew, and one task changes the product.

    Args:
        decisions: on `assumption:A3`, `question:Q1` or `requirement:R2`.

    Returns:
        The new run's id; `drive` sets it going.

    Raises:
        UsageError: the run never came to offer a release.
    """
    events = state_of(settings).log(run).sound()
    offered = [event.seq for event in events if event.kind == "release.proposed"]
    if not offered:
        raise UsageError(
            f"{run} ended before a release was offered, so there is nothing to change",
            next=f"begin anew from the questions: sixfold fork {run} --from input",
        )
    taken = forking.inherit_before(events, run, "release", offered[-1])
    revisions = [revising.as_revision(decision, events[: offered[-1]]) for decision in decisions]
    return branch_off(settings, run, events, taken, options, revisions=revisions)


def branch_off(
    settings: Settings,
    run: str,
    events: Sequence[Event],
    taken: forking.Inheritance,
    options: Options,
    *,
    revisions: Sequence[Decision] = (),
) -> str:
    """A new run that takes over what `taken` says, with the decisions made before; returns its id."""
    state = state_of(settings)
    check_models(options, os.environ)
    calls = forking.calls(events)
    for call, _ in options.prompts:
        if call not in calls:
            raise UsageError(f"{run} made no model call {call!r}", why=f"it made: {', '.join(calls)}")
    before = events[: taken.events]
    origin = events[0].data
    with state.make() as (fresh, drafts):
        with state.drive(run):
            _copy(state.folder(run), drafts.folder(fresh), taken.answers)
        log = drafts.log(fresh)
        created(
            log,
            from_json(origin["request"], Request),
            options,
            Path(origin["folder"]),
            from_json(origin["snapshot"], Snapshot),
            order=recording.order_of(before),
            fork=taken,
        )
        edits = recording.recording_of(before).edits
        for event in before:
            if event.kind == "decision.given":
                decision = from_json(event.data["decision"], Decision)
                log.append(event.kind, event.key, recording.decision_data(decision, edits), who=event.who)
        for revision in revisions:
            decision_event(log, revision)
    return fresh


def _copy(source: Path, target: Path, answers: Iterable[Digest]) -> None:
    """A run's repository, blobs and the named answers; a copied answer is checked when it is read."""
    shutil.copytree(source / "repository", target / "repository")
    shutil.copytree(source / "blobs", target / "blobs")
    (target / "cassette").mkdir()
    for key in answers:
        shutil.copyfile(source / "cassette" / f"{key}.json", target / "cassette" / f"{key}.json")


def demo(settings: Settings, *, listener: Listener | None = None, debug: bool = False) -> tuple[str, int]:
    """Replay the recording that comes with Sixfold; needs no model and no key."""
    with resources.as_file(resources.files("sixfold") / "recordings" / DEMO) as folder:
        return play(settings, folder, listener=listener, debug=debug)


def play(settings: Settings, folder: Path, *, listener: Listener | None = None, debug: bool = False) -> tuple[str, int]:
    """Do the run of a recording again, with its answers and its decisions: those of a reviewer, too.

    Args:
        folder: of the recording; its run began with an empty folder.

    Returns:
        The new run's id and the exit code.

    Raises:
        ReplayDrift: something came out differently.
        StorageError: the folder holds no readable recording.
    """
    return _again(settings, recording.read(folder), folder, None, listener, debug)


def _again(
    settings: Settings,
    recorded: recording.Recording,
    cassette: Path,
    repository: Path | None,
    listener: Listener | None,
    debug: bool,
    *,
    workers: int = 0,
) -> tuple[str, int]:
    state = state_of(settings)
    run = state.create()
    folder = state.folder(run)
    if repository is not None:
        shutil.copytree(repository, folder / "repository")
        if (repository.parent / "blobs").is_dir():
            shutil.copytree(repository.parent / "blobs", folder / "blobs")
    options = recorded.options
    options = msgspec.structs.replace(options, replay=str(cassette), record="", apply=False, models=options.experts)
    product = folder / "product"
    product.mkdir()
    log = state.log(run)
    created(log, recorded.request, options, product, recorded.snapshot, order=recorded.order)
    for decision in _unasked(recorded.decisions):
        data = recording.decision_data(decision, recorded.edits)
        log.append("decision.given", f"decision:{decision.subject}", data, who=decision.who)
    # Every answer is recorded and every step can be done again: a replay that was cut off is replayed once more, and
    # need not wait for the durable engine to load.
    door, parts = _Recorded(recorded.decisions), Parts(durable=in_memory, workers=workers)
    code = drive(settings, run, listener=listener, door=door, debug=debug, parts=parts)
    if any(event.kind == "run.ended" for event in log.read()):
        drift = recording.differences(recorded, recording.recording_of(log.read()))
        if drift is not None:
            raise drift
        return run, 0
    return run, code
