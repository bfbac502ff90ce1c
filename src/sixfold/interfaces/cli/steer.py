"""Steering commands: `questions`, `answer`, `review`, `approve`, `reject`, `resume`, `cancel`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec
import typer

from sixfold.domain.data import to_json
from sixfold.domain.errors import UsageError
from sixfold.domain.requirements import Question
from sixfold.domain.result import next_step
from sixfold.domain.run import Budget, Decision, Options, Outcome
from sixfold.domain.view import RunView
from sixfold.interfaces.cli import session
from sixfold.interfaces.cli.build_options import GoOnOption, JsonLinesOption
from sixfold.interfaces.cli.engine import load_engine
from sixfold.interfaces.cli.finish import drive, write_report
from sixfold.interfaces.cli.screens import decision_screen
from sixfold.interfaces.cli.session import JsonOption, LastOption, RunArgument, Session
from sixfold.interfaces.cli.terminal import put, put_json, say
from sixfold.interfaces.decisions import check, reopens
from sixfold.interfaces.escape import one_line

N = TypeVar("N", int, float)

Words = Annotated[list[str], typer.Argument(show_default=False)]


def questions(run: RunArgument = None, last: LastOption = False, as_json: JsonOption = False) -> int:
    """What waits for a human: questions with options and defaults, and beside them everything that was assumed."""
    view = Session().view(run, last)
    assumed = view.specification.assumptions if view.specification else ()
    if as_json:
        put_json(
            {
                "schema_version": 1,
                "run": view.run,
                "questions": to_json(view.questions),
                "assumptions": to_json(assumed),
                "waiting": list(view.waiting),
            }
        )
        return 0
    for line in decision_screen(view):
        put(line)
    for subject in view.open_subjects:
        if not subject.startswith("question:"):
            put(f"{one_line(subject, 60)}: sixfold review {view.run}")
    if not view.questions and not assumed and not view.open_subjects:
        say(f"sixfold: {view.run} asks nothing")
    elif assumed:
        put(f'correct one: sixfold answer {view.run} {assumed[0].id} "what you want instead"')
    return 0


def answer(
    words: Annotated[list[str], typer.Argument(metavar="[RUN] ID [VALUE]", help="Newest run when RUN is left out.")],
    default: Annotated[bool, typer.Option("--default", help="Take the question's declared default.")] = False,
    last: LastOption = False,
    as_json: JsonOption = False,
    json_lines: JsonLinesOption = False,
) -> int:
    """Answer a question (Q1), or correct an assumption (A3), in the options' words or your own.

    An assumption may be corrected at any time. A run that has ended stays as it is: a new one takes over all of it that
    does not rest on the corrected decision.
    """
    wanted = 1 if default else 2
    if len(words) == wanted:
        words = ["--last", *words]
    if len(words) != wanted + 1:
        form = "sixfold answer [RUN] ID --default" if default else "sixfold answer [RUN] ID VALUE"
        raise UsageError(
            "answer takes a question or assumption and a value", next=f"{form} (quote a VALUE with spaces)"
        )
    open_session = Session()
    view = open_session.view(words[0], last)
    id = words[1]
    question = view.question(id)
    value = (question.default if question else "") if default else _value(question, words[2])
    # Questions are Q1, Q2, …, assumptions A1, A2, …; what is neither is told off as a question.
    kind = "assumption" if re.fullmatch(r"[Aa]\d+", id) and question is None else "question"
    decision = Decision(
        subject=f"{kind}:{id.upper() if kind == 'assumption' else id}",
        verdict="default" if default else "answer",
        value=value,
        who=session.who(),
    )
    if not reopens(view, decision):
        return decide(open_session, view, decision)
    check(view, decision)
    engine = load_engine()
    fresh = engine.revise(open_session.settings, view.run, [decision], msgspec.structs.replace(view.options, record=""))
    say(f"sixfold: run {fresh}: as {view.run}, but {one_line(id)} is {one_line(value)}")
    return drive(open_session, engine, fresh, as_json=as_json, json_lines=json_lines)


def _value(question: Question | None, typed: str) -> str:
    """What was typed, or the option it counts to when that is no answer of its own."""
    options = question.options if question else ()
    if typed.isdecimal() and 0 < int(typed) <= len(options) and all(typed != option.value for option in options):
        return options[int(typed) - 1].value
    return typed


def resume(
    run: RunArgument = None,
    last: LastOption = False,
    model: Annotated[str | None, typer.Option("--model", "-m", metavar="MODEL", help="From now on, for all.")] = None,
    budget_usd: Annotated[str | None, typer.Option("--budget-usd", metavar="N|+N", help="New cap, or more.")] = None,
    budget_tokens: Annotated[
        str | None, typer.Option("--budget-tokens", metavar="N|+N", help="New cap, or more.")
    ] = None,
    phase_budget_usd: Annotated[
        str | None, typer.Option("--phase-budget-usd", metavar="N|+N", help="The same for every phase.")
    ] = None,
    phase_budget_tokens: Annotated[
        str | None, typer.Option("--phase-budget-tokens", metavar="N|+N", help="The same for every phase.")
    ] = None,
    task_budget_usd: Annotated[
        str | None, typer.Option("--task-budget-usd", metavar="N|+N", help="The same for every task.")
    ] = None,
    task_budget_tokens: Annotated[
        str | None, typer.Option("--task-budget-tokens", metavar="N|+N", help="The same for every task.")
    ] = None,
    timeout_s: Annotated[float | None, typer.Option("--timeout-s", help="Pause after this many seconds.")] = None,
    yes: GoOnOption = False,
    as_json: JsonOption = False,
    json_lines: JsonLinesOption = False,
) -> int:
    """Go on with a run that waited, paused, or was killed; changed options are recorded with it."""
    if as_json and json_lines:
        raise UsageError("--json with --json-lines is a contradiction", next="leave one of them out")
    open_session = Session()
    view = open_session.view(run, last)
    if view.outcome is not None:
        raise UsageError(f"{view.run} has ended ({view.outcome.status})", next=f"see it: sixfold show {view.run}")
    options = msgspec.structs.replace(
        view.options,
        budget=_caps("", view.options.budget, budget_usd, budget_tokens),
        phase_budget=_caps("phase-", view.options.phase_budget, phase_budget_usd, phase_budget_tokens),
        task_budget=_caps("task-", view.options.task_budget, task_budget_usd, task_budget_tokens),
    )
    options = changed_options(options, model, timeout_s, yes)
    changed = None if options == view.options else options
    return drive(open_session, load_engine(), view.run, options=changed, as_json=as_json, json_lines=json_lines)


def changed_options(options: Options, model: str | None, timeout_s: float | None, yes: bool) -> Options:
    """The options a resumed or forked run goes on with."""
    if model is not None and options.replay:
        raise UsageError("this run is a replay: no model answers in it", next="leave -m out")
    wanted = msgspec.structs.replace(
        options,
        models=options.models if model is None else (("*", model),),
        timeout_s=options.timeout_s if timeout_s is None else timeout_s,
        until="",  # it was reached, or nobody waits for it any more
    )
    if yes:
        wanted = msgspec.structs.replace(wanted, unanswered="default", review="none", approve_release=True)
    return wanted


def _caps(prefix: str, present: Budget, usd: str | None, tokens: str | None) -> Budget:
    return Budget(
        usd=_raised(f"--{prefix}budget-usd", usd, present.usd, float),
        tokens=_raised(f"--{prefix}budget-tokens", tokens, present.tokens, int),
    )


def _raised(name: str, text: str | None, present: N | None, kind: Callable[[str], N]) -> N | None:
    """`N` sets a cap, `+N` raises the present one."""
    if text is None:
        return present
    try:
        number = kind(text.removeprefix("+"))
    except ValueError:
        raise UsageError(f"{name} takes a number, or +NUMBER to raise the cap: {text!r}") from None
    if not 0 < number < float("inf"):
        raise UsageError(f"{name} must be above 0: {text!r}")
    return number + present if text.startswith("+") and present is not None else number


def cancel(run: RunArgument = None, last: LastOption = False) -> int:
    """End a run for good. What it made stays in the state folder."""
    open_session = Session()
    view = open_session.view(run, last)
    if view.outcome is not None:
        raise UsageError(f"{view.run} has ended ({view.outcome.status})", next=f"see it: sixfold show {view.run}")
    with open_session.state.drive(view.run):
        outcome = Outcome(
            status="cancelled", exit_code=1, tree=view.tree, branch=view.branch, reason="cancelled", usage=view.usage
        )
        data = {"outcome": to_json(outcome), "next": ""}
        open_session.state.log(view.run).append("run.ended", "run.ended", data, who=session.who())
    write_report(open_session, view.run)
    say(f"sixfold: {view.run} cancelled; next: sixfold show {view.run}")
    return 0


def decide(open_session: Session, view: RunView, decision: Decision) -> int:
    """Check and record a decision, and say what comes next."""
    check(view, decision)
    load_engine().decide(open_session.settings, view.run, decision)
    after = open_session.view(view.run)
    kind, _, name = decision.subject.partition(":")
    said = {"answer": "answered", "default": "answered with its default", "approve": "approved", "reject": "rejected"}
    said["edit"] = "edited"
    shown = name if kind != "release" else f"release (tree {name[:12]})"
    value = f": {one_line(decision.value)}" if decision.value and decision.verdict != "edit" else ""
    put(f"{shown} {said[decision.verdict]}{value}")
    say(f"  next: {one_line(next_step(after))}")
    return 0
