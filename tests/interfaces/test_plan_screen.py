"""The plan as a person follows it: who waits, who began on stubs, what a revision cost, what is left."""

from __future__ import annotations

from typing import Any

from sixfold.domain.model import Usage
from sixfold.domain.plan import Contract, Plan, Task
from sixfold.domain.run import Options
from sixfold.domain.view import Revised, RunView, TaskView
from sixfold.interfaces.cli.plan_screen import ahead_line, plan_lines, undone_line


def task(id: str, needs: str = "") -> Task:
    consumes = tuple(f"c{other}" for other in needs.split())
    return Task(id=id, title=f"Do {id}", goal="", files=(f"{id}.py",), provides=(f"c{id}",), consumes=consumes)


PLAN = Plan(
    tasks=(task("A"), task("B", "A"), task("C", "B")),
    contracts=tuple(Contract(id=f"c{id}", kind="python", text="f() -> int") for id in "ABC"),
)


def view(*plans: Plan, **items: dict[str, Any]) -> RunView:
    plan = plans[-1] if plans else PLAN
    tasks = tuple(TaskView(**{"task": one, **items.get(one.id, {})}) for one in plan.tasks)
    return RunView(plans=plans or (PLAN,), tasks=tasks, options=Options(parallel=2))


def line_of(lines: list[str], id: str) -> str:
    return next(line for line in lines if line.startswith(f"{id} "))


def test_a_task_that_begins_on_stubs_says_so_and_of_whom_it_waits_to_be_tested() -> None:
    lines = plan_lines(view(A={"status": "running"}, B={"status": "running", "stubs": ("cA",)}))
    assert "on stubs of cA; to be tested on the real thing of A" in line_of(lines, "B")
    lines = plan_lines(view(A={"status": "running"}, B={"status": "running", "stubs": ("cA",), "seconds": 3.0}))
    assert "written on stubs of cA; waits for A to be tested" in line_of(lines, "B")
    assert "waits for B" in line_of(lines, "C")


def test_once_it_is_done_nothing_is_said_of_stubs() -> None:
    done = {"status": "done", "seconds": 3.0}
    assert "stubs" not in line_of(plan_lines(view(A=done, B={**done, "stubs": ("cA",)})), "B")


def test_the_line_ahead_has_the_share_done_the_path_and_a_range_of_time() -> None:
    assert ahead_line(view()) == "0 of 3 tasks done; critical path A → B → C"
    said = ahead_line(view(A={"status": "done", "seconds": 60.0}))
    assert said == "1 of 3 tasks done; critical path B → C; 2 min to 2 min of work left"
    done = {"status": "done", "seconds": 1.0}
    assert ahead_line(view(A=done, B=done, C=done)) == ""


def test_one_direct_task_has_no_line_ahead() -> None:
    assert ahead_line(view(Plan(tasks=(Task(id="T1", title="x", goal=""),)))) == ""


def test_a_revision_tells_what_it_undid_and_what_had_gone_into_it() -> None:
    second = Plan(tasks=PLAN.tasks, contracts=PLAN.contracts, revision=2, invalidates=("B", "C"))
    seen = RunView(
        plans=(PLAN, second),
        revised=(
            Revised(revision=2, undone=Usage(calls=2, input_tokens=900, output_tokens=100), spent_before=Usage()),
        ),
    )
    assert undone_line(seen) == "undoes B, C: 2 calls, 1,000 tokens had gone into them"
    assert undone_line(view()) == ""
