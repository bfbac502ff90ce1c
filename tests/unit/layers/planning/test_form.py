"""A person edits the plan as plain text: nothing is lost on the way, and what is wrong is said in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sixfold.domain.plan import Contract, Plan, Task
from sixfold.layers.planning.form import Unfit, plan_form, read_form, with_faults

PLAN = Plan(
    tasks=(
        Task(id="T1", title="Store", goal="Keep.\nSafely.", files=("a.py",), provides=("store",)),
        Task(id="T2", title="Serve", goal="", role="back end", consumes=("store",), requirements=("R1",)),
    ),
    contracts=(Contract(id="store", kind="python", text="class Store:\n    def get(id: int) -> str | None"),),
    revision=3,
)


def form(reason: str = "") -> str:
    text = plan_form(PLAN, run="r-1", states={"T1": "done"})
    return text.replace('reason = ""', f'reason = "{reason}"')


def test_an_untouched_or_emptied_form_changes_nothing() -> None:
    assert read_form(form(), PLAN) is None
    assert read_form(form("why not"), PLAN) is None
    assert read_form("  \n", PLAN) is None


def test_an_edit_comes_back_with_its_reason() -> None:
    read = read_form(form("needs a database person").replace('role = "coder"', 'role = "database"'), PLAN)
    assert read is not None
    edited, reason = read
    assert edited.task("T1").role == "database"
    assert edited.task("T1") == replace(PLAN.task("T1"), role="database")
    assert edited.task("T2") == PLAN.task("T2")
    assert reason == "needs a database person"


def test_the_form_shows_how_each_task_stands() -> None:
    assert "[[task]]  # done" in form()
    assert "[[task]]  # waiting" in form()


@pytest.mark.parametrize(
    ("broken", "word"),
    [
        ("this is no toml", "TOML"),
        ('reason = "x"\nfrobs = 1\n', "frobs"),
        ('reason = "x"\n[[task]]\nid = "T1"\ntitle = 3\ngoal = ""\n', "title"),
        ('reason = "x"\n[[task]]\nid = "T1"\n', "title"),
        ('reason = "x"\n[[task]]\nid = "T1"\ntitle = "x"\ngoal = ""\nfile = []\n', "file"),
        ('[[task]]\nid = "T1"\ntitle = "x"\ngoal = ""\n', "reason"),
    ],
)
def test_what_is_no_plan_is_refused_with_the_place(broken: str, word: str) -> None:
    with pytest.raises(Unfit, match=word):
        read_form(broken, PLAN)


def test_a_change_without_a_reason_is_refused() -> None:
    with pytest.raises(Unfit, match="reason"):
        read_form(form().replace('role = "coder"', 'role = "database"'), PLAN)


def test_faults_stand_on_top_once_and_do_not_disturb_the_text() -> None:
    twice = with_faults(with_faults(form("x"), ["T1 owns\nno file"]), ["T2 owns no file"])
    assert twice.startswith("#! T2 owns no file\n# The plan")
    assert "T1 owns" not in twice
    assert read_form(twice, PLAN) is None


@given(st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_any_text_survives_the_form(goal: str, title: str, files: list[str]) -> None:
    goal, title = (text.replace("\r", "").encode(errors="ignore").decode() for text in (goal, title))
    files = [path.encode(errors="ignore").decode() for path in files]
    plan = Plan(tasks=(Task(id="T1", title=title, goal=goal, files=tuple(files)),))
    text = plan_form(plan, run="r-1", states={}).replace('reason = ""', 'reason = "x"')
    assert read_form(text, plan) is None
    changed = replace(plan, tasks=(replace(plan.tasks[0], role="other"),))
    read = read_form(text, changed)
    assert read is not None
    assert read[0].tasks == plan.tasks
