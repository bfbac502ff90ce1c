"""Where a run can be forked, and what its fork takes over: answers that were paid for and decisions that were made."""

from __future__ import annotations

from collections.abc import Sequence

from sixfold.domain.data import Data, Digest
from sixfold.domain.errors import UsageError
from sixfold.domain.events import Event


class Inheritance(Data, frozen=True, kw_only=True):
    """What a fork begins with."""

    run: str
    """The run it was forked from."""
    step: str
    events: int
    """How many events of that run lie before the step."""
    answers: dict[Digest, str]
    """Cassette key → model of every answer given before the step."""


def steps(events: Sequence[Event]) -> dict[str, int]:
    """Every name `--from` takes → position of the first event it stands for, in order.

    Phases (`development`), model calls (`development.write_patch`, `development.write_patch:T2`) and decisions
    (`question:Q1`, `increment:I1`, `release`). A fork from a decision makes it anew.
    """
    found: dict[str, int] = {}
    for event in events:
        for name in _names(event):
            found.setdefault(name, event.seq)
    return found


def calls(events: Sequence[Event]) -> tuple[str, ...]:
    """Purposes of the run's model calls, in order: what `--prompt` can be given for."""
    return tuple(dict.fromkeys(str(event.data["purpose"]) for event in events if event.kind == "model.called"))


def _names(event: Event) -> list[str]:
    if event.kind == "phase.started":
        return [str(event.data["phase"])]
    if event.kind == "model.called":
        purpose, task = str(event.data["purpose"]), str(event.data.get("task") or "")
        return [purpose, f"{purpose}:{task}"] if task else [purpose]
    if event.kind == "decision.given":
        subject = str(event.data["decision"]["subject"])
        return ["release" if subject.startswith("release:") else subject]
    return []


def inherit(events: Sequence[Event], run: str, step: str) -> Inheritance:
    """What a fork of `run` before `step` takes over.

    Raises:
        UsageError: the run took no such step; lists those it took.
    """
    known = steps(events)
    if step not in known:
        raise UsageError(
            f"{run} took no step {step!r}", why=f"it took: {', '.join(known)}", next="give one of these to --from"
        )
    return inherit_before(events, run, step, known[step])


def inherit_before(events: Sequence[Event], run: str, step: str, position: int) -> Inheritance:
    """What a fork of `run` before the event at a position takes over."""
    before = events[:position]
    answers = {
        Digest(event.data["request"]): str(event.data["model"]) for event in before if event.kind == "model.called"
    }
    return Inheritance(run=run, step=step, events=position, answers=answers)
