"""From events to a `RunView`: a pure fold, one small function a kind of event."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from sixfold.domain.code import Snapshot
from sixfold.domain.data import Json, Tree, from_json
from sixfold.domain.events import Event
from sixfold.domain.evidence import Check
from sixfold.domain.fold_work import WORK, seconds
from sixfold.domain.narrate import narrate
from sixfold.domain.requirements import Assumption, Attachment, Question, Request, Specification
from sixfold.domain.revising import revision_of
from sixfold.domain.run import Approval, Decision, Forecast, Options, Outcome, ReleaseOffer, offered_tree
from sixfold.domain.view import (
    Moment,
    Pause,
    RunView,
)

_STOPS = frozenset({"run.waiting", "run.paused", "run.ended"})
_NOT_WORK = frozenset(
    {*_STOPS, "run.forecast", "decision.given", "result.applied", "result.undone", "report.written", "note"}
)
"""Kinds that may follow a stop without anybody driving the run."""


def fold(events: Iterable[Event], view: RunView | None = None) -> RunView:
    """The state after `events`, starting from `view` (default: nothing happened yet).

    Raises:
        InvalidData: an event of a known kind has data of the wrong shape.
    """
    state = view or RunView()
    for event in events:
        state = advance(state, event)
    return state


def advance(view: RunView, event: Event) -> RunView:
    """The state after one more event; events at or before `view.seq` change nothing."""
    if event.seq <= view.seq:
        return view
    handler = _HANDLERS.get(event.kind)
    moment = Moment(seq=event.seq, at=event.at, kind=event.kind, who=event.who, text=narrate(event))
    working = not view.clock_stopped or event.kind not in _NOT_WORK
    elapsed_s = seconds(view.last_at, event.at) if view.last_at and not view.clock_stopped else 0.0
    view = _with(
        view,
        seq=event.seq,
        head=event.hash,
        created_at=view.created_at or event.at,
        last_at=event.at,
        wall_s=view.wall_s + elapsed_s,
        clock_stopped=event.kind in _STOPS or not working,
        timeline=(*view.timeline, moment),
    )
    if (
        event.kind not in _NOT_WORK
        and view.outcome is None
        and not view.waiting
        and view.status in ("waiting", "paused")
    ):
        view = _with(view, status="running", pause=None)
    if handler is None:
        return _with(view, unknown_events=view.unknown_events + 1)
    return handler(view, event.data if isinstance(event.data, dict) else {}, event)


def _with(view: RunView, **changes: Any) -> RunView:
    return msgspec.structs.replace(view, **changes)


# The run


def _created(view: RunView, data: Json, event: Event) -> RunView:
    return _with(
        view,
        request=from_json(data.get("request", {"text": ""}), Request),
        options=from_json(data.get("options", {}), Options),
        snapshot=from_json(data["snapshot"], Snapshot) if data.get("snapshot") else None,
        folder=str(data.get("folder", "")),
        version=str(data.get("version", "")),
        title=str(data.get("title", "")),
    )


def _forecast(view: RunView, data: Json, event: Event) -> RunView:
    return _with(view, forecast=from_json(data["forecast"], Forecast))


def _waiting(view: RunView, data: Json, event: Event) -> RunView:
    known = set(view.open_subjects)
    subjects = tuple(str(item) for item in data.get("subjects", ()))
    # A subject may be decided through another door between being listed and being logged.
    return _with(view, status="waiting", waiting=tuple(item for item in subjects if item in known), pause=None)


def _paused(view: RunView, data: Json, event: Event) -> RunView:
    pause = Pause(**{name: str(data.get(name, "")) for name in ("code", "what", "why", "next", "difference")})
    return _with(view, status="paused", pause=pause)


def _resumed(view: RunView, data: Json, event: Event) -> RunView:
    options = from_json(data["options"], Options) if data.get("options") else view.options
    return _with(view, options=options, status="waiting" if view.waiting else "running", pause=None)


def _ended(view: RunView, data: Json, event: Event) -> RunView:
    outcome = from_json(data["outcome"], Outcome)
    return _with(
        view,
        outcome=outcome,
        status=outcome.status,
        waiting=(),
        pause=None,
        next=str(data.get("next", "")),
        branch=outcome.branch or view.branch,
        commit=outcome.commit or view.commit,
        tree=outcome.tree or view.tree,
    )


def _phase_started(view: RunView, data: Json, event: Event) -> RunView:
    return _with(view, phase=str(data["phase"]))


def _phase_ended(view: RunView, data: Json, event: Event) -> RunView:
    return _with(view, phases_done=(*view.phases_done, str(data["phase"])))


# Layer 1: requirements


def _attachment(view: RunView, data: Json, event: Event) -> RunView:
    read = from_json(data["attachment"], Attachment)
    kept = tuple(item for item in view.request.attachments if (item.name, item.digest) != (read.name, read.digest))
    return _with(view, request=msgspec.structs.replace(view.request, attachments=(*kept, read)))


def _context(view: RunView, data: Json, event: Event) -> RunView:
    paths = (str(item) for item in data.get("paths", ()))
    return _with(view, context=tuple(dict.fromkeys((*view.context, *paths))))


def _clarity(view: RunView, data: Json, event: Event) -> RunView:
    signals = tuple(str(item) for item in data.get("signals", ()))
    return _with(view, route=str(data.get("route", "")), signals=signals)


def _asked(view: RunView, data: Json, event: Event) -> RunView:
    question = from_json(data["question"], Question)
    others = tuple(item for item in view.questions if item.id != question.id)
    return _with(view, questions=(*others, question))


def _specified(view: RunView, data: Json, event: Event) -> RunView:
    specification = from_json(data["specification"], Specification)
    return _with(view, specification=specification, title=specification.title or view.title)


# Validation


def _acceptance(view: RunView, data: Json, event: Event) -> RunView:
    files = tuple(str(item) for item in data.get("files", ()))
    return _with(view, acceptance_files=files, acceptance_tests=int(data.get("tests", 0)))


def _disputed(view: RunView, data: Json, event: Event) -> RunView:
    line = f"{data.get('test', '')}: {data.get('verdict', '')} ({data.get('reason', '')})"
    return _with(view, disputes=(*view.disputes, line))


def _checked(view: RunView, data: Json, event: Event) -> RunView:
    check = from_json(data["check"], Check)
    others = tuple(item for item in view.checks if item.name != check.name)
    return _with(view, checks=(*others, check))


def _offered(view: RunView, data: Json, event: Event) -> RunView:
    offer = from_json(data["offer"], ReleaseOffer)
    view = _with(view, offer=offer, tree=offer.tree, checks=offer.checks or view.checks)
    waiting = tuple(item for item in view.waiting if not item.startswith("release:") or item == offer.subject)
    return _with(view, waiting=waiting, approvals=_restale(view, offer.tree))


def _branched(view: RunView, data: Json, event: Event) -> RunView:
    tree = Tree(data["tree"])
    view = _with(view, branch=str(data["branch"]), commit=str(data["commit"]), tree=tree)
    return _with(view, approvals=_restale(view, tree))


def _restale(view: RunView, tree: Tree) -> tuple[Approval, ...]:
    """A release approval holds for the tree that was shown, and for no other."""
    return tuple(
        msgspec.structs.replace(item, stale=item.tree != tree) if item.subject.startswith("release:") else item
        for item in view.approvals
    )


# Humans and their checkout


def _decided(view: RunView, data: Json, event: Event) -> RunView:
    decision = from_json(data["decision"], Decision)
    revised = revision_of(decision.subject)
    kind, _, name = (revised.subject if revised else decision.subject).partition(":")
    view = _with(view, waiting=tuple(item for item in view.waiting if item != decision.subject))
    if kind == "question":
        return _answer(view, decision, name)
    if kind == "plan":
        return view  # it takes effect as a revision of the plan
    if kind == "assumption":
        return _correct(view, decision, name)
    if kind == "requirement":
        return view  # the sentence changes when the specification is written again, with what follows from it
    increment = view.increment(name)
    tree = offered_tree(name) if kind == "release" else increment.increment.tree if increment else Tree("")
    current = increment.increment.tree if increment else view.offer.tree if view.offer else None
    approval = Approval(
        subject=decision.subject,
        verdict="reject" if decision.verdict == "reject" else "approve",
        who=decision.who,
        tree=tree,
        comment=decision.comment,
        stale=current != tree or bool(increment and increment.replaced),
    )
    increments = tuple(
        msgspec.structs.replace(item, decision=decision) if kind == "increment" and item.increment.id == name else item
        for item in view.increments
    )
    if decision.verdict == "edit":  # neither approved nor rejected: the edited content comes as another increment
        return _with(view, increments=increments)
    return _with(view, approvals=(*view.approvals, approval), increments=increments)


def _answer(view: RunView, decision: Decision, id: str) -> RunView:
    status = "defaulted" if decision.verdict == "default" else "answered"
    questions = tuple(
        msgspec.structs.replace(
            item, status=status, answer=decision.value or (item.default if status == "defaulted" else "")
        )
        if item.id == id
        else item
        for item in view.questions
    )
    return _with(view, questions=questions, answered_by=(*view.answered_by, (id, decision.who)))


def _correct(view: RunView, decision: Decision, id: str) -> RunView:
    if view.specification is None:
        return view

    def settle(item: Assumption) -> Assumption:
        if item.id != id:
            return item
        if decision.verdict == "approve":
            return msgspec.structs.replace(item, status="confirmed")
        return msgspec.structs.replace(item, status="corrected", correction=decision.value or decision.comment)

    ledger = tuple(settle(item) for item in view.specification.assumptions)
    return _with(view, specification=msgspec.structs.replace(view.specification, assumptions=ledger))


def _applied(view: RunView, data: Json, event: Event) -> RunView:
    return _with(view, applied=tuple(str(item) for item in data.get("files", ())))


def _undone(view: RunView, data: Json, event: Event) -> RunView:
    return _with(view, applied=None)


def _reported(view: RunView, data: Json, event: Event) -> RunView:
    return _with(view, report=str(data["path"]))


def _noted(view: RunView, data: Json, event: Event) -> RunView:
    return view


_HANDLERS: dict[str, Callable[[RunView, Json, Event], RunView]] = {
    **WORK,
    "run.created": _created,
    "run.forecast": _forecast,
    "run.waiting": _waiting,
    "run.paused": _paused,
    "run.resumed": _resumed,
    "run.ended": _ended,
    "phase.started": _phase_started,
    "phase.ended": _phase_ended,
    "attachment.read": _attachment,
    "context.found": _context,
    "clarity.checked": _clarity,
    "question.asked": _asked,
    "specification.drafted": _specified,
    "specification.written": _specified,
    "acceptance.written": _acceptance,
    "acceptance.disputed": _disputed,
    "check.done": _checked,
    "release.proposed": _offered,
    "branch.made": _branched,
    "decision.given": _decided,
    "decisions.taken": _noted,
    "examination.started": _noted,
    "result.applied": _applied,
    "result.undone": _undone,
    "report.written": _reported,
    "note": _noted,
    "plan.refused": _noted,
    "contract.disputed": _noted,
    "candidates.compared": _noted,
}
