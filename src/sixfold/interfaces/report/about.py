"""The report's first half: what was asked, decided and specified, and how it is traced to evidence."""

from __future__ import annotations

from sixfold.domain.dependants import dependants
from sixfold.domain.evidence import TestCase, counted, counts_line
from sixfold.domain.requirements import Assumption, Question, Requirement, Step
from sixfold.domain.result import next_step
from sixfold.domain.view import RunView, outcomes
from sixfold.interfaces.report.graph import draw
from sixfold.interfaces.report.html import Child, Html, badge, code, rows, section, tag

_PHASES = ("input", "orchestration", "development", "validation")
_TONES = {"validated": "good", "waiting": "warn", "paused": "warn", "failed": "bad", "cancelled": "bad"}
_ORIGINS = {
    "request": "from the request",
    "answer": "from an answer",
    "assumption": "assumed",
    "repository": "from the repository",
    "attachment": "from an attachment",
}


def header(view: RunView) -> Html:
    """Title, status, phases and the figures a reader looks for first."""
    phases = [
        tag("li", phase, class_="done" if phase in view.phases_done else "now" if phase == view.phase else None)
        for phase in _PHASES
    ]
    title = view.title or view.request.text.partition("\n")[0]
    return tag(
        "header",
        tag("p", "Sixfold report · ", code(view.run or "run"), class_="kicker"),
        tag("h1", title, " ", badge(view.status, _TONES.get(view.status, ""))),
        tag("ol", phases, class_="phases"),
        _cards(view),
        _callout(view),
    )


def _cards(view: RunView) -> Html:
    reports = view.reports()
    own, acceptance = outcomes(reports, ("unit", "existing")), outcomes(reports, ("acceptance", "examples"))
    counts, used = counted(view.findings), view.usage
    checks_ok = sum(1 for check in view.checks if check.ok)
    cards = [
        _tests_card("Own tests", own, bool([r for r in reports if r.suite in ("unit", "existing")])),
        _tests_card("Acceptance", acceptance, bool([r for r in reports if r.suite in ("acceptance", "examples")])),
        _card(
            "Blocking findings",
            str(counts["blocking"]) if view.scanned else "–",
            counts_line(view.findings).partition(", ")[2] if view.scanned else "no scan recorded",
            "" if not view.scanned else "bad" if counts["blocking"] else "good",
        ),
        _card(
            "Checks",
            f"{checks_ok}/{len(view.checks)}" if view.checks else "–",
            "of the whole product" if view.checks else "none recorded",
            "" if not view.checks else "good" if checks_ok == len(view.checks) else "warn",
        ),
        _card("Cost", _price(view), f"{used.calls} calls, {used.input_tokens + used.output_tokens:,} tokens"),
        _card("Work", _duration(view.wall_s), f"{len(view.live_increments)} increments, {len(view.files)} files"),
    ]
    return tag("div", cards, class_="cards")


def _tests_card(name: str, counts: dict[str, int], ran: bool) -> Html:
    if not ran:
        return _card(name, "–", "none recorded")
    detail = f"passed, {counts['failed']} failed, {counts['skipped']} skipped"
    return _card(
        name, str(counts["passed"]), detail, "bad" if counts["failed"] else "good" if counts["passed"] else "warn"
    )


def _card(name: str, figure: str, detail: str, tone: str = "") -> Html:
    return tag(
        "div",
        tag("span", name, class_="label"),
        tag("strong", figure, class_=tone or None),
        tag("span", detail, class_="detail"),
        class_="card",
    )


def _price(view: RunView) -> str:
    if view.usage.cost_usd is None:
        return "unknown" if view.usage.calls else "–"
    return f"${view.usage.cost_usd:.4f}"


def _duration(wall_s: float) -> str:
    minutes, seconds = divmod(round(wall_s), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _callout(view: RunView) -> Html | None:
    parts: list[Child] = []
    if view.open_subjects and view.waiting:
        parts.append(tag("p", tag("strong", "Waits for you. "), next_step(view)))
    elif view.outcome and view.outcome.reason:
        parts.append(tag("p", tag("strong", f"{view.outcome.status.capitalize()}. "), view.outcome.reason))
    elif view.pause:
        parts.append(tag("p", tag("strong", "Paused. "), f"{view.pause.what}. {view.pause.next}"))
    if view.offer and view.offer.unverified:
        names = ", ".join(view.offer.unverified)
        parts.append(tag("p", tag("strong", "Not verified: "), f"{names}. No executed evidence is recorded for these."))
    skipped = [check.name for check in view.checks if check.skipped]
    if skipped:
        parts.append(tag("p", tag("strong", "Not done here: "), ", ".join(skipped), "."))
    return tag("div", parts, class_="callout") if parts else None


def request(view: RunView) -> Html:
    """The request as given, what came with it, and the folder it is about."""
    facts: list[Child] = []
    if view.snapshot:
        at = f"{view.snapshot.branch} at {view.snapshot.head[:12]}" if view.snapshot.head else "an empty folder"
        dirty = ", with uncommitted work that was left alone" if view.snapshot.dirty else ""
        facts.append(tag("p", "Built on ", code(view.folder), f" ({at}{dirty}).", class_="quiet"))
    if view.context:
        facts.append(tag("p", "Looked up: ", ", ".join(view.context), class_="quiet"))
    attachments = [
        tag(
            "details",
            tag("summary", item.name, " ", badge(item.media_type), " ", tag("span", item.note, class_="quiet")),
            tag("pre", item.text[:20_000] or "(no text)"),
        )
        for item in view.request.attachments
    ]
    return section("request", "Request", tag("blockquote", view.request.text), facts, attachments)


def questions(view: RunView) -> Html | None:
    """Each question with its options, what was chosen, and who chose."""
    if not view.questions and not view.signals:
        return None
    signals = tag("p", "What was unclear: ", "; ".join(view.signals), ".", class_="quiet") if view.signals else None
    return section("questions", "Questions and answers", signals, [_question(view, item) for item in view.questions])


def _question(view: RunView, item: Question) -> Html:
    by = dict(view.answered_by).get(item.id, "")
    said = {"answered": "answered", "defaulted": "default taken", "open": "open"}[item.status]
    options = [
        tag(
            "li",
            tag("strong", option.value),
            badge("chosen", "good") if option.value == item.answer and item.status != "open" else None,
            badge("default") if option.value == item.default else None,
            tag("span", option.consequence),
            class_="chosen" if option.value == item.answer and item.status != "open" else None,
        )
        for option in item.options
    ]
    own = item.answer and item.answer not in [option.value for option in item.options]
    return tag(
        "article",
        tag(
            "h3",
            tag("span", item.id, class_="id"),
            item.text,
            " ",
            badge(said, "warn" if item.status == "open" else ""),
        ),
        tag("p", item.why, class_="quiet") if item.why else None,
        tag("ul", options, class_="options") if options else None,
        tag("p", "Answer: ", tag("strong", item.answer)) if own else None,
        tag("p", f"Decided by {by}", class_="quiet") if by else None,
        class_="question",
    )


def specification(view: RunView) -> Html | None:
    """Requirements with their executable examples, the assumption ledger and the public interface."""
    written = view.specification
    if written is None:
        return None
    ledger = [
        (tag("span", item.id, class_="id"), _assumed(item), dependants(view, item.id).text(), badge(item.status))
        for item in written.assumptions
    ]
    return section(
        "specification",
        "Specification",
        tag("p", written.summary) if written.summary else None,
        tag("ol", [_requirement(item) for item in written.requirements], class_="requirements"),
        [tag("h3", "Assumptions"), rows(("", "Decided without asking", "Rests on it", ""), ledger)] if ledger else None,
        [tag("h3", "Public interface"), tag("pre", written.interface)] if written.interface else None,
    )


def _assumed(item: Assumption) -> str:
    """The decision, and what a person wants instead where the line does not say so already."""
    said = item.correction and item.correction not in item.text
    return f"{item.text} — instead: {item.correction}" if said else item.text


def _requirement(item: Requirement) -> Html:
    examples = [
        tag(
            "details",
            tag("summary", tag("span", example.id, class_="id"), example.title),
            tag("pre", "\n".join(_step(step) for step in example.steps)),
        )
        for example in item.examples
    ]
    tone = "warn" if item.origin == "assumption" else ""
    words = tag("div", item.text, " ", badge(_ORIGINS[item.origin], tone), examples)
    return tag("li", tag("span", item.id, class_="id"), words)


def _step(step: Step) -> str:
    does = step.call or (f"{step.method} {step.path}" if step.path else "$ " + " ".join(step.argv))
    expect = step.expect
    wanted = [
        f"{name} {value!r}"
        for name, value in (
            ("gives", expect.value),
            ("raises", expect.raises),
            ("exit", expect.exit),
            ("prints", expect.stdout),
            ("contains", list(expect.contains) or None),
            ("status", expect.status),
            ("json", expect.json),
        )
        if value is not None
    ]
    return f"{does}  →  {', '.join(wanted) or 'runs'}"


def matrix(view: RunView) -> Html | None:
    """Requirement → task → file → test → evidence: only what was recorded, gaps shown as gaps."""
    if view.specification is None:
        return None
    reports = [report for report in view.reports() if not report.problem]
    cases = [case for report in view.reports() for case in report.cases]
    outside = [case for report in reports if report.from_outside for case in report.cases]
    shown = {id for case in outside if case.outcome == "passed" for id in case.requirements}
    unverified = set(view.offer.unverified) if view.offer else set()
    body: list[tuple[Child, ...]] = []
    for item in view.specification.requirements:
        tasks = [one for one in view.tasks if item.id in one.task.requirements and one.status != "dropped"]
        files = sorted({path for one in tasks for path in one.files or one.task.files})
        tests = [case for case in cases if item.id in case.requirements]
        body.append(
            (
                tag("span", item.id, class_="id", title=item.text),
                ", ".join(one.task.id for one in tasks) or tag("span", "none", class_="quiet"),
                [tag("div", code(path)) for path in files],
                _tests(tests),
                _evidence(tests, item.id in unverified, item.id in shown),
            )
        )
    head = ("Requirement", "Task", "Files", "Tests that name it", "Evidence")
    return section("trace", "From requirement to evidence", rows(head, body, class_="matrix"))


def _tests(tests: list[TestCase]) -> Child:
    shown: list[Child] = [tag("div", code(case.id)) for case in tests[:4]]
    if len(tests) > 4:
        shown.append(tag("div", f"and {len(tests) - 4} more", class_="quiet"))
    return shown or tag("span", "none names it", class_="quiet")


def _evidence(tests: list[TestCase], unverified: bool, shown: bool) -> Html:
    if unverified:
        return badge("not verified", "warn")
    bad = sum(1 for case in tests if case.outcome in ("failed", "error"))
    good = sum(1 for case in tests if case.outcome == "passed")
    if bad:
        return badge(f"{bad} failed", "bad")
    if good and not shown:
        return badge("not verified", "warn")
    return badge(f"{good} passed", "good") if good else tag("span", "–", class_="quiet")


def plan(view: RunView) -> Html | None:
    """The graph, its contracts, and why each revision exists."""
    drawing = draw(view)
    current = view.plan
    if drawing is None or current is None:
        if not view.tasks:
            return None
        return section("plan", "Plan", tag("p", "Small enough for one direct task; no plan was needed."))
    revisions = [(str(one.revision), one.author, one.reason or "first plan", str(len(one.tasks))) for one in view.plans]
    contracts = [
        tag("details", tag("summary", code(one.id), " ", badge(one.kind)), tag("pre", one.text))
        for one in current.contracts
    ]
    repairs = [tag("li", tag("span", one.task.id, class_="id"), line) for one in view.tasks for line in one.repairs]
    return section(
        "plan",
        "Plan",
        drawing,
        [tag("h3", "Contracts between tasks"), contracts] if contracts else None,
        [tag("h3", "Why the plan is as it is"), rows(("Revision", "By", "Reason", "Tasks"), list(revisions))],
        [tag("h3", "Repairs"), tag("ul", repairs)] if repairs else None,
    )
