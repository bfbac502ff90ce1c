"""The plan changes while it is carried out, each time as a revision with who, why and exactly what it undoes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace
from stage import Crash, Stage

from sixfold.domain.code import Edit, Patch
from sixfold.domain.model import ModelRequest
from sixfold.domain.plan import Change, Contract, Plan, Task
from sixfold.domain.requirements import Requirement, Specification
from sixfold.domain.run import Options
from sixfold.fakes.model import Rule
from sixfold.layers.planning.decompose import direct_plan, static_plan

SPECIFICATION = Specification(
    title="Share notes",
    summary="Notes in a file, shown by a command.",
    requirements=tuple(Requirement(id=f"R{number}", text=f"Do {number}.") for number in range(1, 4)),
    size="large",
)


def task(number: int, *, needs: str = "") -> Task:
    return Task(
        id=f"T{number}",
        title=f"Part {number}",
        goal="Build it.",
        files=(f"p{number}.py", f"tests/test_p{number}.py"),
        provides=(f"c{number}",),
        consumes=tuple(f"c{other}" for other in needs.split()),
        requirements=(f"R{number}",),
        check=(f"tests/test_p{number}.py",),
    )


def contract(number: int, text: str = "") -> Contract:
    return Contract(id=f"c{number}", kind="python", text=text or f"p{number}.f() -> int")


PLAN = Plan(
    tasks=(task(1), task(2, needs="1"), task(3)), contracts=tuple(map(contract, (1, 2, 3))), reason="three parts"
)


def written(number: int, text: str = "sound", *, extra: str = "") -> str:
    return (
        f'<file path="p{number}.py">\n# {text}\n</file>\n'
        f'<file path="tests/test_p{number}.py">\n# tests {text}\n</file>\n{extra}'
    )


def code(number: int, *answers: str, pattern: str = "", repeat: bool = False) -> Rule:
    return Rule(*(answers or (written(number),)), pattern=f"# T{number}: .*{pattern}", repeat=repeat)


def decide(**change: object) -> str:
    return f"```json\n{json.dumps({'reason': 'because of the evidence', **change})}\n```"


def replans(*answers: str) -> Rule:
    return Rule(*answers, purpose="development.replan")


async def test_a_sound_plan_is_done_without_a_revision(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    product = await stage.develop(PLAN, SPECIFICATION, [code(1), code(2), code(3)])
    assert not product.failed
    assert len(product.increments) == 3
    assert len(stage.events("plan.made")) == 1
    assert [event.data["child"] for event in stage.events("task.returned")][-1] == "T2"


async def test_a_retry_goes_with_the_architects_advice_and_the_evidence(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=Options(review="none", max_repairs=0))
    rules = [
        code(1, written(1, "sound, as advised"), pattern="mind the zero"),
        code(1, written(1, "BROKEN")),
        code(2),
        code(3),
        replans(decide(change="retry", advice="mind the zero")),
    ]
    product = await stage.develop(PLAN, SPECIFICATION, rules)
    assert not product.failed
    (_, revised) = stage.view.plans
    assert (revised.change, revised.cause, revised.author) == ("retry", "T1", "orchestrator")
    assert revised.invalidates == ("T1", "T2")
    stage.model.finish()


async def test_a_task_that_is_too_large_is_split_and_what_was_good_in_it_is_kept_without_a_call(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=Options(review="none", max_repairs=1))
    large = replace(task(1), files=("a.py", "tests/test_a.py", "b.py", "tests/test_b.py"), check=("tests/test_a.py",))
    plan = replace(PLAN, tasks=(large, *PLAN.tasks[1:]))
    half = {"role": "coder", "requirements": ["R1"], "goal": "x", "title": "Half"}
    rules = [
        Rule(
            '<file path="a.py">\n# sound\n</file>\n<file path="tests/test_a.py">\n# sound\n</file>\n'
            '<file path="b.py">\n# BROKEN\n</file>\n<file path="tests/test_b.py">\n# sound\n</file>\n',
            '<file path="b.py">\n# BROKEN still\n</file>\n',
            pattern="# T1: ",
        ),
        Rule('<file path="b.py">\n# sound\n</file>\n', pattern="# T1b: .*does not pass yet|# T1b: "),
        code(2),
        code(3),
        replans(
            decide(
                change="split",
                drop=["T1"],
                tasks=[
                    {"id": "T1a", "files": ["a.py", "tests/test_a.py"], "provides": ["c1"], **half},
                    {"id": "T1b", "files": ["b.py", "tests/test_b.py"], "consumes": ["c1"], **half},
                ],
            )
        ),
    ]
    product = await stage.develop(plan, SPECIFICATION, rules)
    assert not product.failed
    assert stage.view.plans[-1].change == "split"
    assert "development.write_patch T1a" not in stage.calls
    assert stage.files(product.tree)["b.py"] == "# sound\n"


async def test_a_contract_that_a_task_calls_wrong_is_changed_and_exactly_its_users_are_asked_again(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path, options=Options(review="none", parallel=1))
    rules = [
        code(1, written(1, "sound, with text"), pattern="Your files stand as they were left"),
        code(1),
        code(2, written(2, "sound, as text"), pattern="f\\(\\) -> str"),
        code(2, '<contract id="c1">a count is not enough: p1.f() -> str</contract>'),
        code(3),
        replans(decide(change="contract", contracts=[{"id": "c1", "kind": "python", "text": "p1.f() -> str"}])),
    ]
    product = await stage.develop(PLAN, SPECIFICATION, rules)
    assert not product.failed
    stage.model.finish()
    revised = stage.view.plans[-1]
    assert (revised.change, revised.cause, revised.invalidates) == ("contract", "T2", ("T1", "T2"))
    assert stage.events("contract.disputed")[0].data["objection"]["contract"] == "c1"
    assert [event.data["task"] for event in stage.events("task.ended")].count("T3") == 1
    assert stage.files(product.tree)["p1.py"] == "# sound, with text\n"
    assert [item.increment.task for item in stage.view.live_increments].count("T1") == 2


async def test_a_task_downstream_that_is_told_the_same_is_reused_when_its_tests_pass_on_what_changed(
    tmp_path: Path,
) -> None:
    chain = Plan(tasks=(task(1), task(2, needs="1"), task(3, needs="2")), contracts=PLAN.contracts)
    stage = Stage(tmp_path, options=Options(review="none", parallel=1))
    goal = replace(chain.task("T1"), goal="Build it better.")
    edit = Change(kind="task", reason="better", base=1, tasks=(goal,))

    def edited(name: str) -> None:
        if stage.trees.get("r-1:task:T3") and not stage.edited:
            stage.edit(edit)

    stage.on_check = edited
    rules = [
        code(1, written(1, "sound and better"), pattern="Your files stand"),
        code(1),
        code(2),
        code(3),
    ]
    product = await stage.develop(chain, SPECIFICATION, rules)
    assert not product.failed
    stage.model.finish()
    revised = stage.view.plans[-1]
    assert (revised.author, revised.invalidates) == ("human:ada", ("T1", "T2", "T3"))
    assert [event.data["task"] for event in stage.events("task.reused")] == ["T2", "T3"]
    assert stage.view.task("T2").reused.startswith("told the same; its tests pass")
    assert stage.view.task("T3").reused == "told the same and built on the same files"


async def test_a_result_that_the_plan_has_overtaken_is_not_used(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=Options(review="none", parallel=2))
    changed = replace(PLAN.task("T1"), role="database")

    def edited(name: str) -> None:
        if not stage.edited:
            change = Change(kind="role", reason="skill", base=1, tasks=(changed,))
            stage.edit(change)

    stage.on_check = edited
    rules = [code(1, written(1, "sound, by another role"), pattern="As database"), code(1), code(2), code(3)]
    product = await stage.develop(PLAN, SPECIFICATION, rules)
    assert not product.failed
    assert stage.files(product.tree)["p1.py"] == "# sound, by another role\n"


async def test_an_edit_that_does_not_fit_is_refused_in_words_and_nothing_is_lost(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    change = Change(kind="drop", reason="no need", base=1, drop=("T1",))
    stage.edit(change)
    product = await stage.develop(PLAN, SPECIFICATION, [code(1), code(2), code(3)])
    assert not product.failed
    (refused,) = stage.events("plan.refused")
    assert "requirement R1 is in no task" in refused.data["reason"]
    assert len(stage.view.plans) == 1


async def test_a_finished_task_that_a_person_drops_is_taken_out_of_the_product(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=Options(review="none", parallel=1))
    plan = replace(PLAN, tasks=(*PLAN.tasks[:2], replace(PLAN.task("T3"), requirements=("R3", "R2"))))
    plan = replace(
        plan, tasks=(replace(task(4), requirements=("R3",)), *plan.tasks), contracts=(*plan.contracts, contract(4))
    )
    change = Change(kind="drop", reason="not wanted after all", base=1, drop=("T4",))

    def edited(name: str) -> None:
        if "r-1:task:T2" in stage.trees and not stage.edited:
            stage.edit(change)

    stage.on_check = edited
    product = await stage.develop(plan, SPECIFICATION, [code(4), code(1), code(2), code(3)])
    assert not product.failed
    assert "p4.py" not in stage.files(product.tree)
    assert "p1.py" in stage.files(product.tree)
    assert [item.task for item in product.increments][-1] in ("T2", "T3", "D2")
    assert "D2" in [item.task for item in product.increments]


async def test_a_direct_attempt_that_fails_is_planned_then_and_keeps_what_is_good(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=Options(review="none", max_repairs=0))
    attempt = Patch(
        edits=tuple(
            Edit(path=path, kind="write", content=content)
            for path, content in {
                "p1.py": "# sound\n",
                "tests/test_p1.py": "# sound\n",
                "p2.py": "# BROKEN\n",
                "tests/test_p2.py": "# sound\n",
            }.items()
        )
    )
    half = {"role": "coder", "goal": "x", "title": "Half"}
    rules = [
        Rule('<file path="p2.py">\n# sound\n</file>\n', pattern="# B: "),
        replans(
            decide(
                change="split",
                drop=["T1"],
                tasks=[
                    {"id": "A", "files": ["p1.py", "tests/test_p1.py"], "requirements": ["R1"], **half},
                    {"id": "B", "files": ["p2.py", "tests/test_p2.py"], "requirements": ["R2", "R3"], **half},
                ],
            )
        ),
    ]
    stage.options = replace(stage.options, max_repairs=1)
    rules.insert(
        0,
        Rule(
            '<file path="p2.py">\n# BROKEN still\n</file>\n',
            pattern="does not pass yet.*",
            purpose="development.write_patch",
        ),
    )
    product = await stage.develop(direct_plan(SPECIFICATION), SPECIFICATION, rules, candidate=attempt)
    assert not product.failed, stage.calls
    assert stage.files(product.tree) == {
        "p1.py": "# sound\n",
        "p2.py": "# sound\n",
        "tests/test_p1.py": "# sound\n",
        "tests/test_p2.py": "# sound\n",
    }
    assert "development.write_patch A" not in stage.calls


@pytest.mark.parametrize("mode", ["direct", "static"])
async def test_fixed_plans_are_never_changed_by_the_orchestrator(tmp_path: Path, mode: str) -> None:
    options = Options(review="none", max_repairs=0, plan="direct" if mode == "direct" else "static")
    stage = Stage(tmp_path, options=options)
    plan = direct_plan(SPECIFICATION) if mode == "direct" else static_plan(SPECIFICATION)
    product = await stage.develop(
        plan, SPECIFICATION, [Rule('<file path="test_x.py">\n# BROKEN\n</file>', repeat=True)]
    )
    assert product.failed
    assert stage.calls == ["development.write_patch T1"]
    assert len(stage.view.plans) == 1


async def test_a_fixed_line_of_roles_is_done_in_order_each_on_what_the_last_one_left(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=Options(review="none", plan="static", parallel=4))

    def answer(request: ModelRequest) -> str:
        number = request.messages[0].text[3]
        return f'<file path="f{number}.py">\nx = {number}\n</file>\n<file path="test_{number}.py">\n#\n</file>'

    product = await stage.develop(static_plan(SPECIFICATION), SPECIFICATION, [Rule(answer, repeat=True)])
    assert not product.failed
    assert [item.task for item in product.increments] == ["T1", "T2", "T3", "T4", "T5", "T6"]
    assert all(job.base == before.tree for job, before in zip(stage.jobs[1:], product.increments, strict=False))


async def test_notes_reach_those_who_use_the_contract_and_nobody_else_with_a_receipt(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=Options(review="none", parallel=1))
    rules = [code(1, written(1, extra="<note>ids begin at 7</note>")), code(2), code(3)]
    await stage.develop(PLAN, SPECIFICATION, rules)
    told = {job.task: [note.text for note in job.published] for job in stage.jobs}
    assert told == {"T1": [], "T2": ["ids begin at 7"], "T3": []}
    asked = {request.messages[0].text[2:4]: request.messages[0].text for request in stage.model.requests}
    assert "T1 (R1): ids begin at 7" in asked["T2"]
    assert "ids begin" not in asked["T3"]
    (receipt,) = stage.events("context.read")
    assert [(item["kind"], item["id"]) for item in receipt.data["readings"]] == [("contract", "c1"), ("note", "T1")]
    (note,) = stage.view.task("T1").notes
    assert note.requirements == ("R1",)


async def changed_twice(stage: Stage) -> str:
    """A run in which a task objects, a contract changes and a person edits; the tree it comes to."""
    change = Change(kind="role", reason="skill", base=1, tasks=(replace(PLAN.task("T3"), role="database"),))

    def edited(name: str) -> None:
        if "r-1:task:T3" in stage.trees and not stage.edited:
            stage.edit(change)

    stage.on_check = edited
    rules = [
        code(1, written(1, "sound, with text"), pattern="Your files stand as they were left", repeat=True),
        code(1, repeat=True),
        code(2, written(2, "sound, as text"), pattern="f\\(\\) -> str", repeat=True),
        code(2, '<contract id="c1">a count is not enough: p1.f() -> str</contract>', repeat=True),
        code(3, written(3, "sound, as a database person does it"), pattern="As database", repeat=True),
        code(3, repeat=True),
        Rule(
            decide(change="contract", contracts=[{"id": "c1", "kind": "python", "text": "p1.f() -> str"}]),
            purpose="development.replan",
            repeat=True,
        ),
    ]
    product = await stage.develop(PLAN, SPECIFICATION, rules)
    assert not product.failed
    return product.tree


def told(stage: Stage) -> list[str]:
    return sorted(f"{event.kind} {event.key}" for event in stage.log.read())


@pytest.mark.slow
@pytest.mark.timeout(500)
@pytest.mark.parametrize("moment", ["before", "torn", "after"])
async def test_a_crash_at_any_step_of_a_run_whose_plan_changes_loses_nothing_and_changes_nothing(
    tmp_path: Path, moment: str
) -> None:
    options = Options(review="none", parallel=1)
    whole = Stage(tmp_path / "whole", options=options)
    tree = await changed_twice(whole)
    assert [plan.change for plan in whole.view.plans] == ["", "contract", "role"]
    for number in range(1, whole.executed + 1):
        stage = Stage(tmp_path / str(number), options=options)
        stage.crash = (number, moment)
        with pytest.raises(Crash):
            await changed_twice(stage)
        assert await changed_twice(stage) == tree, number
        assert told(stage) == told(whole), number


async def test_a_task_asked_again_may_answer_that_its_files_fit_as_they_stand(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=Options(review="none", parallel=1))
    change = Change(kind="role", reason="skill", base=1, tasks=(replace(PLAN.task("T1"), role="database"),))

    def edited(name: str) -> None:
        if "r-1:task:T3" in stage.trees and not stage.edited:
            stage.edit(change)

    stage.on_check = edited
    product = await stage.develop(PLAN, SPECIFICATION, [code(1, repeat=True), code(2), code(3)])
    assert not product.failed
    assert [job.task for job in stage.jobs].count("T1") == 2
    assert not stage.events("patch.refused")
    assert len(product.increments) == 3
    assert stage.view.task("T1").reused.startswith("asked again, it fits as it stands")
