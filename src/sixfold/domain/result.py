"""What a script gets: the `--json` object, the exit code and the next command of a run."""

from __future__ import annotations

from sixfold.domain import errors
from sixfold.domain.data import Json, to_json
from sixfold.domain.evidence import counted
from sixfold.domain.view import RunView, outcomes

SCHEMA_VERSION = 1
INTERRUPTED = "interrupt"
"""Code of a pause that a person caused with Ctrl-C."""


def exit_code(view: RunView) -> int | None:
    """What a command that drove the run to this point returns; None while it is being driven."""
    if view.outcome is not None:
        return view.outcome.exit_code
    if view.status == "waiting":
        return 3
    if view.status == "paused":
        code = view.pause.code if view.pause else INTERRUPTED
        return 130 if code == INTERRUPTED else _exit_codes().get(code, 1)
    return None


def _exit_codes() -> dict[str, int]:
    codes: dict[str, int] = {}
    kinds: list[type[errors.SixfoldError]] = [errors.SixfoldError]
    while kinds:
        kind = kinds.pop()
        codes[kind.code] = kind.exit_code
        kinds.extend(kind.__subclasses__())
    return codes


def next_step(view: RunView) -> str:
    """The one command (with a word on why) that moves this run on; empty when nothing is left to do."""
    run = view.run or "RUN"
    if view.outcome is not None:
        if view.outcome.status != "validated":
            return view.next or f"see what happened: sixfold show {run}"
        if view.applied is not None:
            return view.next or f"take it back if you want: sixfold undo {run}"
        return view.next or f"bring it into your checkout: sixfold apply {run}"
    if view.waiting:
        subject = view.waiting[0]
        kind, _, name = subject.partition(":")
        if kind == "question":
            return f"answer it: sixfold answer {run} {name} VALUE"
        return f"review it: sixfold review {run}"
    if view.status == "waiting":
        return f"go on: sixfold resume {run}"
    if view.status == "paused":
        return (view.pause.next if view.pause else "") or f"go on: sixfold resume {run}"
    return f"follow it: sixfold log {run} --follow"


def result(view: RunView) -> dict[str, Json]:
    """The object of `--json`, as documented in `docs/reference/events.md`. Plain JSON."""
    written, plan, snapshot = view.specification, view.plan, view.snapshot
    return {
        "schema_version": SCHEMA_VERSION,
        "run": view.run,
        "status": view.status,
        "exit_code": exit_code(view),
        "phase": view.phase,
        "specification": {
            "title": written.title if written else "",
            "requirements": to_json(written.requirements) if written else [],
            "assumptions": to_json(written.assumptions) if written else [],
        },
        "questions": [to_json(question) for question in view.questions],
        "plan": {"revision": plan.revision if plan else 0, "tasks": _tasks(view)},
        "branch": view.branch,
        "base_commit": snapshot.head if snapshot else "",
        "tree": view.tree or "",
        "files": list(view.files),
        "tests": _tests(view),
        "findings": counted(view.findings),
        "approvals": to_json(view.approvals),
        "waiting": list(view.waiting),
        "reason": view.outcome.reason if view.outcome else view.pause.what if view.pause else "",
        "usage": {
            "calls": view.usage.calls,
            "replayed_calls": view.replayed_calls,
            "input_tokens": view.usage.input_tokens,
            "output_tokens": view.usage.output_tokens,
            "cost_usd": view.usage.cost_usd,
            "estimated": view.usage.estimated,
            "wall_s": round(view.wall_s, 3),
        },
        "report": view.report,
        "next": next_step(view),
    }


def against_forecast(view: RunView) -> str:
    """How the forecast compares with what was really used, to follow it in a line; empty without a forecast."""
    if view.forecast is None or view.forecast.tokens is None:
        return ""
    least, most = view.forecast.tokens
    used = view.usage.input_tokens + view.usage.output_tokens
    verdict = "above" if used > most else "below" if used < least and view.outcome else "within"
    return f"; used {used:,} tokens: {verdict} the forecast"


def _tasks(view: RunView) -> list[Json]:
    return [
        {
            "id": item.task.id,
            "title": item.task.title,
            "role": item.task.role,
            "model": item.model,
            "status": item.status,
            "files": list(item.files or item.task.files),
            "provides": list(item.task.provides),
            "consumes": list(item.task.consumes),
            "requirements": list(item.task.requirements),
            "attempts": item.attempts,
        }
        for item in view.tasks
    ]


def _tests(view: RunView) -> dict[str, Json]:
    reports = view.reports()
    return {
        **outcomes(reports, ("unit", "existing")),
        "acceptance": {**outcomes(reports, ("acceptance",)), "examples": outcomes(reports, ("examples",))},
        "without_verdict": [f"{report.suite}: {report.problem}" for report in reports if report.problem],
        "mutation_score": view.offer.mutation_score if view.offer else None,
    }
