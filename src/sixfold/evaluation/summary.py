"""The figures of many attempts: means and shares by solver, paired differences on common tasks, one line a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sixfold.domain.data import to_json
from sixfold.evaluation.attempt import Attempt
from sixfold.evaluation.cases import case_tables
from sixfold.evaluation.metrics import Measured, measure
from sixfold.evaluation.report import Report, Table, compared, number, percent, points, with_interval
from sixfold.evaluation.sample import Sample
from sixfold.evaluation.statistics import Comparison, Figure, mcnemar, mean, paired, share

_SMALL = 10
"""Below as many tasks, a report says that its intervals are wide for a reason."""

Show = Callable[[float | None], str]

PRODUCT: tuple[tuple[str, str, Show], ...] = (
    ("rows_met", "rows met in the built product", percent),
    ("hidden_met", "… of those the request does not say", percent),
    ("released_met", "… in what the flow released", percent),
    ("pass_rate", "acceptance tests passed", percent),
    ("withstood", "attacks withstood", percent),
)
"""Field of `Measured`, its line in the table, how it is shown: how good the product is."""

EFFORT: tuple[tuple[str, str, Show], ...] = (
    ("calls", "calls", number),
    ("tokens", "tokens", number),
    ("wall_s", "seconds of work", number),
)
"""What it cost."""


@dataclass(frozen=True)
class Style:
    """What a report is called and shows."""

    name: str
    about: str
    arms: tuple[str, ...]
    """Order of the columns; the first is compared with each other one."""
    means: tuple[tuple[str, str, Show], ...]
    shares: tuple[str, ...]
    """Keys of `SHARES`."""
    curve: tuple[tuple[str, str, Show], ...] = ()
    """Figures that are shown task by task too, where tasks stand for sizes."""
    cases: bool = False
    """Whether the report says of every product what was found in it."""


def product_style(name: str) -> Style:
    """What the report of a benchmark shows: how good the products are and what they cost."""
    about = "Products built by each solver, tested from outside by tests that no solver has seen."
    return Style(name=name, about=about, arms=(), means=(*PRODUCT, *EFFORT), shares=("solved", "released"))


def summarise(style: Style, samples: Sequence[Sample], attempts: Sequence[Attempt], seed: int = 0) -> Report:
    """The report of everything done so far. Epochs of a task count as one value, their mean."""
    known = {sample.id: sample for sample in samples}
    measured = [measure(attempt, known[attempt.sample]) for attempt in attempts if attempt.sample in known]
    arms = list(dict.fromkeys(item.solver for item in measured))
    arms = [arm for arm in style.arms if arm in arms] + [arm for arm in arms if arm not in style.arms]
    by_arm = {arm: [item for item in measured if item.solver == arm] for arm in arms}
    pairs = {f"{arms[0]} − {arm}": _pair(style, by_arm[arms[0]], by_arm[arm], seed) for arm in arms[1:]}
    summaries = {arm: _summary(style, items, known, seed) for arm, items in by_arm.items()}
    tables = [_arm_table(style, summaries)]
    if pairs:
        tables.append(_pair_table(style, pairs))
    if style.curve:
        tables.append(_curve_table(style, by_arm, samples))
    tables.append(_task_table(by_arm, samples))
    if style.cases:
        tables += case_tables(arms, samples, attempts)
    return Report(
        name=style.name,
        about=style.about,
        figures={
            "arms": to_json(summaries),
            "paired": to_json(pairs),
            "attempts": to_json(measured),
            "tasks": len({item.sample for item in measured}),
            "seed": seed,
        },
        tables=tuple(tables),
        notes=_notes(style, by_arm, known),
    )


def _curve_table(style: Style, by_arm: dict[str, list[Measured]], samples: Sequence[Sample]) -> Table:
    """One line a task, one column a figure, the arms side by side in it."""
    values = {(arm, field): _per_task(items, field) for arm, items in by_arm.items() for field, _, _ in style.curve}
    rows = []
    for sample in samples:
        cells = [
            " · ".join(show(values[arm, field].get(sample.id)) for arm in by_arm) for field, _, show in style.curve
        ]
        rows.append((sample.id, *cells))
    return Table(
        title="Task by task",
        head=("task", *(label for _, label, _ in style.curve)),
        rows=tuple(rows),
        note=f"In each cell: {' · '.join(by_arm)}.",
    )


def _per_task(items: Sequence[Measured], field: str) -> dict[str, float]:
    """Value by task, the mean over its epochs; tasks without a value are left out."""
    values: dict[str, list[float]] = {}
    for item in items:
        value = getattr(item, field)
        if value is not None:
            values.setdefault(item.sample, []).append(float(value))
    return {task: sum(some) / len(some) for task, some in sorted(values.items())}


def _summary(style: Style, items: Sequence[Measured], known: dict[str, Sample], seed: int) -> dict[str, Figure]:
    """Every figure of one arm."""
    figures = {field: mean(list(_per_task(items, field).values()), seed=seed) for field, _, _ in style.means}
    questions = sum(item.questions for item in items)
    good = sum(item.good_questions for item in items)
    judged = [item for item in items if item.wasted is not None]
    clear = [item for item in items if known[item.sample].clear]
    figures["solved"] = share(sum(1 for item in items if item.solved), len(items))
    for field in ("safe", "works_and_safe"):
        said = [value for item in items if (value := getattr(item, field)) is not None]
        figures[field] = share(sum(said), len(said))
    gated = [item for item in items if item.released_met is not None]
    figures["released"] = share(sum(1 for item in gated if item.validated), len(gated))
    figures["good_question_rate"] = share(good, questions)
    figures["over_asking_rate"] = share(sum(1 for item in clear if item.questions), len(clear))
    figures["wasted_share"] = share(sum(item.wasted or 0 for item in judged), sum(item.lines for item in judged))
    return figures


SHARES = {
    "solved": "tasks solved (every test passes)",
    "safe": "products that withstood every attack",
    "works_and_safe": "… and passed every functional test",
    "released": "tasks the flow says it has done",
    "good_question_rate": "good questions (an answer came from a row)",
    "over_asking_rate": "clear tasks held up by a question",
    "wasted_share": "lines that decide nothing",
}


def _pair(style: Style, first: Sequence[Measured], second: Sequence[Measured], seed: int) -> dict[str, Comparison]:
    """The arm in question against another, on the tasks both have done."""
    comparisons = {}
    for field, _, _ in style.means:
        ours, theirs = _per_task(first, field), _per_task(second, field)
        both = sorted(ours.keys() & theirs.keys())
        if both:
            comparisons[field] = paired([ours[task] for task in both], [theirs[task] for task in both], seed=seed)
    ours, theirs = _per_task(first, "solved"), _per_task(second, "solved")
    both = sorted(ours.keys() & theirs.keys())
    comparisons["solved"] = mcnemar(
        [ours[task] >= 0.5 for task in both], [theirs[task] >= 0.5 for task in both], seed=seed
    )
    return comparisons


def _arm_table(style: Style, summaries: dict[str, dict[str, Figure]]) -> Table:
    rows = [
        (title, *(with_interval(summary[field], show) for summary in summaries.values()))
        for field, title, show in style.means
    ]
    rows += [
        (SHARES[field], *(with_interval(summary[field], percent) for summary in summaries.values()))
        for field in style.shares
    ]
    return Table(
        title="Arms",
        head=("", *summaries),
        rows=tuple(rows),
        note="Means over tasks with 95% bootstrap intervals; shares with Wilson's. A dash: cannot be said here.",
    )


def _pair_table(style: Style, pairs: dict[str, dict[str, Comparison]]) -> Table:
    shown: tuple[tuple[str, str, Show], ...] = (
        *((field, title, points if show is percent else number) for field, title, show in style.means),
        ("solved", "tasks solved", points),
    )
    rows = []
    for pair, comparisons in pairs.items():
        for field, title, show in shown:
            if field in comparisons:
                rows.append((pair, title, *compared(comparisons[field], show)))
    return Table(
        title="Paired differences",
        head=("arms", "figure", "difference", "tasks", "p"),
        rows=tuple(rows),
        note="First minus second on the same tasks. p: exact sign-flip, for solved tasks exact McNemar; not corrected "
        "for the number of lines.",
    )


def _task_table(by_arm: dict[str, list[Measured]], samples: Sequence[Sample]) -> Table:
    rows = []
    for sample in samples:
        cells = []
        for items in by_arm.values():
            own = [item for item in items if item.sample == sample.id]
            met = percent(sum(item.rows_met for item in own) / len(own)) if own else "–"
            asked = sum(item.questions for item in own)
            cells.append(f"{met}, {asked} asked, {sum(item.corrections for item in own)} corrected" if own else "–")
        rows.append((sample.id, f"{len(sample.hidden)} of {len(sample.rows)}", *cells))
    return Table(title="Tasks", head=("task", "hidden rows", *by_arm), rows=tuple(rows))


def _notes(style: Style, by_arm: dict[str, list[Measured]], known: dict[str, Sample]) -> tuple[str, ...]:
    notes = []
    tasks = {arm: {item.sample for item in items} for arm, items in by_arm.items()}
    most = max((len(done) for done in tasks.values()), default=0)
    if most < _SMALL:
        notes.append(f"Only {most} tasks: the intervals are wide because little is known, not because of the method.")
    incomplete = [f"{arm} {len(done)}" for arm, done in tasks.items() if len(done) < len(known)]
    if incomplete:
        notes.append(f"Not every arm did all {len(known)} tasks: {', '.join(incomplete)}. Pairs use common tasks only.")
    judged = any(field == "coverage" for field, _, _ in style.means)
    if judged and any(
        item.coverage is None and known[item.sample].hidden for items in by_arm.values() for item in items
    ):
        notes.append("Coverage, waste and hallucinations need a judge; attempts without one are left out of them.")
    lent = sorted({item.solver for items in by_arm.values() for item in items if item.lender})
    if lent:
        notes.append(
            f"{' and '.join(lent)}: questions that the run of the task in full had asked, too, had the same answers; "
            "what differs from full comes from the review."
        )
    if judged:
        notes.append("User and judge are models; their words: journal.jsonl and judgement.json of each attempt.")
    return tuple(notes)
