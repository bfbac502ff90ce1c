"""What a person reads about a run, as lines of text. Pure; foreign text is escaped here."""

from __future__ import annotations

from sixfold.domain.data import to_json
from sixfold.domain.dependants import dependants
from sixfold.domain.evidence import counts_line, matters
from sixfold.domain.narrate import forecast_text
from sixfold.domain.requirements import Assumption, Question
from sixfold.domain.result import against_forecast, next_step
from sixfold.domain.view import IncrementView, RunView, outcomes
from sixfold.interfaces.cli.guide import places
from sixfold.interfaces.cli.plan_screen import note_lines
from sixfold.interfaces.cli.progress import spending
from sixfold.interfaces.cli.terminal import paint, table
from sixfold.interfaces.escape import one_line, visible
from sixfold.interfaces.walk import walk

_PHASES = ("input", "orchestration", "development", "validation")
_STATUS_COLOUR = {"validated": "green", "waiting": "yellow", "paused": "yellow", "failed": "red", "running": "blue"}


def question_lines(question: Question) -> list[str]:
    """A question card: the question, why it matters, options with consequences, the default marked."""
    lines = [paint(f"{question.id}  {one_line(question.text)}", "bold")]
    if question.why:
        lines.append(f"    {one_line(question.why)}")
    for number, option in enumerate(question.options, start=1):
        mark = " (default)" if option.value == question.default else ""
        lines.append(f"    {number}. {one_line(option.value)}{mark}: {one_line(option.consequence)}")
    if question.default and question.default not in [option.value for option in question.options]:
        lines.append(f"    default: {one_line(question.default)}")
    if question.status != "open":
        lines.append(f"    {question.status}: {one_line(question.answer)}")
    return lines


def assumption_line(item: Assumption, width: int = 0) -> str:
    """One line of the ledger: the decision, and what a person said instead."""
    said = f" — corrected: {one_line(item.correction)}" if item.correction else ""
    mark = " ✓" if item.status == "confirmed" else ""
    text = one_line(item.text, width) if width and not said else one_line(item.text)
    return f"{item.id:<4}{text}{mark}{said}"


def decision_screen(view: RunView) -> list[str]:
    """The questions and, beside them, everything that was assumed instead of asked: one screen, most at stake first."""
    lines = [line for question in view.questions for line in question_lines(question)]
    assumed = view.specification.assumptions if view.specification else ()
    if assumed:
        lines.append(paint("Assumed unless you correct it", "bold"))
        lines += [f"  {assumption_line(item)}" for item in assumed]
    return lines


def increment_lines(view: RunView, item: IncrementView) -> list[str]:
    """What was asked for, what an increment changes, what was proven about exactly it, and where to look hardest."""
    increment = item.increment
    lines = [paint(f"{increment.id}  {one_line(increment.title)}", "bold")]
    lines.append(f"    asked: {one_line(view.request.text, 160)}")
    lines += [f"    for {one.id}: {one_line(one.text, 160)}" for one in view.wanted(increment.requirements)]
    lines.append(f"    task {increment.task}, tree {increment.tree[:12]}, {increment.attempts} attempt(s)")
    lines += [f"    {row}" for row in table((f.path, f.status, f"+{f.added} -{f.removed}") for f in increment.files)]
    tests = outcomes(item.reports, ("unit", "existing", "acceptance", "examples"))
    if item.reports:
        lines.append("    tests: " + ", ".join(f"{count} {name}" for name, count in tests.items()))
    else:
        lines.append("    tests: none recorded for this content")
    found = matters(item.findings)
    blocking = sum(1 for each in found if each[0].blocks)
    scan = f"{len(found)} finding(s), {blocking} blocking" if item.scanned else "none recorded for this content"
    lines.append(f"    scan:  {scan}")
    for number, part in enumerate(increment.slices, 1):
        lines.append(f"    part {number}: {part.lines} lines, {one_line(' '.join(part.files))}")
    for number, place in enumerate(places(increment), 1):
        where = f"{place.path}:{place.line} " if place.line else f"{place.path} " if place.path else ""
        lines.append(f"    look {number}: [{place.why}] {one_line(where + place.text)}")
    return lines


def release_lines(view: RunView) -> list[str]:
    """The offered release: what is signed, what was checked, what nobody verified."""
    offer = view.offer
    if offer is None:
        return ["no release is offered"]
    lines = [paint(f"Release of {one_line(view.title)}", "bold"), f"    tree {offer.tree}"]
    lines.append(f"    asked: {one_line(view.request.text, 160)}")
    for check in offer.checks or view.checks:
        verdict = "skipped" if check.skipped else "ok" if check.ok else "FAILED"
        lines.append(f"    {verdict:<8} {one_line(check.name)}  {one_line(check.detail, 90)}".rstrip())
    lines.append(f"    findings: {counts_line(view.findings)}")
    for dispute in offer.disputed:
        lines.append(paint(f"    DISPUTED {one_line(dispute.finding.fault, 160)}", "bold"))
        lines.append(f"             {dispute.task} says: {one_line(dispute.text, 200)}")
    if offer.disputed:
        lines.append(
            "    It blocks until you decide: `sixfold approve` signs it away under your name, `reject` sends it back."
        )
    if offer.unverified:
        lines.append(f"    not verified: {', '.join(map(one_line, offer.unverified))}")
    for part in walk(view):
        lines.append(f"    {part.title}")
        lines += [f"      - {one_line(line, 160)}" for line in part.lines]
    return lines


def show_lines(view: RunView) -> list[str]:
    """One screen about a run."""
    status = paint(view.status, _STATUS_COLOUR.get(view.status, "bold"))
    lines = [f"{view.run}  {status}  {one_line(view.title, 80)}", f"request     {one_line(view.request.text, 100)}"]
    if view.snapshot:
        at = (
            f"{view.snapshot.branch or 'detached'} {view.snapshot.head[:12]}".strip() if view.snapshot.head else "empty"
        )
        lines.append(f"folder      {one_line(view.folder)} ({at}{', uncommitted work' if view.snapshot.dirty else ''})")
    marks = [f"{'✓' if p in view.phases_done else '▸' if p == view.phase else '·'} {p}" for p in _PHASES]
    lines.append("phases      " + "  ".join(marks))
    for question in view.questions:
        lines.append(
            f"{question.id:<11} {one_line(question.text, 70)} [{question.status}] {one_line(question.answer, 40)}"
        )
    if view.specification:
        written = view.specification
        stage = "specified " if written.requirements else "decided   "
        lines.append(f"{stage}  {len(written.requirements)} requirements, {len(written.assumptions)} assumptions")
        for assumed in written.assumptions:
            lines.append(f"  {assumption_line(assumed, 90)}  ← {dependants(view, assumed.id).text()}".rstrip(" ←"))
    if view.tasks:
        lines.append(f"tasks       revision {view.plan.revision if view.plan else 0}")
        rows = [
            ("", item.task.id, item.status, one_line(item.task.title, 48), f"{item.attempts}x", " ".join(item.files))
            for item in view.tasks
        ]
        lines += [f"  {row}" for row in table(rows)]
    lines += [f"note        {line}" for line in note_lines(view)]
    for item in view.live_increments:
        said = f"{item.decision.verdict} by {item.decision.who}" if item.decision else "undecided"
        lines.append(f"{item.increment.id:<11} {one_line(item.increment.title, 60)} [{one_line(said)}]")
    return [*lines, *_proof_lines(view), *_cost_lines(view), *_end_lines(view)]


def _cost_lines(view: RunView) -> list[str]:
    recorded = f", {view.replayed_calls} of them recorded" if view.replayed_calls else ""
    lines = [f"cost        {spending(view)}{recorded}"]
    if view.forecast is not None and view.forecast.tokens is not None:
        told = forecast_text(to_json(view.forecast)).removeprefix("forecast: ")
        lines.append(f"forecast    {one_line(told + against_forecast(view), 160)}")
    return lines


def _proof_lines(view: RunView) -> list[str]:
    lines = []
    reports = view.reports()
    if reports:
        tests, acceptance = outcomes(reports, ("unit", "existing")), outcomes(reports, ("acceptance", "examples"))
        parts = [f"{tests['passed']} passed, {tests['failed']} failed, {tests['skipped']} skipped"]
        parts.append(f"acceptance {acceptance['passed']} passed, {acceptance['failed']} failed")
        lines.append("tests       " + "; ".join(parts))
    if view.scanned:
        lines.append(f"findings    {counts_line(view.findings)}")
    if view.checks:
        lines.append(f"checks      {one_line(_checks(view))}")
    for approval in view.approvals:
        if approval.subject.startswith("release:"):
            stale = ", but the content changed afterwards" if approval.stale else ""
            verdict = "approved" if approval.verdict == "approve" else "rejected"
            lines.append(f"release     {verdict} by {one_line(approval.who)} for tree {approval.tree[:12]}{stale}")
    return lines


def _checks(view: RunView) -> str:
    parts = [f"{sum(1 for check in view.checks if check.ok)} ok"]
    for word, bad in (("failed", False), ("skipped", True)):
        names = [check.name for check in view.checks if not check.ok and check.skipped is bad]
        if names:
            parts.append(f"{word}: {', '.join(names)}")
    return "; ".join(parts)


def _end_lines(view: RunView) -> list[str]:
    lines = []
    if view.branch:
        lines.append(f"branch      {one_line(view.branch)} at {view.commit[:12]}, tree {(view.tree or '')[:12]}")
    if view.report:
        lines.append(f"report      {one_line(view.report)}")
    if view.waiting:
        lines.append(f"waits for   {', '.join(one_line(subject, 24) for subject in view.waiting)}")
    reason = view.outcome.reason if view.outcome else view.pause.what if view.pause else ""
    if reason:
        lines.append(f"reason      {one_line(reason)}")
    lines.append(f"next        {visible(next_step(view))}")
    return lines
