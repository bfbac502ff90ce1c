"""The event log's vocabulary: what happened, who did it, in order. Everything a person is shown is read from here.

An event is appended once: its `key` is unique in a run and derived from the work (never from time or chance), so a
step that runs again after a crash adds nothing. The chain (`previous`, `hash`) makes any later change visible.

Kinds and the `data` they carry (a type name means its JSON; `?` optional):

    run.created            request: Request, options: Options, folder, snapshot: Snapshot, version, title,
                           order?: [task], fork?: {run, step, events, answers}
    run.forecast           forecast: Forecast              what it will probably use, and what that rests on
    run.waiting            subjects: [str]                 what the human owes; the process may end here
    run.paused             code, what, why, next, difference?   budget, model unavailable, no sandbox, interrupt
    run.resumed            by, options: Options
    run.ended              outcome: Outcome, next
    phase.started          phase                           input | orchestration | development | validation
    phase.ended            phase
    attachment.read        attachment: Attachment
    context.found          paths: [str], chars             what was looked up in the repository, and why it was shown
    clarity.checked        route: direct|clarify|skipped, signals: [str]
    question.asked         question: Question
    specification.drafted  specification: Specification    the decision ledger: no requirements yet
    specification.written  specification: Specification, by
    decisions.taken        decisions: [Decision]           what was decided unasked and is taken up here
    plan.made              plan: Plan, edit?, turn?        `edit`: subject of the human edit it takes up, at which look
    plan.refused           edit, turn, reason              a human edit that does not fit the plan any more
    task.started           task, attempt, title, role
    context.read           task, child, readings: [Reading]   what a task was handed of others, by content
    stubs.served           task, child, contracts, paths   it begins before these contracts are provided
    note.published         task, notes: [Note]             for those who use the task's contracts
    contract.disputed      task, objection: Objection      a task says that a contract of its is wrong
    task.returned          task, child, status, reason     the parent took the result of a child, in this order
    task.reused            task, revision, how             undone by a revision, and found to be unchanged
    task.ended             task, status: done|failed, reason, tree?
    model.called           purpose, role, model, task?, usage: Usage, request, reply, prompt, replayed, wall_s
    patch.applied          task, attempt, tree, files: [str]
    patch.refused          task, attempt, refusals: [Refusal]
    patch.declined         task, attempt, text             the coder says that there is nothing to change
    tests.ran              scope (task id or `validation`), attempt, tree, report: TestReport
    scan.done              scope, attempt, tree, findings: [Finding]
    repair.decided         task, attempt, strategy, reason
    candidates.compared    task, attempt, candidates: [Standing], chosen, ranking, reason    one chosen by execution
    increment.proposed     increment: Increment
    commit.made            increment, commit, tree, message
    acceptance.written     files: [str], digest, tests     locked: written by a context that never saw code
    acceptance.disputed    test, verdict: upheld|corrected, reason, digest?     of the tests after all verdicts
    examination.started    tree, attempt, tries: [str]     what the product will be put through; takes minutes
    check.done             check: Check
    release.proposed       offer: ReleaseOffer
    branch.made            branch, commit, tree
    decision.given         decision: Decision              questions, assumptions, increments, releases
    result.applied         folder, commit, files: [str]
    result.undone          folder, files: [str]
    report.written         path
    note                   text
"""

from __future__ import annotations

from sixfold.domain.data import Data, Json, canonical, digest

SCHEMA_VERSION = 1


class Event(Data, frozen=True, kw_only=True):
    """One line of the log."""

    v: int = SCHEMA_VERSION
    seq: int
    """0, 1, 2, …"""
    at: str
    """UTC, RFC 3339 with milliseconds. The only field besides `hash`/`previous` that replay may change."""
    kind: str
    key: str
    """Unique in the run; deterministic."""
    who: str = "sixfold"
    """`sixfold`, `human:NAME`, `model:PROVIDER:NAME`, `policy:RULE`."""
    data: Json
    previous: str
    """Hash of the event before, 64 zeros for the first."""
    hash: str
    """SHA-256 of the canonical JSON of all other fields."""


GENESIS = "0" * 64


def seal(event: Event) -> Event:
    """The event with its hash computed from all other fields."""
    content = {field: getattr(event, field) for field in event.__struct_fields__ if field != "hash"}
    return Event(**{**content, "hash": digest(canonical(content))})
