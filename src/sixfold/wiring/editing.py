"""A person's edit of the plan: checked like any plan, written as a decision, taken up at the run's next look."""

from __future__ import annotations

import msgspec

from sixfold import forking, recording
from sixfold.config import Settings
from sixfold.domain.data import Tree, canonical, from_json
from sixfold.domain.errors import UsageError
from sixfold.domain.events import Event
from sixfold.domain.fold import fold
from sixfold.domain.plan import Change, Plan
from sixfold.domain.run import Decision
from sixfold.domain.view import RunView
from sixfold.wiring.doors import state_of
from sixfold.wiring.replaying import branch_off


def check_edit(settings: Settings, run: str, edited: Plan, reason: str) -> tuple[Change, tuple[str, ...]]:
    """The change an edited plan makes, and every fault of the plan it leads to (empty: it may be made)."""
    from sixfold.layers.planning import revision  # late, as all layers are here
    from sixfold.layers.planning.validation import faults
    from sixfold.layers.refinement.git import GitRepository

    view = fold(state_of(settings).log(run).read())
    plan, specification = view.plan, view.specification
    if plan is None or specification is None:
        raise UsageError(f"{run} has no plan yet", next=f"sixfold show {run}")
    folder = state_of(settings).folder(run)
    repository = GitRepository(folder / "repository", folder / "blobs")
    paths = tuple(entry.path for entry in repository.files(_tree(view)))
    change = revision.difference(plan, edited, reason=reason)
    after = revision.apply(plan, change, specification, author="human")
    return change, faults(after, specification, paths)


def edit(settings: Settings, run: str, change: Change, who: str) -> tuple[str, str]:
    """Write the edit of a plan into the run; returns the run it goes into and the subject of the decision.

    A run that offers a release gets the release sent back with the edit as the reason. A run that has ended stays as
    it is: a fork of it takes the edit, and everything that was paid for.
    """
    state = state_of(settings)
    view = fold(state.log(run).read())
    if view.outcome is not None:
        run = _fork(settings, run)
    log = state.log(run)
    number = 1 + sum(1 for event in log.read() if _is_edit(event))
    decision = Decision(
        subject=f"plan:{number}", verdict="edit", value=canonical(change), comment=change.reason, who=who
    )
    log.append("decision.given", f"decision:{decision.subject}", {"decision": decision}, who=who)
    for subject in view.open_subjects if view.outcome is None else ():
        if subject.startswith("release:"):
            comment = f"The plan was changed: {change.reason}"
            reject = Decision(subject=subject, verdict="reject", comment=comment, who=who)
            log.append("decision.given", f"decision:{subject}", {"decision": reject}, who=who)
    return run, decision.subject


def _is_edit(event: Event) -> bool:
    return event.kind == "decision.given" and str(event.data["decision"]["subject"]).startswith("plan:")


def _tree(view: RunView) -> Tree:
    """What the plan's tasks build on now."""
    approved = [item for item in view.increments if item.decision and item.decision.verdict == "approve"]
    if approved:
        return approved[-1].increment.tree
    if view.snapshot is None:
        raise UsageError("the run has not begun", next="sixfold resume")
    return view.snapshot.tree


def _fork(settings: Settings, run: str) -> str:
    """A run that does the phases before development again from the records, and keeps every answer paid for."""
    state = state_of(settings)
    events = state.log(run).read()
    every = {event.data["request"]: str(event.data["model"]) for event in events if event.kind == "model.called"}
    taken = msgspec.structs.replace(forking.inherit(events, run, "development"), answers=every)
    options = msgspec.structs.replace(fold(events).options, record="", apply=False)
    fresh = branch_off(settings, run, events, taken, options)
    edits = recording.recording_of(events).edits
    for event in events[taken.events :]:
        if _is_edit(event):  # earlier edits are part of the plan that was edited now
            decision = from_json(event.data["decision"], Decision)
            data = recording.decision_data(decision, edits)
            state.log(fresh).append(event.kind, event.key, data, who=event.who)
    return fresh
