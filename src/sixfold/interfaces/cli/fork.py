"""`fork`: another way on from a step of a run, with everything before it for nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from sixfold.domain.errors import UsageError
from sixfold.domain.run import Budget
from sixfold.interfaces.cli.build_options import AnswersOption, GoOnOption, JsonLinesOption
from sixfold.interfaces.cli.door import read_answers
from sixfold.interfaces.cli.engine import load_engine
from sixfold.interfaces.cli.finish import drive
from sixfold.interfaces.cli.session import JsonOption, LastOption, RunArgument, Session
from sixfold.interfaces.cli.steer import changed_options
from sixfold.interfaces.cli.terminal import say
from sixfold.interfaces.escape import one_line


def fork(
    step: Annotated[
        str, typer.Option("--from", metavar="STEP", help="A phase, a model call or a decision, e.g. question:Q1.")
    ],
    run: RunArgument = None,
    last: LastOption = False,
    model: Annotated[str | None, typer.Option("--model", "-m", metavar="MODEL", help="From STEP on, for all.")] = None,
    answers: AnswersOption = None,
    budget_usd: Annotated[float | None, typer.Option("--budget-usd", min=0, help="Cap of the fork.")] = None,
    budget_tokens: Annotated[int | None, typer.Option("--budget-tokens", min=0, help="Cap of the fork.")] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option("--prompt", metavar="CALL=FILE", help="From STEP on, FILE is the prompt of that model call."),
    ] = None,
    yes: GoOnOption = False,
    as_json: JsonOption = False,
    json_lines: JsonLinesOption = False,
) -> int:
    """Begin a new run at a step of another; answers and decisions before it are taken over for nothing."""
    if as_json and json_lines:
        raise UsageError("--json with --json-lines is a contradiction", next="leave one of them out")
    given = read_answers(answers) if answers else None
    open_session = Session()
    view = open_session.view(run, last)
    budget = Budget(
        usd=view.options.budget.usd if budget_usd is None else budget_usd,
        tokens=view.options.budget.tokens if budget_tokens is None else budget_tokens,
    )
    options = msgspec.structs.replace(
        view.options,
        budget=budget,
        record="",
        replay="" if model else view.options.replay,
        prompts=tuple({**dict(view.options.prompts), **_prompts(prompt or [])}.items()),
    )
    engine = load_engine()
    fresh = engine.fork(open_session.settings, view.run, step, changed_options(options, model, None, yes))
    say(f"sixfold: run {fresh}, forked from {view.run} before {one_line(step)}")
    return drive(open_session, engine, fresh, answers=given, as_json=as_json, json_lines=json_lines)


def _prompts(pairs: list[str]) -> dict[str, str]:
    """Model call → prompt, from `CALL=FILE`.

    Raises:
        UsageError: no such form, an empty file, or one that cannot be read as text.
    """
    texts: dict[str, str] = {}
    for pair in pairs:
        call, equals, name = pair.partition("=")
        if not equals or not name or "." not in call:
            raise UsageError(
                f"--prompt {pair!r} names no call and file", next="write --prompt development.write_patch=FILE"
            )
        try:
            texts[call] = Path(name).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise UsageError(f"cannot read the prompt {name}", why=str(error.strerror or error)) from error
        except UnicodeDecodeError as error:
            raise UsageError(f"the prompt {name} is not UTF-8 text") from error
        if not texts[call]:
            raise UsageError(f"the prompt {name} is empty")
    return texts
