"""`eval` and `experiment`: how well all this works, with intervals."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sixfold import __version__
from sixfold.config import Settings
from sixfold.domain.data import to_json
from sixfold.domain.errors import UsageError
from sixfold.domain.run import Budget
from sixfold.interfaces.cli.roles import read_role, require_models
from sixfold.interfaces.cli.session import JsonOption, Session
from sixfold.interfaces.cli.terminal import put, put_json, say
from sixfold.interfaces.escape import one_line

if TYPE_CHECKING:
    from sixfold.evaluation.summary import Style

_OWN_ROLES = ("user", "judge")
"""Roles that exist in evaluations only."""
_PAUSED = 4

ModelOption = Annotated[str | None, typer.Option("--model", "-m", metavar="MODEL", help="Model for every role.")]
RoleOption = Annotated[
    list[str] | None,
    typer.Option("--role", metavar="ROLE=MODEL", help="Model for one role, `user` and `judge` too; may be repeated."),
]
TasksOption = Annotated[
    str | None, typer.Option("--tasks", metavar="NAME[:ID,ID]|DIR", help="Benchmark, folder of tasks, or some of them.")
]
LimitOption = Annotated[int, typer.Option("--limit", min=0, help="At most so many tasks; 0 = all.")]
EpochsOption = Annotated[int, typer.Option("--epochs", min=1, help="Times each task is done by each arm.")]
ParallelOption = Annotated[int, typer.Option("--parallel", min=1, help="Attempts at once.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Of the resampling behind intervals.")]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="DIR", help="The eval log; an interrupted evaluation goes on in it."),
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on in the newest log of this evaluation (or in --out).")
]
UsdOption = Annotated[float | None, typer.Option("--budget-usd", min=0, help="Of the whole evaluation.")]
TokensOption = Annotated[int | None, typer.Option("--budget-tokens", min=0, help="Of the whole evaluation.")]


def evaluate(
    benchmark: Annotated[
        str, typer.Argument(metavar="BENCHMARK", help="`tasks`, `systems`, `functions`, a folder of tasks, or a file.")
    ],
    model: ModelOption = None,
    role: RoleOption = None,
    arms: Annotated[str, typer.Option("--solvers", metavar="A,B", help="Solvers to compare.")] = "defaults,plain",
    only: Annotated[str, typer.Option("--only", metavar="ID,ID", help="Only these tasks.")] = "",
    limit: LimitOption = 0,
    epochs: EpochsOption = 1,
    parallel: ParallelOption = 1,
    seed: SeedOption = 0,
    budget_usd: UsdOption = None,
    budget_tokens: TokensOption = None,
    out: OutOption = None,
    resume: ResumeOption = False,
    as_json: JsonOption = False,
) -> int:
    """Solve a benchmark's tasks and score the built products from outside; rates with intervals."""
    from sixfold.evaluation.summary import product_style  # late: it brings the wiring along

    asked = _Asked(limit, epochs, parallel, seed, Budget(usd=budget_usd, tokens=budget_tokens), out, resume, as_json)
    style = product_style(f"eval {Path(benchmark).name}")
    return _measure(style, model, role or [], f"{benchmark}:{only}", arms, asked, judged=False)


def experiment(
    name: Annotated[str, typer.Argument(metavar="NAME", help="`clarity`, `orchestration` or `security`.")],
    model: ModelOption = None,
    role: RoleOption = None,
    tasks: TasksOption = None,
    arms: Annotated[str | None, typer.Option("--arms", metavar="A,B", help="Solvers; the first against each.")] = None,
    limit: LimitOption = 0,
    epochs: EpochsOption = 1,
    parallel: ParallelOption = 1,
    seed: SeedOption = 0,
    budget_usd: UsdOption = None,
    budget_tokens: TokensOption = None,
    out: OutOption = None,
    resume: ResumeOption = False,
    as_json: JsonOption = False,
) -> int:
    """Run one of the paper's experiments: arms compared on the same tasks, paired, with intervals."""
    from sixfold.evaluation.experiments import EXPERIMENTS  # late: it brings the wiring along

    if name not in EXPERIMENTS:
        near = difflib.get_close_matches(name, EXPERIMENTS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(EXPERIMENTS)}"
        raise UsageError(f"there is no experiment {name!r}", next=hint)
    chosen = EXPERIMENTS[name]
    asked = _Asked(limit, epochs, parallel, seed, Budget(usd=budget_usd, tokens=budget_tokens), out, resume, as_json)
    source, names = tasks or chosen.benchmark, arms or ",".join(chosen.style.arms)
    return _measure(chosen.style, model, role or [], source, names, asked, judged=chosen.judged, scanned=chosen.scanned)


@dataclass(frozen=True)
class _Asked:
    """The options that every evaluation has."""

    limit: int
    epochs: int
    parallel: int
    seed: int
    budget: Budget
    out: Path | None
    resume: bool
    as_json: bool


def _measure(
    style: Style,
    model: str | None,
    roles: Sequence[str],
    source: str,
    arms: str,
    asked: _Asked,
    *,
    judged: bool,
    scanned: bool = False,
) -> int:
    """Run an evaluation to its end, or to where its budget or a model stops it; report everything that is done."""
    from sixfold.evaluation import benchmarks, report, runner, solvers, summary  # late: they bring the wiring along
    from sixfold.evaluation.eval_log import EvalLog

    by_role = [read_role(text, further=_OWN_ROLES) for text in roles]
    settings = Session(flags=_flags(model, by_role)).settings
    name, _, only = source.partition(":")
    samples = benchmarks.pick(benchmarks.find(name), only, asked.limit)
    log = EvalLog(_folder(settings, style.name, asked.out, asked.resume))
    setup = runner.Setup(
        name=style.name,
        version=__version__,
        samples=samples,
        solvers=solvers.named([arm.strip() for arm in arms.split(",") if arm.strip()]),
        settings=settings,
        models=_models(settings, by_role),
        options=settings.options(),
        log=log,
        budget=asked.budget,
        epochs=asked.epochs,
        parallel=asked.parallel,
        judged=judged,
        scanned=scanned,
        tell=lambda line: say(f"  {one_line(line, 200)}"),
    )
    say(f"sixfold: {style.name}: {len(samples)} tasks × {len(setup.solvers)} arms, log in {log.folder}")
    stopped = runner.run(setup)
    found = summary.summarise(style, samples, log.attempts(), asked.seed)
    report.save(found, log.folder)
    if asked.as_json:
        put_json({**to_json(found.figures), "schema_version": 1, "name": found.name, "log": str(log.folder)})
    else:
        put(report.markdown(found))
    if stopped:
        say(f"sixfold: {len(stopped)} attempts stopped; next: the same command with --out {log.folder} goes on")
        return _PAUSED
    return 0


def _folder(settings: Settings, name: str, out: Path | None, resume: bool) -> Path:
    """The eval log's folder: the one named, the newest of this evaluation, or a new one."""
    if out is not None:
        return out.absolute()
    shelf = settings.home / "evaluations"
    prefix = name.replace(" ", "-") + "-"
    if resume:
        found = sorted(path for path in shelf.glob(f"{prefix}*") if (path / "eval.json").exists())
        if not found:
            raise UsageError(f"there is no log of {name} to go on with", next="leave --resume out")
        return found[-1]
    return shelf / (prefix + datetime.now(UTC).strftime("%Y%m%d-%H%M%S"))


def _flags(model: str | None, roles: Sequence[tuple[str, str]]) -> dict[str, str | None]:
    return {"model": model, **{f"roles.{name}": value for name, value in roles if name not in _OWN_ROLES}}


def _models(settings: Settings, roles: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Models of the flow from the settings, and of the evaluation's own roles from the flags."""
    require_models(settings.models)
    return (*settings.models, *(pair for pair in roles if pair[0] in _OWN_ROLES))
