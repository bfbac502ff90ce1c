"""What one run looks like now: the nouns every screen, report and `--json` object is made from.

A `RunView` is computed from the event log alone (`sixfold.domain.fold`), so it can never claim more than was recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from sixfold.domain.code import Increment, Refusal, Snapshot
from sixfold.domain.data import Data, Tree
from sixfold.domain.evidence import Check, Dispute, Finding, TestReport
from sixfold.domain.model import Usage
from sixfold.domain.plan import Note, Plan, Reading, Task
from sixfold.domain.requirements import Question, Request, Requirement, Specification
from sixfold.domain.run import Approval, Decision, Forecast, Options, Outcome, ReleaseOffer, Status

VALIDATION = "validation"
"""Scope name of evidence that belongs to the whole product rather than to a task."""
ENVIRONMENT = "environment"
"""Scope name of findings about the packages that were asked for."""


class TaskView(Data, frozen=True, kw_only=True):
    """One task with what happened to it."""

    task: Task
    status: Literal["pending", "running", "done", "failed", "dropped"] = "pending"
    """`dropped`: a later revision of the plan no longer has it."""
    attempts: int = 0
    files: tuple[str, ...] = ()
    """Paths that patches of this task really touched."""
    reason: str = ""
    """Why it failed, one line."""
    model: str = ""
    """Last model that wrote for it."""
    usage: Usage = Usage()
    tree: Tree | None = None
    repairs: tuple[str, ...] = ()
    """`attempt 2: fresh start (the same failure came back)`."""
    refusals: tuple[Refusal, ...] = ()
    """Patches that were not applied."""
    started_at: str = ""
    """When its present or last attempt began; as the log's clock tells it."""
    seconds: float | None = None
    """From its first start until its result was taken; None before."""
    reused: str = ""
    """Why a revision that undid it did not have it done again."""
    notes: tuple[Note, ...] = ()
    readings: tuple[Reading, ...] = ()
    stubs: tuple[str, ...] = ()
    """Contracts that were stand-ins when it last began; what came of it counts once it passed on the real parts."""


class Evidence(Data, frozen=True, kw_only=True):
    """One test run or scan, with the content it looked at."""

    scope: str
    """Task id, or `validation`."""
    attempt: int = 1
    tree: Tree
    report: TestReport | None = None
    findings: tuple[Finding, ...] | None = None


class IncrementView(Data, frozen=True, kw_only=True):
    """A reviewable change with everything known about it."""

    increment: Increment
    decision: Decision | None = None
    commit: str = ""
    replaced: bool = False
    """True when rework put another increment of the same task in its place."""
    reports: tuple[TestReport, ...] = ()
    """Last run of each suite on exactly this increment's tree."""
    findings: tuple[Finding, ...] = ()
    scanned: bool = False
    """True when a scan of exactly this tree is recorded; without it an empty `findings` says nothing."""


class Moment(Data, frozen=True, kw_only=True):
    """One line of the timeline."""

    seq: int
    at: str
    kind: str
    who: str
    text: str
    """Plain, unescaped: may hold text a model or a repository wrote."""


class Spending(Data, frozen=True, kw_only=True):
    """Usage of one task, role or model."""

    name: str
    usage: Usage
    wall_s: float = 0.0


class Pause(Data, frozen=True, kw_only=True):
    """Why a run stopped without an end."""

    code: str
    what: str
    why: str = ""
    next: str = ""
    difference: str = ""
    """Lines of a diff, when a replay asked something that was not recorded."""


class Revised(Data, frozen=True, kw_only=True):
    """What a revision of the plan cost."""

    revision: int
    undone: Usage = Usage()
    """What had gone into the tasks it invalidated."""
    spent_before: Usage = Usage()
    """Of the whole run until then."""


class RunView(Data, frozen=True, kw_only=True):
    """Everything a person can be shown about a run, as of event `seq`."""

    run: str = ""
    """Folder name of the run; not in the log, set by whoever reads it."""
    seq: int = -1
    head: str = ""
    """Hash of the last event: names this state of the log."""
    status: Status = "running"
    forecast: Forecast | None = None
    phase: str = ""
    phases_done: tuple[str, ...] = ()
    version: str = ""
    title: str = ""
    folder: str = ""
    created_at: str = ""
    last_at: str = ""
    wall_s: float = 0.0
    """Seconds of work; time spent waiting for a human or paused is left out."""
    clock_stopped: bool = False
    request: Request = Request(text="")
    options: Options = Options()
    snapshot: Snapshot | None = None
    route: str = ""
    signals: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    """Paths of the repository that were looked up."""
    questions: tuple[Question, ...] = ()
    answered_by: tuple[tuple[str, str], ...] = ()
    """(question id, who)."""
    specification: Specification | None = None
    plans: tuple[Plan, ...] = ()
    """Every revision, oldest first."""
    revised: tuple[Revised, ...] = ()
    """What each revision but the first undid."""
    tasks: tuple[TaskView, ...] = ()
    increments: tuple[IncrementView, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    acceptance_files: tuple[str, ...] = ()
    acceptance_tests: int = 0
    disputes: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    offer: ReleaseOffer | None = None
    approvals: tuple[Approval, ...] = ()
    waiting: tuple[str, ...] = ()
    """Subjects the run said it needs a human for and nobody has decided yet."""
    pause: Pause | None = None
    outcome: Outcome | None = None
    next: str = ""
    branch: str = ""
    commit: str = ""
    tree: Tree | None = None
    applied: tuple[str, ...] | None = None
    """Paths in the user's checkout after `apply`; None when not applied (or undone)."""
    usage: Usage = Usage()
    replayed_calls: int = 0
    """Calls among `usage.calls` that came from a cassette: their price was paid earlier, not now."""
    by_task: tuple[Spending, ...] = ()
    by_phase: tuple[Spending, ...] = ()
    by_role: tuple[Spending, ...] = ()
    by_model: tuple[Spending, ...] = ()
    timeline: tuple[Moment, ...] = ()
    report: str = ""
    unknown_events: int = 0
    """Events of kinds this version does not know; counted, never hidden."""

    @property
    def plan(self) -> Plan | None:
        """The plan in force."""
        return self.plans[-1] if self.plans else None

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Texts of the assumption ledger, most consequential first."""
        return tuple(item.text for item in self.specification.assumptions) if self.specification else ()

    @property
    def base_commit(self) -> str:
        """Commit the user's folder stood on; empty when it had none."""
        return self.snapshot.head if self.snapshot else ""

    @property
    def live_increments(self) -> tuple[IncrementView, ...]:
        """Increments that were not replaced by rework."""
        return tuple(item for item in self.increments if not item.replaced)

    @property
    def files(self) -> tuple[str, ...]:
        """Changed paths of all increments that stand, sorted."""
        return tuple(sorted({file.path for item in self.live_increments for file in item.increment.files}))

    def question(self, id: str) -> Question | None:
        """The question of that id."""
        return next((item for item in self.questions if item.id == id), None)

    def increment(self, id: str) -> IncrementView | None:
        """The increment of that id."""
        return next((item for item in self.increments if item.increment.id == id), None)

    def task(self, id: str) -> TaskView | None:
        """The task of that id."""
        return next((item for item in self.tasks if item.task.id == id), None)

    def wanted(self, ids: Sequence[str]) -> tuple[Requirement, ...]:
        """The requirements of those ids."""
        return tuple(one for one in self.specification.requirements if one.id in ids) if self.specification else ()

    def decision_on(self, subject: str) -> Approval | None:
        """The last approval or rejection of a subject."""
        return next((item for item in reversed(self.approvals) if item.subject == subject), None)

    @property
    def open_subjects(self) -> tuple[str, ...]:
        """Everything a human may decide now: open questions, undecided increments, the offered release."""
        if self.outcome is not None:
            return ()
        subjects = [f"question:{item.id}" for item in self.questions if item.status == "open"]
        subjects += [f"increment:{item.increment.id}" for item in self.live_increments if item.decision is None]
        if self.offer and self.decision_on(self.offer.subject) is None:
            subjects.append(self.offer.subject)
        return tuple(subjects)

    def reports(self, scope: str | None = None) -> tuple[TestReport, ...]:
        """The reports that count: the product's own when it was validated, else the last of each task and suite.

        What was found about an earlier tree of the whole product is no evidence for the one that was validated last.
        """
        runs = [item for item in self.evidence if item.report is not None]
        trees = [item.tree for item in self.evidence if item.scope == VALIDATION]
        whole = {_family(item.report.suite) for item in runs if item.scope == VALIDATION and item.report}
        latest: dict[tuple[str, str], TestReport] = {}
        for item in runs:
            if item.report is None or (scope is not None and item.scope != scope):
                continue
            if item.scope == VALIDATION and item.tree != trees[-1]:
                continue
            if scope is None and _family(item.report.suite) in whole and item.scope != VALIDATION:
                continue
            latest[(item.scope, item.report.suite)] = item.report
        return tuple(latest.values())

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings that count: validation's and the release offer's, else the last scan of each task."""
        scans = [item for item in self.evidence if item.findings is not None]
        scope_trees = {item.scope: item.tree for item in scans}
        if VALIDATION in scope_trees:
            scope_trees = {name: scope_trees[name] for name in (VALIDATION, ENVIRONMENT) if name in scope_trees}
        found: dict[tuple[str, str, str, int, str], Finding] = {}
        offered = self.offer.findings if self.offer else ()
        current = [f for item in scans if scope_trees.get(item.scope) == item.tree for f in item.findings or ()]
        for finding in (*current, *offered):
            found.setdefault((finding.tool, finding.rule, finding.path, finding.line, finding.message), finding)
        return tuple(found.values())

    @property
    def disputes_signed(self) -> tuple[tuple[Dispute, Approval], ...]:
        """The disputed findings of the offered release that a person signed away, each with the signature."""
        if self.offer is None:
            return ()
        subject = self.offer.subject
        signed = [
            one for one in self.approvals if one.subject == subject and one.verdict == "approve" and not one.stale
        ]
        return tuple((dispute, signed[-1]) for dispute in self.offer.disputed) if signed else ()

    @property
    def scanned(self) -> bool:
        """True when at least one scan of code is recorded."""
        return any(item.findings is not None and item.scope != ENVIRONMENT for item in self.evidence)


def _family(suite: str) -> str:
    """The product's own tests are called `unit` in a task and may be `existing` for the product as a whole."""
    return "own" if suite in ("unit", "existing") else suite


def outcomes(reports: tuple[TestReport, ...], suites: tuple[str, ...]) -> dict[str, int]:
    """Counts of passed, failed (errors included) and skipped cases; a case that ran twice counts once, as it ended."""
    cases = {
        (report.suite, case.id): case.outcome for report in reports if report.suite in suites for case in report.cases
    }
    ended = list(cases.values())
    return {
        "passed": ended.count("passed"),
        "failed": ended.count("failed") + ended.count("error"),
        "skipped": ended.count("skipped"),
    }


def with_status(view: RunView, status: Status) -> RunView:
    """The view with another status, for a reader who knows that the driving process is gone."""
    return msgspec.structs.replace(view, status=status)


def named(view: RunView, run: str) -> RunView:
    """The view with its run id, which the log itself does not hold."""
    return msgspec.structs.replace(view, run=run)


__all__ = [
    "VALIDATION",
    "Evidence",
    "IncrementView",
    "Moment",
    "Pause",
    "Revised",
    "RunView",
    "Spending",
    "TaskView",
    "named",
    "outcomes",
    "with_status",
]
