"""What planning costs and when it pays: the adaptive ladder against a plan for every request, same model, same gates.

The model is a script of known difficulty (`scripted_builder.py`): of eight functions six are right at once, one after a
repair, one only with an architect's advice. `adaptive` is `--plan auto` (attempt directly, plan on need);
`always_plan` is `--plan static`, a fixed line of six roles for every request, as the fixed pipelines run it. Tokens are
those of whole runs, specification and blind tests included, and by themselves without these two (`ratio_development`),
which both arms pay alike. `solved` counts runs that end validated.

What the ratio can and cannot say: the script answers every role in as few words as can be, so the fixed line is as
cheap here as it can get (a few lines of design, whole files of ten lines), while published pipelines of this kind think
at length in every role; AdaCoder (arXiv 2504.04220) counts 12 times fewer tokens than MapCoder with models that do.
The ratio of functions that are right at once is therefore a floor (`by_difficulty`), and one function in eight that
climbs the whole ladder (repair, fresh start, three samples, advice) weighs as much as seven that do not. `calls_*`
counts calls, on which the length of answers has no bearing.

`overhead_share` is the share of tokens that goes into planning and re-planning when four and eight components are built
with a task graph; `graphs` has it by size, with what the fixed line of roles needs for the same.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

from scripted_builder import FUNCTIONS
from sixfold import config, wiring
from sixfold.domain.fold import fold
from sixfold.domain.run import Options
from sixfold.domain.view import RunView
from sixfold.evaluation.components import of_size
from sixfold.evaluation.organisation import organisation
from sixfold.workflow.engine import in_memory

MODEL = f"command:{sys.executable} {Path(__file__).parent / 'scripted_builder.py'}"
GRAPHS = (4, 8)


def say(text: str) -> None:
    """Progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


def build(settings: config.Settings, folder: Path, request: str, plan: Literal["auto", "static"]) -> RunView:
    """A whole run with the scripted builder, nobody present."""
    folder.mkdir()
    options = Options(
        models=(("*", MODEL),),
        clarify="never",
        unanswered="default",
        review="none",
        approve_release=True,
        plan=plan,
    )
    run = wiring.start(settings, request, [], folder, options)
    wiring.drive(settings, run, parts=wiring.Parts(durable=in_memory))
    return fold(wiring.state_of(settings).log(run).read())


def tokens(view: RunView) -> int:
    """Input and output of a whole run."""
    return view.usage.input_tokens + view.usage.output_tokens


def development_tokens(view: RunView) -> int:
    """Of planning and coding alone: what the two arms do differently."""
    roles = [item.usage for item in view.by_role if item.name in ("architect", "coder")]
    return sum(usage.input_tokens + usage.output_tokens for usage in roles)


def measure(names: tuple[str, ...], sizes: tuple[int, ...]) -> dict[str, Any]:
    """All keys of the figure."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "home"
        environment = {**os.environ, "SIXFOLD_HOME": str(home)}
        settings = config.load(env=environment, folder=Path(place))
        rows: list[dict[str, Any]] = []
        for name in names:
            for arm in ("auto", "static"):
                request = f"create {name}.py with {name}(n) and a test"
                view = build(settings, Path(place) / f"{name}-{arm}", request, arm)
                solved = bool(view.outcome and view.outcome.status == "validated")
                reason = view.outcome.reason if view.outcome else view.pause.what if view.pause else ""
                rows.append(
                    {
                        "task": name,
                        "difficulty": FUNCTIONS[name]["difficulty"],
                        "arm": arm,
                        "tokens": tokens(view),
                        "development_tokens": development_tokens(view),
                        "calls": view.usage.calls,
                        "plans": len(view.plans),
                        "solved": solved,
                        "reason": "" if solved else reason,
                    }
                )
                say(json.dumps(rows[-1]))
        graphs = [graph(settings, Path(place), size) for size in sizes]
    adaptive, always = ([row for row in rows if row["arm"] == arm] for arm in ("auto", "static"))
    shares = [row["overhead_share"] for row in graphs if row["overhead_share"] is not None]
    return {
        "tokens_adaptive": sum(row["tokens"] for row in adaptive),
        "tokens_always_plan": sum(row["tokens"] for row in always),
        "ratio": _share(adaptive, always, "tokens"),
        "ratio_development": _share(adaptive, always, "development_tokens"),
        "solved_adaptive": sum(row["solved"] for row in adaptive),
        "solved_always_plan": sum(row["solved"] for row in always),
        "calls_adaptive": sum(row["calls"] for row in adaptive),
        "calls_always_plan": sum(row["calls"] for row in always),
        "by_difficulty": {
            kind: {
                "functions": sum(row["difficulty"] == kind for row in adaptive),
                "ratio": _share(*(_alike(arm, kind) for arm in (adaptive, always)), "tokens"),
                "ratio_development": _share(*(_alike(arm, kind) for arm in (adaptive, always)), "development_tokens"),
            }
            for kind in dict.fromkeys(row["difficulty"] for row in rows)
        },
        "overhead_share": max(shares) if shares else None,
        "graphs": graphs,
        "tasks": rows,
    }


def graph(settings: config.Settings, place: Path, size: int) -> dict[str, Any]:
    """A project of so many components, with a task graph and with the fixed line of roles."""
    sample = of_size(size)
    view = build(settings, place / f"graph-{size}", sample.brief, "auto")
    fixed = build(settings, place / f"line-{size}", sample.brief, "static")
    found = organisation(view, sample)
    row = {
        "components": size,
        "overhead_share": None if found.overhead is None else round(found.overhead, 4),
        "accuracy": found.accuracy,
        "context_tokens": None if found.context_tokens is None else round(found.context_tokens),
        "tokens": tokens(view),
        "tokens_static": tokens(fixed),
        "solved": bool(view.outcome and view.outcome.status == "validated"),
        "solved_static": bool(fixed.outcome and fixed.outcome.status == "validated"),
        "reason": view.outcome.reason if view.outcome else view.pause.what if view.pause else "",
        "reason_static": fixed.outcome.reason if fixed.outcome else fixed.pause.what if fixed.pause else "",
    }
    say(json.dumps(row))
    return row


def _alike(rows: list[dict[str, Any]], difficulty: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["difficulty"] == difficulty]


def _share(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], key: str) -> float | None:
    total = sum(row[key] for row in theirs)
    return round(sum(row[key] for row in ours) / total, 4) if total else None


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON (the only form there is)")
    parser.add_argument("--tasks", default=",".join(FUNCTIONS))
    parser.add_argument("--graphs", default=",".join(map(str, GRAPHS)))
    given = parser.parse_args()
    names = tuple(name for name in given.tasks.split(",") if name)
    sizes = tuple(int(size) for size in given.graphs.split(",") if size)
    print(json.dumps(measure(names, sizes), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
