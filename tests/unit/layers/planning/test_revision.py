"""A revision undoes exactly what it changes and what waits for it, and says itself what it does."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from sixfold.domain.plan import Change, Contract, Plan, Task
from sixfold.domain.requirements import Requirement, Specification
from sixfold.layers.planning.revision import apply, definition, difference, invalidated, kinds, read_files

SPECIFICATION = Specification(
    title="Notes", requirements=tuple(Requirement(id=f"R{number}", text=f"Do {number}.") for number in range(1, 5))
)


def task(number: int, *, needs: str = "", files: str = "") -> Task:
    return Task(
        id=f"T{number}",
        title=f"Part {number}",
        goal="Do it.",
        files=tuple(files.split()) or (f"p{number}.py", f"tests/test_p{number}.py"),
        provides=(f"c{number}",),
        consumes=tuple(f"c{other}" for other in needs.split()),
        requirements=(f"R{number}",),
        check=(f"tests/test_p{number}.py",),
    )


def contract(number: int) -> Contract:
    return Contract(id=f"c{number}", kind="python", text=f"def f{number}() -> int")


PLAN = Plan(
    tasks=(task(1), task(2, needs="1"), task(3, needs="2"), task(4)), contracts=tuple(contract(n) for n in range(1, 5))
)
T1, T2, T3, T4 = PLAN.tasks
HALVES = (
    replace(T2, id="T2a", files=("p2.py",), provides=("c2",)),
    replace(T2, id="T2b", files=("tests/test_p2.py",), provides=(), consumes=("c2",)),
)
CHANGES = {
    "retry": Change(kind="retry", reason="again", advice="look at zero"),
    "split": Change(kind="split", reason="large", drop=("T2",), tasks=HALVES),
    "merge": Change(
        kind="merge", reason="one", drop=("T1", "T4"), tasks=(replace(T1, id="T5", files=T1.files + T4.files),)
    ),
    "add": Change(kind="add", reason="missing", tasks=(replace(task(5), requirements=("R1",)),)),
    "drop": Change(kind="drop", reason="unneeded", drop=("T4",)),
    "role": Change(kind="role", reason="skill", tasks=(replace(T4, role="database"),)),
    "contract": Change(kind="contract", reason="wrong", contracts=(replace(contract(2), text="def f2() -> str"),)),
    "task": Change(kind="task", reason="goal", tasks=(replace(T4, goal="Do it well."),)),
}
UNDONE = {
    "retry": (),
    "split": ("T2", "T3"),
    "merge": ("T1", "T2", "T3", "T4"),
    "add": (),
    "drop": ("T4",),
    "role": ("T4",),
    "contract": ("T2", "T3"),
    "task": ("T4",),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_each_kind_of_change_is_told_by_its_deed_and_undoes_exactly_what_it_touches(kind: str) -> None:
    new = apply(PLAN, CHANGES[kind], SPECIFICATION, author="orchestrator")
    assert new.change == kind
    assert new.invalidates == UNDONE[kind]
    assert (new.revision, new.reason) == (2, CHANGES[kind].reason)


def test_the_cause_is_undone_with_what_waits_for_it_even_when_nothing_it_is_told_changes() -> None:
    new = apply(PLAN, CHANGES["retry"], SPECIFICATION, author="orchestrator", cause="T2")
    assert new.invalidates == ("T2", "T3")
    assert new.cause == "T2"


def test_new_tasks_stand_where_the_dropped_one_stood() -> None:
    new = apply(PLAN, CHANGES["split"], SPECIFICATION, author="orchestrator")
    assert [item.id for item in new.tasks] == ["T1", "T2a", "T2b", "T3", "T4"]


def test_a_contract_that_nobody_names_any_more_is_left_out() -> None:
    new = apply(PLAN, CHANGES["drop"], SPECIFICATION, author="orchestrator")
    assert [item.id for item in new.contracts] == ["c1", "c2", "c3"]


def test_a_direct_task_that_gives_way_to_several_is_split() -> None:
    whole = Plan(tasks=(Task(id="T1", title="all", goal=""),))
    assert kinds(whole, replace(PLAN, tasks=(T2, T3))) == ("split",)
    assert kinds(whole, replace(PLAN, tasks=(replace(T2, id="A"), replace(T3, id="B")))) == ("split",)


def test_what_a_task_is_told_covers_its_contracts_and_its_requirements_and_nothing_else() -> None:
    told = definition(T2, PLAN, SPECIFICATION)
    other = replace(PLAN, contracts=(*PLAN.contracts[:3], replace(contract(4), text="def f4() -> bytes")))
    assert definition(T2, other, SPECIFICATION) == told
    used = replace(PLAN, contracts=(replace(contract(1), text="def f1() -> bytes"), *PLAN.contracts[1:]))
    assert definition(T2, used, SPECIFICATION) != told
    requirements = (
        *SPECIFICATION.requirements[:1],
        Requirement(id="R2", text="Do more."),
        *SPECIFICATION.requirements[2:],
    )
    assert definition(T2, PLAN, replace(SPECIFICATION, requirements=requirements)) != told
    assert definition(T1, PLAN, replace(SPECIFICATION, requirements=requirements)) == definition(
        T1, PLAN, SPECIFICATION
    )


def test_what_a_task_builds_on_is_its_own_files_and_its_providers() -> None:
    files = {path: "1" for item in PLAN.tasks for path in item.files}
    built = read_files(T2, PLAN, files)
    assert read_files(T2, PLAN, {**files, "p1.py": "2"}) != built
    assert read_files(T2, PLAN, {**files, "p3.py": "2", "README.md": "1"}) == built


def test_an_edit_made_on_an_older_revision_says_only_what_it_changes() -> None:
    edited = replace(PLAN, tasks=(T1, T2, T3, replace(T4, role="database")))
    change = difference(PLAN, edited, reason="skill")
    later = apply(PLAN, CHANGES["contract"], SPECIFICATION, author="orchestrator")
    both = apply(later, change, SPECIFICATION, author="human:ada")
    assert both.contract("c2").text == "def f2() -> str"
    assert both.task("T4").role == "database"
    assert invalidated(later, both, SPECIFICATION) == ("T4",)
