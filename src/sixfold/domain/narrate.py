"""One plain English line for each event: what progress, `log` and the report's timeline say."""

from __future__ import annotations

from collections.abc import Callable

from sixfold.domain.data import Json, from_json
from sixfold.domain.errors import InvalidData
from sixfold.domain.events import Event
from sixfold.domain.evidence import Finding, counts_line
from sixfold.domain.revising import revision_of


def narrate(event: Event) -> str:
    """What happened, in one line. Unescaped: whoever shows it must escape it for its medium."""
    teller = _TELLERS.get(event.kind)
    if teller is None or not isinstance(event.data, dict):
        return event.kind
    try:
        return " ".join(teller(event.data).split())
    except (AttributeError, InvalidData, KeyError, TypeError, ValueError):
        # An event of another version: the line is lost, the event is not, and looking must go on.
        return f"{event.kind} (written by another version; see it whole with --json)"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _cut(text: str, most_chars: int = 100) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= most_chars else line[: most_chars - 1] + "…"


def _created(data: Json) -> str:
    title = _cut(data.get("title") or data.get("request", {}).get("text", ""))
    fork = data.get("fork")
    if not fork:
        return f"run created: {title}"
    taken = _count(len(fork.get("answers", ())), "answer")
    return f"run forked from {fork.get('run', '')} before {fork.get('step', '')}, {taken} taken over: {title}"


def forecast_text(data: Json) -> str:
    """One line about a `Forecast`, given as JSON."""
    if not data.get("tokens"):
        return f"no forecast: {data.get('basis', '')}"
    price = data.get("cost_usd")
    money = f"${price[0]:.4f} to ${price[1]:.4f}" if price else "cost unknown"
    calls, tokens = data["calls"], data["tokens"]
    amount = f"{calls[0]} to {calls[1]} calls, {tokens[0]:,} to {tokens[1]:,} tokens, {money}"
    return f"forecast: {amount} (rests on {data.get('basis', '')})"


def _tests(data: Json) -> str:
    report = data.get("report", {})
    outcomes = [case.get("outcome") for case in report.get("cases", ())]
    bad = outcomes.count("failed") + outcomes.count("error")
    parts = [f"{outcomes.count('passed')} passed"]
    if bad:
        parts.append(f"{bad} failed")
    if outcomes.count("skipped"):
        parts.append(f"{outcomes.count('skipped')} skipped")
    if report.get("problem"):
        parts = [f"no verdict: {_cut(report['problem'])}"]
    return f"{data.get('scope', '')}: {report.get('suite', '')} tests: {', '.join(parts)}"


def _scan(data: Json) -> str:
    found = from_json(data.get("findings", ()), tuple[Finding, ...])
    told = f": {counts_line(found)}" if found else " clean"
    return f"{data.get('scope', '')}: scan{told}"


def _called(data: Json) -> str:
    usage = data.get("usage", {})
    cost = usage.get("cost_usd")
    price = "unknown cost" if cost is None else f"${cost:.4f}"
    recorded = " (recorded)" if data.get("replayed") else ""
    tokens = f"{usage.get('input_tokens', 0)} + {usage.get('output_tokens', 0)} tokens"
    return f"{data.get('role', '')} ({data.get('model', '')}) {data.get('purpose', '')}: {tokens}, {price}{recorded}"


_VERDICTS = {
    "answer": "answered",
    "default": "default taken",
    "approve": "approved",
    "reject": "rejected",
    "edit": "edited",
}


def _decision(data: Json) -> str:
    decision = data.get("decision", {})
    subject = str(decision.get("subject", ""))
    revised = revision_of(subject)
    kind, _, name = (revised.subject if revised else subject).partition(":")
    shown = name[:12] if kind == "release" else name
    verdict = {
        "answer": "answered",
        "default": "default taken",
        "approve": "approved",
        "reject": "rejected",
        "edit": "edited",
    }.get(str(decision.get("verdict")), str(decision.get("verdict")))
    text = decision.get("comment") if kind == "plan" else decision.get("value") or decision.get("comment")
    if kind == "assumption" and verdict == "answered":
        verdict = "corrected"
    if kind == "requirement":
        verdict = "dropped" if verdict == "rejected" else "written anew"
    return f"{kind} {shown} {verdict} by {decision.get('who', '')}" + (f": {_cut(text)}" if text else "")


def _plan(data: Json) -> str:
    plan = data.get("plan", {})
    reason = f": {_cut(plan['reason'])}" if plan.get("reason") else ""
    change = f" ({plan['change']})" if plan.get("change") else ""
    undone = plan.get("invalidates") or ()
    undoes = f", undoes {', '.join(map(str, undone))}" if undone else ""
    return (
        f"plan revision {plan.get('revision', 1)}{change}, {_count(len(plan.get('tasks', ())), 'task')}{undoes}{reason}"
    )


def _reading(data: Json) -> str:
    return f"{data.get('kind', '')} {data.get('id', '')} ({str(data.get('digest', ''))[:8]})"


def _specification(data: Json) -> str:
    written = data.get("specification", {})
    counts = (
        _count(len(written.get("requirements", ())), "requirement"),
        _count(len(written.get("assumptions", ())), "assumption"),
    )
    return f"specification: {_cut(written.get('title', ''))} ({', '.join(counts)})"


def _check(data: Json) -> str:
    check = data.get("check", {})
    verdict = "skipped" if check.get("skipped") else "ok" if check.get("ok") else "FAILED"
    return f"check {check.get('name', '')}: {verdict}" + (f" ({_cut(check['detail'])})" if check.get("detail") else "")


def _increment(data: Json) -> str:
    increment = data.get("increment", {})
    risks = len(increment.get("risks", ()))
    return (
        f"increment {increment.get('id', '')} proposed: {_cut(increment.get('title', ''))} "
        f"({_count(len(increment.get('files', ())), 'file')}, {_count(risks, 'risk')})"
    )


def _refused(data: Json) -> str:
    reasons = [str(refusal.get("reason", "")) for refusal in data.get("refusals", ())]
    return f"{data.get('task', '')}: patch refused: {_cut('; '.join(reasons))}"


def _ended(data: Json) -> str:
    outcome = data.get("outcome", {})
    return f"run {outcome.get('status', 'ended')}" + (f": {_cut(outcome['reason'])}" if outcome.get("reason") else "")


def _files(verb: str) -> Callable[[Json], str]:
    return lambda data: f"{verb} {_count(len(data.get('files', ())), 'file')} in {data.get('folder', '')}"


_TELLERS: dict[str, Callable[[Json], str]] = {
    "run.created": _created,
    "run.forecast": lambda d: forecast_text(d.get("forecast", {})),
    "run.waiting": lambda d: f"waits for a human: {', '.join(str(s)[:24] for s in d.get('subjects', ()))}",
    "run.paused": lambda d: f"paused: {_cut(d.get('what', ''))}",
    "run.resumed": lambda d: f"resumed by {d.get('by', '')}",
    "run.ended": _ended,
    "phase.started": lambda d: f"phase {d.get('phase', '')} started",
    "phase.ended": lambda d: f"phase {d.get('phase', '')} ended",
    "attachment.read": lambda d: f"read attachment {d.get('attachment', {}).get('name', '')}",
    "context.found": lambda d: f"looked up {_count(len(d.get('paths', ())), 'file')} of the repository",
    "clarity.checked": lambda d: f"clarity: {d.get('route', '')} ({_count(len(d.get('signals', ())), 'signal')})",
    "question.asked": lambda d: (
        f"question {d.get('question', {}).get('id', '')}: {_cut(d.get('question', {}).get('text', ''))}"
    ),
    "specification.drafted": lambda d: (
        f"decided {_count(len(d.get('specification', {}).get('assumptions', ())), 'assumption')}, "
        f"to ask: {len(d.get('specification', {}).get('questions', ()))}"
    ),
    "specification.written": _specification,
    "decisions.taken": lambda d: (
        "taken up: " + (", ".join(str(one.get("subject", "")) for one in d.get("decisions", ())) or "no correction")
    ),
    "plan.made": _plan,
    "plan.refused": lambda d: f"the edit {d.get('edit', '')} does not fit: {_cut(d.get('reason', ''), 300)}",
    "context.read": lambda d: f"{d.get('task', '')} was handed {', '.join(map(_reading, d.get('readings', ())))}",
    "stubs.served": lambda d: (
        f"{d.get('task', '')} begins on stubs of {', '.join(map(str, d.get('contracts', ())))}: on the critical path"
    ),
    "note.published": lambda d: (
        f"{d.get('task', '')} lets know: {_cut(' / '.join(str(note.get('text', '')) for note in d.get('notes', ())))}"
    ),
    "contract.disputed": lambda d: (
        f"{d.get('task', '')}: says contract {d.get('objection', {}).get('contract', '')} is wrong: "
        f"{_cut(d.get('objection', {}).get('text', ''))}"
    ),
    "task.returned": lambda d: f"{d.get('child', '')} came back: {d.get('status', '')}",
    "task.reused": lambda d: f"{d.get('task', '')} reused: {_cut(d.get('how', ''))}",
    "task.started": lambda d: f"{d.get('task', '')} attempt {d.get('attempt', 1)} started: {_cut(d.get('title', ''))}",
    "task.ended": lambda d: (
        f"{d.get('task', '')} {d.get('status', '')}" + (f": {_cut(d['reason'])}" if d.get("reason") else "")
    ),
    "model.called": _called,
    "patch.applied": lambda d: f"{d.get('task', '')}: patch applied to {_count(len(d.get('files', ())), 'file')}",
    "patch.refused": _refused,
    "patch.declined": lambda d: f"{d.get('task', '')}: nothing to change, says its coder: {_cut(d.get('text', ''))}",
    "tests.ran": _tests,
    "scan.done": _scan,
    "repair.decided": lambda d: f"{d.get('task', '')}: repair by {d.get('strategy', '')}: {_cut(d.get('reason', ''))}",
    "candidates.compared": lambda d: (
        f"{d.get('task', '')}: {d.get('chosen', '')} of {_count(len(d.get('candidates', ())), 'candidate')} chosen:"
        f" {_cut(d.get('reason', ''))}"
    ),
    "increment.proposed": _increment,
    "commit.made": lambda d: f"increment {d.get('increment', '')} committed as {str(d.get('commit', ''))[:12]}",
    "acceptance.written": lambda d: (
        f"{_count(int(d.get('tests', 0)), 'acceptance test')} written without sight of the code"
    ),
    "acceptance.disputed": lambda d: (
        f"acceptance test {d.get('test', '')} {d.get('verdict', '')}: {_cut(d.get('reason', ''))}"
    ),
    "examination.started": lambda d: f"examining from outside: {', '.join(map(str, d.get('tries', ())))}",
    "check.done": _check,
    "release.proposed": lambda d: f"release offered: tree {str(d.get('offer', {}).get('tree', ''))[:12]}",
    "branch.made": lambda d: f"branch {d.get('branch', '')} at {str(d.get('commit', ''))[:12]}",
    "decision.given": _decision,
    "result.applied": _files("applied"),
    "result.undone": _files("took back"),
    "report.written": lambda d: f"report written to {d.get('path', '')}",
    "note": lambda d: _cut(d.get("text", ""), 300),
}
