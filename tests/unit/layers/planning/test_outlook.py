"""The outlook names who waits for whom and the chain that decides, and forecasts from this run's own tasks."""

from __future__ import annotations

from sixfold.domain.plan import Plan, Task
from sixfold.domain.run import Options
from sixfold.domain.view import RunView, TaskView
from sixfold.layers.planning.outlook import outlook


def task(id: str, needs: str = "") -> Task:
    consumes = tuple(f"c{other}" for other in needs.split())
    return Task(id=id, title=id, goal="", files=(f"{id}.py",), provides=(f"c{id}",), consumes=consumes)


PLAN = Plan(tasks=(task("A"), task("B", "A"), task("C", "B"), task("D")))


def view(**states: tuple[str, float | None]) -> RunView:
    items = tuple(
        TaskView(
            task=item, status=states.get(item.id, ("pending", None))[0], seconds=states.get(item.id, ("", None))[1]
        )
        for item in PLAN.tasks
    )
    return RunView(plans=(PLAN,), tasks=items, options=Options(parallel=2))


def test_without_a_plan_nothing_lies_ahead() -> None:
    assert outlook(RunView()).critical == ()


def test_before_a_task_is_finished_there_is_a_path_and_no_forecast() -> None:
    seen = outlook(view())
    assert seen.critical == ("A", "B", "C")
    assert seen.waits == {"A": (), "B": ("A",), "C": ("B",), "D": ()}
    assert (seen.least_s, seen.most_s) == (None, None)


def test_the_forecast_lies_between_the_quickest_and_the_slowest_task_of_this_run() -> None:
    seen = outlook(view(A=("done", 10.0), D=("done", 30.0), B=("running", None)))
    assert seen.critical == ("B", "C")
    assert (seen.least_s, seen.most_s, seen.measured) == (15.0, 45.0, 2)


def test_a_finished_plan_has_nothing_ahead() -> None:
    seen = outlook(view(**{id: ("done", 1.0) for id in "ABCD"}))
    assert (seen.waits, seen.critical, seen.least_s) == ({}, (), None)
