"""`build` and `demo`: from a request to a branch."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from sixfold.domain.data import to_json
from sixfold.domain.errors import RequestError, UsageError
from sixfold.domain.narrate import forecast_text
from sixfold.domain.view import RunView
from sixfold.interfaces.cli import session
from sixfold.interfaces.cli.build_options import (
    AnswersOption,
    ApplyOption,
    AttachOption,
    BudgetTokensOption,
    BudgetUsdOption,
    ClarifyOption,
    FolderOption,
    JsonLinesOption,
    ModelOption,
    PhaseTokensOption,
    PhaseUsdOption,
    PlanOption,
    RecordOption,
    ReplayOption,
    RequestArgument,
    ReviewOption,
    RoleOption,
    TaskTokensOption,
    TaskUsdOption,
    TimeoutOption,
    UnansweredOption,
    UntilOption,
    YesOption,
)
from sixfold.interfaces.cli.choices import Clarify, Review, Unanswered, Until
from sixfold.interfaces.cli.door import read_answers
from sixfold.interfaces.cli.engine import load_engine
from sixfold.interfaces.cli.finish import drive, finish
from sixfold.interfaces.cli.progress import choose_progress
from sixfold.interfaces.cli.roles import read_role, require_models
from sixfold.interfaces.cli.session import JsonOption, Session
from sixfold.interfaces.cli.terminal import say
from sixfold.interfaces.escape import one_line

NO_MODEL = """\
sixfold: no model is configured
  With a key:      export OPENAI_API_KEY=…     then  sixfold build -m openai:MODEL "REQUEST"
                   export ANTHROPIC_API_KEY=…  then  sixfold build -m anthropic:MODEL "REQUEST"
  Without a key:   sixfold build -m ollama:MODEL "REQUEST"          a local model
                   sixfold build -m relay:./inbox "REQUEST"         you, or any program, answer files in ./inbox
                   sixfold build -m "command:PROGRAM" "REQUEST"     a program reads the prompt on stdin
  Just look:       sixfold demo                                     a recorded run, no key
  Keep it:         put  model = "PROVIDER:NAME"  into your config.toml, or set SIXFOLD_MODEL
  next: choose one of these; known models: sixfold models"""


def build(
    request: RequestArgument,
    cwd: FolderOption = Path("."),
    attach: AttachOption = None,
    model: ModelOption = None,
    role: RoleOption = None,
    clarify: ClarifyOption = None,
    answers: AnswersOption = None,
    unanswered: UnansweredOption = None,
    plan: PlanOption = None,
    until: UntilOption = None,
    review: ReviewOption = None,
    budget_usd: BudgetUsdOption = None,
    budget_tokens: BudgetTokensOption = None,
    phase_budget_usd: PhaseUsdOption = None,
    phase_budget_tokens: PhaseTokensOption = None,
    task_budget_usd: TaskUsdOption = None,
    task_budget_tokens: TaskTokensOption = None,
    timeout_s: TimeoutOption = None,
    apply: ApplyOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
    json_lines: JsonLinesOption = False,
    record: RecordOption = None,
    replay: ReplayOption = None,
) -> int:
    """Turn a request into a validated branch."""
    _refuse_contradictions(
        {
            "-y with --review": yes and review not in (None, Review.NONE),
            "-y with --unanswered": yes and unanswered not in (None, Unanswered.DEFAULT),
            "--replay with -m": replay is not None and model is not None,
            "--replay with --role": replay is not None and bool(role),
            "--replay with --record": replay is not None and record is not None,
            "--answers with --clarify never": answers is not None and clarify is Clarify.NEVER,
            "--json with --json-lines": as_json and json_lines,
        }
    )
    text = read_request(request)
    given = read_answers(answers) if answers else None
    flags = {
        "model": model,
        **{f"roles.{name}": each for name, each in map(read_role, role or ())},
        "clarify": clarify and clarify.value,
        "unanswered": "default" if yes else unanswered and unanswered.value,
        "plan": plan and plan.value,
        "review": "none" if yes else review and review.value,
        "budget.usd": budget_usd,
        "budget.tokens": budget_tokens,
        "phase_budget.usd": phase_budget_usd,
        "phase_budget.tokens": phase_budget_tokens,
        "task_budget.usd": task_budget_usd,
        "task_budget.tokens": task_budget_tokens,
        "timeout_s": timeout_s,
    }
    if not cwd.is_dir():
        raise UsageError(f"there is no folder {cwd}", next="give -C an existing folder")
    open_session = Session(cwd, flags)
    options = msgspec.structs.replace(
        open_session.settings.options(),
        approve_release=yes,
        until="plan" if until is Until.PLAN else "",
        apply=apply,
        record=str(record.resolve()) if record else "",
        replay=str(replay.resolve()) if replay else "",
    )
    if not options.replay:
        require_models(options.models)
    engine = load_engine()
    files = [*([Path(request[1:])] if _is_folder(request) else []), *(attach or [])]
    run = engine.start(open_session.settings, text, files, cwd.resolve(), options)
    say(f"sixfold: run {run}")
    expected = open_session.view(run).forecast
    if expected is not None:
        say(f"  {one_line(forecast_text(to_json(expected)))}")
    return drive(open_session, engine, run, answers=given, as_json=as_json, json_lines=json_lines)


def demo(
    as_json: JsonOption = False,
    json_lines: JsonLinesOption = False,
) -> int:
    """Replay a bundled recorded run without any key; real sandbox, tests, scans and git."""
    _refuse_contradictions({"--json with --json-lines": as_json and json_lines})
    open_session = Session()
    engine = load_engine()
    with choose_progress(RunView(), json_lines=json_lines) as progress:
        run, code = engine.demo(open_session.settings, listener=progress, debug=session.debug())
    return finish(open_session, None, run, code, as_json=as_json, json_lines=json_lines)


def read_request(argument: str) -> str:
    """The request's text, from the argument, a file or stdin.

    Raises:
        RequestError: empty, or the file cannot be read as text.
    """
    text = argument
    if argument == "-":
        text = sys.stdin.read()
    elif _is_folder(argument):
        text = "Build exactly what the attached specification folder says."
    elif argument.startswith("@"):
        try:
            text = Path(argument[1:]).read_text(encoding="utf-8")
        except OSError as error:
            raise RequestError(
                f"cannot read the request from {argument[1:]}",
                why=str(error.strerror or error),
                next='sixfold build @FILE, or sixfold build "REQUEST"',
            ) from None
        except UnicodeDecodeError:
            raise RequestError(
                f"{argument[1:]} is not UTF-8 text", next="attach it instead: --attach FILE, with a sentence as REQUEST"
            ) from None
    if not text.strip():
        raise RequestError("the request is empty", next='say what to build: sixfold build "REQUEST"')
    return text


def _is_folder(argument: str) -> bool:
    """Whether `@FOLDER` was given: a specification somebody wrote with another tool."""
    return argument.startswith("@") and len(argument) > 1 and Path(argument[1:]).is_dir()


def _refuse_contradictions(pairs: dict[str, bool]) -> None:
    for pair, present in pairs.items():
        if present:
            raise UsageError(f"{pair} is a contradiction", next="leave one of them out")
