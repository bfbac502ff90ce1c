"""The command line's shape: groups, commands in the contract's order, errors and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import typer

from sixfold.domain.errors import SixfoldError, UsageError
from sixfold.interfaces.cli import (
    deliver,
    fork,
    look,
    make,
    measure,
    operate,
    prove,
    reviews,
    session,
    specification,
    steer,
)
from sixfold.interfaces.cli.roles import NoModel
from sixfold.interfaces.cli.terminal import say, say_error

GROUPS: tuple[tuple[str, tuple[tuple[str, Callable[..., int]], ...]], ...] = (
    ("make", (("build", make.build), ("demo", make.demo))),
    (
        "steer",
        (
            ("questions", steer.questions),
            ("answer", steer.answer),
            ("spec", specification.spec),
            ("review", reviews.review),
            ("approve", reviews.approve),
            ("edit", reviews.edit),
            ("reject", reviews.reject),
            ("resume", steer.resume),
            ("cancel", steer.cancel),
            ("fork", fork.fork),
            ("apply", deliver.apply),
            ("undo", deliver.undo),
        ),
    ),
    (
        "look",
        (
            ("runs", look.runs),
            ("show", look.show),
            ("diff", look.diff),
            ("log", look.log),
            ("cost", look.cost),
            ("plan", look.plan),
        ),
    ),
    (
        "prove",
        (
            ("replay", prove.replay),
            ("bisect", deliver.bisect),
            ("export", prove.export),
            ("eval", measure.evaluate),
            ("experiment", measure.experiment),
        ),
    ),
    (
        "operate",
        (
            ("doctor", operate.doctor),
            ("config show", operate.config_show),
            ("models", operate.models),
            ("sandbox run", operate.sandbox_run),
        ),
    ),
)
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""The class of all command-line errors; Typer brings its own copy of Click and exports no name for it."""

READER_GONE = 141
"""128 + SIGPIPE, as other programs end whose output nobody reads any more."""

_FAMILY_HELP = {"config": "Settings in force.", "sandbox": "The sandbox everything generated runs in."}


def make_app() -> typer.Typer:
    """The Typer application with every command."""
    settings: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}
    context = {"help_option_names": ["-h", "--help"]}
    app = typer.Typer(name="sixfold", no_args_is_help=True, context_settings=context, **settings)
    families: dict[str, typer.Typer] = {}
    for _, commands in GROUPS:
        for words, function in commands:
            family, _, name = words.rpartition(" ")
            target = app
            if family:
                if family not in families:
                    families[family] = typer.Typer(no_args_is_help=True, help=_FAMILY_HELP[family], **settings)
                    app.add_typer(families[family], name=family)
                target = families[family]
            target.command(name, context_settings=context)(function)
    return app


def run(arguments: list[str]) -> int:
    """Run one command line; returns its exit code. Never raises for what a person can cause."""
    arguments = _take_debug(arguments)
    try:
        code = make_app()(args=arguments, prog_name="sixfold", standalone_mode=False)
        sys.stdout.flush()
        return int(code or 0)
    except NoModel as error:
        say(make.NO_MODEL)
        return error.exit_code
    except SixfoldError as error:
        if session.debug():
            raise
        say_error(error)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        say("sixfold: interrupted; next: sixfold show --last")
        return 130
    except (BrokenPipeError, SystemExit) as stop:
        # Typer turns a broken pipe into SystemExit. The reader (`head`, a pager) has seen enough.
        if not isinstance(stop.__context__ if isinstance(stop, SystemExit) else stop, BrokenPipeError):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except typer.Exit as stop:
        return stop.exit_code
    except _UsageError as error:
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        context = getattr(error, "ctx", None)
        say_error(
            UsageError(" ".join(message.split()), next=f"{context.command_path if context else 'sixfold'} --help")
        )
        return 2


def _take_debug(arguments: list[str]) -> list[str]:
    """`--debug` may stand anywhere before a `--`."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    session.set_debug("--debug" in arguments[:end])
    return [word for word in arguments[:end] if word != "--debug"] + arguments[end:]
