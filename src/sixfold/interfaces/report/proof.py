"""The report's last part: validation, findings, signatures, cost, timeline, and what to do with the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sixfold.domain.evidence import SEVERITIES, Check, Dispute, Finding, TestReport, matters
from sixfold.domain.result import next_step
from sixfold.domain.run import Approval
from sixfold.domain.view import RunView, Spending
from sixfold.interfaces.coverage import measured, spans, totals
from sixfold.interfaces.report.html import Child, Html, badge, code, rows, section, tag
from sixfold.interfaces.walk import walk

_MOST_MOMENTS = 2000


def validation(view: RunView) -> Html | None:
    """Checks of the whole product, test suites, and what nobody verified."""
    reports = view.reports()
    if not view.checks and not reports:
        return None
    checks = [(_verdict(check), tag("strong", check.name), check.detail) for check in view.checks]
    written = None
    if view.acceptance_tests:
        files = ", ".join(view.acceptance_files)
        written = tag(
            "p", f"{view.acceptance_tests} acceptance tests in {files} were written without sight of the code."
        )
    disputes = tag("ul", [tag("li", line) for line in view.disputes]) if view.disputes else None
    planted = None
    if view.offer and view.offer.mutation_score is not None:
        planted = tag(
            "p", f"{view.offer.mutation_score:.0%} of the faults planted in the product were noticed by tests."
        )
    missing = None
    if view.offer and view.offer.unverified:
        names = view.offer.unverified
        missing = [tag("h3", "Not verified"), tag("ul", [tag("li", _requirement(view, id)) for id in names])]
    return section(
        "validation",
        "Validation",
        rows(("", "Check", "What happened"), list(checks))
        if checks
        else tag("p", "No check of the whole product is recorded."),
        written,
        [tag("h3", "Disputed acceptance tests"), disputes] if disputes else None,
        [_report(report) for report in reports],
        _coverage(view),
        planted,
        missing,
    )


def _coverage(view: RunView) -> Html | None:
    files = measured(view)
    if not files:
        return None
    ran, lines = totals(files)
    body: list[tuple[Child, ...]] = [
        (code(file.path), f"{len(file.ran)} of {len(file.ran) + len(file.missed)}", spans(file.missed))
        for file in files
    ]
    share = f"{ran} of {lines} lines were run by the product's own tests in their own process."
    return tag(
        "details",
        tag("summary", tag("strong", "Lines"), f" {share}"),
        rows(("File", "Lines run", "Not run"), body, class_="figures"),
    )


def _requirement(view: RunView, id: str) -> Child:
    known = view.specification.requirements if view.specification else ()
    text = next((item.text for item in known if item.id == id), "")
    return [tag("span", id, class_="id"), text]


def _verdict(check: Check) -> Html:
    if check.skipped:
        return badge("skipped", "warn")
    return badge("ok", "good") if check.ok else badge("failed", "bad")


def _report(report: TestReport) -> Html:
    bad = [case for case in report.cases if case.outcome in ("failed", "error")]
    counts = [f"{report.count('passed')} passed", f"{len(bad)} failed", f"{report.count('skipped')} skipped"]
    cases = [
        (
            badge(case.outcome, {"passed": "good", "skipped": "warn"}.get(case.outcome, "bad")),
            code(case.id),
            case.message,
        )
        for case in sorted(report.cases, key=lambda case: case.outcome == "passed")[:500]
    ]
    tone = "bad" if report.problem or bad else "good" if report.green else "warn"
    label = f"no verdict: {report.problem}" if report.problem else ", ".join(counts)
    return tag(
        "details",
        tag("summary", tag("strong", f"{report.suite} tests"), " ", badge(label, tone)),
        rows(("", "Test", "Message"), list(cases)) if cases else None,
        tag("pre", report.output) if report.output and (report.problem or bad) else None,
        open=bool(report.problem or bad),
    )


def findings(view: RunView) -> Html:
    """Scan results; without a recorded scan this says so, because an empty list would look clean."""
    if not view.scanned:
        return section("findings", "Scan results", tag("p", "No scan is recorded."))
    found = sorted(matters(view.findings), key=lambda each: (each[0].baseline, SEVERITIES.index(each[0].severity)))
    if not found:
        return section(
            "findings", "Scan results", tag("p", badge("clean", "good"), " The scans that ran found nothing.")
        )
    head = ("Severity", "Rule", "Where", "What")
    said = {dispute.finding: dispute for dispute in (view.offer.disputed if view.offer else ())}
    signed = {dispute.finding: approval for dispute, approval in view.disputes_signed}
    body = [_finding(each, said, signed) for each in found]
    return section("findings", "Scan results", rows(head, body))


def _finding(
    each: Sequence[Finding], said: Mapping[Finding, Dispute], signatures: Mapping[Finding, Approval]
) -> tuple[Child, ...]:
    finding = each[0]
    dispute = next((said[one] for one in each if one in said), None)
    signed = next((signatures[one] for one in each if one in signatures), None)
    tone = {"error": "bad", "warning": "warn"}.get(finding.severity, "")
    label = badge("in the base already") if finding.baseline else badge(finding.severity, tone)
    where = f"{finding.path}:{finding.line}" if finding.line else finding.path
    rule = ", ".join(f"{one.tool} {one.rule}" for one in each) + (f" ({finding.cwe})" if finding.cwe else "")
    what: list[Child] = [finding.message]
    if dispute is not None:
        what.append(tag("p", badge("disputed", "warn"), f" {dispute.task} says: {dispute.text}"))
        why = f": {signed.comment}" if signed and signed.comment else ""
        what.append(
            tag("p", f"signed away by {signed.who}{why}" if signed else "open: a person decides at the release")
        )
    return (label, rule, code(where) if where else "", what)


def before_signing(view: RunView) -> Html | None:
    """The guided walk: intent, changes by concern, where being wrong costs most, what to try by hand."""
    if view.offer is None:
        return None
    note = tag("p", "A signature holds for tree ", code(view.offer.tree), " only; any later change makes it stale.")
    stops = [[tag("h3", part.title), tag("ul", [tag("li", line) for line in part.lines])] for part in walk(view)]
    return section("walk", "Before you sign", note, stops)


def approvals(view: RunView) -> Html | None:
    """Who signed which content."""
    if not view.approvals:
        return None
    body: list[tuple[Child, ...]] = []
    for item in view.approvals:
        kind, _, name = item.subject.partition(":")
        verdict = badge("approved", "good") if item.verdict == "approve" else badge("rejected", "bad")
        state = badge("content changed since", "warn") if item.stale else ""
        shown = "release" if kind == "release" else f"{kind} {name}"
        body.append((verdict, shown, item.who, code(item.tree[:12]), item.comment, state))
    note = tag("p", "Each decision holds for one content hash (git tree) only.", class_="quiet")
    return section("approvals", "Approvals", note, rows(("", "Of", "By", "Tree", "Comment", ""), body))


def cost(view: RunView) -> Html | None:
    """Calls, tokens and money by role, model and task."""
    if not view.usage.calls:
        return None
    recorded = None
    if view.replayed_calls:
        recorded = tag(
            "p", f"{view.replayed_calls} of {view.usage.calls} answers came from a recording and cost nothing now."
        )
    estimated = tag("p", "Token counts are partly estimated: a server reported none.") if view.usage.estimated else None
    groups = (("Role", view.by_role), ("Model", view.by_model), ("Task or phase", view.by_task))
    return section("cost", "Cost", recorded, estimated, [_book(name, book) for name, book in groups])


def _book(name: str, book: tuple[Spending, ...]) -> Html:
    body: list[tuple[Child, ...]] = [
        (
            item.name,
            str(item.usage.calls),
            f"{item.usage.input_tokens:,}",
            f"{item.usage.output_tokens:,}",
            "unknown" if item.usage.cost_usd is None else f"${item.usage.cost_usd:.4f}",
            f"{item.wall_s:.1f}",
        )
        for item in book
    ]
    return rows((name, "Calls", "Tokens in", "Tokens out", "Cost", "Seconds"), body, class_="figures")


def timeline(view: RunView) -> Html:
    """Every event in order."""
    moments = [
        (code(str(item.seq)), tag("time", item.at[11:19] or item.at, datetime=item.at), item.text, item.who)
        for item in view.timeline[:_MOST_MOMENTS]
    ]
    rest = len(view.timeline) - _MOST_MOMENTS
    more = tag("p", f"{rest} more events: sixfold log {view.run}") if rest > 0 else None
    unknown = tag("p", f"{view.unknown_events} events of unknown kinds.") if view.unknown_events else None
    summary = tag("summary", f"{len(view.timeline)} events, {view.created_at[:10]}")
    table = rows(("#", "UTC", "What", "Who"), list(moments), class_="timeline")
    head = tag("p", "Head of the hash chain: ", code(view.head), class_="quiet")
    return section("timeline", "Timeline", head, tag("details", summary, table, more), unknown)


def usage(view: RunView) -> Html:
    """What to do with the result."""
    facts: list[tuple[Child, ...]] = []
    if view.branch:
        facts.append(("Branch", code(view.branch)))
    if view.tree:
        facts.append(("Tree", code(view.tree)))
    if view.base_commit:
        facts.append(("Built on commit", code(view.base_commit)))
    facts.append(("Files", str(len(view.files))))
    run = view.run or "RUN"
    commands = f"sixfold show {run}\nsixfold diff {run}"
    if view.outcome and view.outcome.status == "validated":
        commands += f"\nsixfold apply {run}    # into your checkout; uncommitted work survives"
        commands += f"\nsixfold undo {run}     # takes it back"
    commands += f"\nsixfold replay {run}   # the same again, offline"
    return section(
        "use",
        "Use it",
        tag("p", tag("strong", "Next: "), next_step(view)),
        rows(("", ""), facts, class_="facts"),
        tag("pre", commands),
    )
