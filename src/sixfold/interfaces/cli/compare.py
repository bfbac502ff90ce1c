"""`show --compare`: two runs side by side, and where their stories part."""

from __future__ import annotations

from sixfold import recording
from sixfold.domain.data import Json
from sixfold.domain.events import Event
from sixfold.domain.evidence import counts_line
from sixfold.domain.result import result
from sixfold.domain.view import RunView, outcomes
from sixfold.interfaces.cli.terminal import paint, table
from sixfold.interfaces.escape import one_line


def compare_lines(views: tuple[RunView, RunView], logs: tuple[list[Event], list[Event]]) -> list[str]:
    """A table of both runs, `≠` where they differ, and the first events that do."""
    left, right = (_facts(view) for view in views)
    rows = [("≠" if left[name] != right[name] else "", name, left[name], right[name]) for name in left]
    lines = table(rows, head=("", "", views[0].run, views[1].run))
    drift = recording.event_differences(*logs, (views[0].run, views[1].run))
    if drift is None:
        return [*lines, "", "the same story, event by event, up to times"]
    return [*lines, "", *(paint(one_line(line, 160), "dim") for line in drift.difference.splitlines())]


def comparison(views: tuple[RunView, RunView], logs: tuple[list[Event], list[Event]]) -> Json:
    """The same as one JSON object."""
    drift = recording.event_differences(*logs, (views[0].run, views[1].run))
    return {
        "schema_version": 1,
        "runs": [result(view) for view in views],
        "same_story": drift is None,
        "differences": drift.difference.splitlines() if drift else [],
    }


def _facts(view: RunView) -> dict[str, str]:
    usage = view.usage
    tests, proofs = (outcomes(view.reports(), suites) for suites in (("unit", "existing"), ("acceptance", "examples")))
    price = "unknown" if usage.cost_usd is None and usage.calls else f"${usage.cost_usd or 0:.4f}"
    models = sorted({item.name for item in view.by_model})
    return {
        "status": view.status,
        "title": one_line(view.title, 50),
        "models": one_line(", ".join(models), 50),
        "answers": one_line(", ".join(f"{item.id}={item.answer}" for item in view.questions if item.answer), 50),
        "requirements": str(len(view.specification.requirements) if view.specification else 0),
        "tasks": str(len(view.tasks)),
        "attempts": str(sum(item.attempts for item in view.tasks)),
        "tests": f"{tests['passed']} passed, {tests['failed']} failed",
        "acceptance": f"{proofs['passed']} passed, {proofs['failed']} failed",
        "findings": counts_line(view.findings),
        "calls": f"{usage.calls} ({view.replayed_calls} recorded)",
        "tokens": f"{usage.input_tokens + usage.output_tokens:,}",
        "cost": price,
        "seconds": f"{view.wall_s:.1f}",
        "files": one_line(" ".join(view.files), 50),
        "tree": str(view.tree or "")[:12],
    }
