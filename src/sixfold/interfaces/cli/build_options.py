"""What `build` can be told, one type an option, and what `resume` and `fork` share with it; typer reads signatures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sixfold.interfaces.cli.choices import Clarify, PlanMode, Review, Unanswered, Until

RequestArgument = Annotated[str, typer.Argument(help="What to build: text, @FILE, @SPEC-FOLDER, or - for stdin.")]
FolderOption = Annotated[
    Path, typer.Option("--cwd", "-C", metavar="DIR", help="Repository or empty folder to build in.")
]
AttachOption = Annotated[
    list[Path] | None,
    typer.Option("--attach", metavar="PATH", help="File, or Spec Kit or Kiro folder; may be repeated."),
]
ModelOption = Annotated[str | None, typer.Option("--model", "-m", metavar="MODEL", help="Model for every role.")]
RoleOption = Annotated[
    list[str] | None,
    typer.Option(
        "--role",
        metavar="ROLE=MODEL",
        help="Model for one role; may be repeated. `expert` gets one attempt at a task that beat the coder.",
    ),
]
ClarifyOption = Annotated[Clarify | None, typer.Option("--clarify", help="When to ask questions first.")]
AnswersOption = Annotated[
    Path | None, typer.Option("--answers", metavar="FILE", help="Answers by question id or text (TOML or JSON).")
]
UnansweredOption = Annotated[Unanswered | None, typer.Option("--unanswered", help="What an unanswered question does.")]
PlanOption = Annotated[
    PlanMode | None, typer.Option("--plan", help="What fits, one direct task, or a fixed line of roles.")
]
UntilOption = Annotated[
    Until | None, typer.Option("--until", help="Stop after the plan: look, `sixfold plan RUN --edit`, `resume`.")
]
ReviewOption = Annotated[Review | None, typer.Option("--review", help="Which increments a human reviews.")]
BudgetUsdOption = Annotated[float | None, typer.Option("--budget-usd", help="Pause before spending more.")]
BudgetTokensOption = Annotated[int | None, typer.Option("--budget-tokens", help="Pause before using more.")]
PhaseUsdOption = Annotated[
    float | None, typer.Option("--phase-budget-usd", min=0, help="The same for every phase by itself.")
]
PhaseTokensOption = Annotated[
    int | None, typer.Option("--phase-budget-tokens", min=0, help="The same for every phase by itself.")
]
TaskUsdOption = Annotated[
    float | None, typer.Option("--task-budget-usd", min=0, help="The same for every task by itself.")
]
TaskTokensOption = Annotated[
    int | None, typer.Option("--task-budget-tokens", min=0, help="The same for every task by itself.")
]
TimeoutOption = Annotated[float | None, typer.Option("--timeout-s", help="Pause after this many seconds.")]
ApplyOption = Annotated[bool, typer.Option("--apply", help="Bring the validated branch into the checkout.")]
YesOption = Annotated[
    bool,
    typer.Option("--yes", "-y", help="--unanswered default --review none, release approved; recorded as such."),
]
GoOnOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Defaults for open questions, no more reviews, release approved.")
]
JsonLinesOption = Annotated[bool, typer.Option("--json-lines", help="Stream the event log on stdout.")]
RecordOption = Annotated[
    Path | None, typer.Option("--record", metavar="DIR", help="Copy the cassette there as it grows.")
]
ReplayOption = Annotated[
    Path | None, typer.Option("--replay", metavar="DIR", help="Use recorded answers only; no model is called.")
]
