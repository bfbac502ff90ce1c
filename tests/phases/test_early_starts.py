"""A task on the critical path begins on stand-ins; what it hands in counts once it passed on the real parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from stage import Crash, Stage, green_when_sound
from test_changing_plans import PLAN, SPECIFICATION, code, decide, replans, task, told, written

from sixfold.domain.evidence import TestCase, TestReport
from sixfold.domain.plan import Contract, Plan, Stub, Task
from sixfold.domain.run import Options
from sixfold.layers.planning.stubs import SERVED
from sixfold.layers.refinement.git import GitRepository
from sixfold.phases.development.stand_ins import laid_over, without_unserved

EARLY = Options(review="none", parallel=3, stubs=True)


def chain(*needs: str, kind: str = "python") -> Plan:
    """`chain("", "1")`: T1, and T2 which uses it."""
    tasks = tuple(task(number, needs=each) for number, each in enumerate(needs, 1))
    contracts = tuple(
        Contract(id=f"c{number}", kind=kind, text=f"p{number}.f(n: int) -> int")  # type: ignore[arg-type]
        for number in range(1, len(tasks) + 1)
    )
    return Plan(tasks=tasks, contracts=contracts)


def tasks_of(stage: Stage, kind: str) -> list[str]:
    return [event.data["task"] for event in stage.events(kind)]


def wrong_on_the_real_thing(task: Task, files: Mapping[str, str]) -> list[TestCase]:
    """T2 fails beside the real p1 while it says MISUSE."""
    cases = green_when_sound(task, files)
    if task.id == "T2" and "p1.py" in files and "MISUSE" in files.get("p2.py", ""):
        return [TestCase(id="tests/test_p2.py::test", outcome="failed", message="f takes a number")]
    return cases


async def test_the_consumer_begins_on_stubs_and_counts_after_its_test_on_the_real_part(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=EARLY)
    product = await stage.develop(chain("", "1"), SPECIFICATION, [code(1), code(2)])
    assert not product.failed
    assert [event.data["contracts"] for event in stage.events("stubs.served")] == [["c1"]]
    early = next(job for job in stage.jobs if job.task == "T2")
    assert [stub.path for stub in early.stubs] == ["p1.py"]
    assert early.base == stage.repository.empty()
    ended = [event.data["task"] for event in stage.events("task.ended")]
    assert ended == ["T1", "T2"]
    assert any(name.startswith("development.retest:T2") for name, _ in stage.records.values())


async def test_no_stub_is_ever_part_of_a_result_or_the_product(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=EARLY)
    product = await stage.develop(chain("", "1"), SPECIFICATION, [code(1), code(2)])
    for tree in (product.tree, *(increment.increment.tree for increment in stage.view.increments)):
        assert "NotImplementedError" not in "".join(stage.files(tree).values())
    for event in stage.events("patch.applied"):
        if event.data["task"] == "T2":
            assert set(stage.files(event.data["tree"])) == {"p2.py", "tests/test_p2.py"}
    assert stage.files(product.tree)["p1.py"] == "# sound\n"


async def test_a_failure_on_the_real_part_goes_back_to_the_consumer_with_evidence(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=EARLY, verdict=wrong_on_the_real_thing)
    rules = [code(1), code(2, written(2, "MISUSE"), written(2, "right"))]
    product = await stage.develop(chain("", "1"), SPECIFICATION, rules)
    assert not product.failed
    assert stage.files(product.tree)["p2.py"] == "# right\n"
    again = [job for job in stage.jobs if job.task == "T2"][-1]
    assert "f takes a number" in "".join(again.notes)
    assert not again.stubs


async def test_a_consumer_whose_provider_fails_is_not_part_of_the_product(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=Options(review="none", parallel=3, stubs=True, max_repairs=0, candidates=1))
    rules = [code(1, written(1, "BROKEN"), repeat=True), code(2), replans(decide(change="give_up"))]
    product = await stage.develop(chain("", "1"), SPECIFICATION, rules)
    assert {result.task for result in product.failed} == {"T1", "T2"}
    assert "written on stand-ins for c1" in next(r.reason for r in product.failed if r.task == "T2")
    assert not product.increments


async def test_the_critical_path_comes_first(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=Options(review="none", parallel=4, stubs=True))
    plan = chain("", "1", "", "3", "4")
    product = await stage.develop(plan, SPECIFICATION, [code(number) for number in range(1, 6)])
    assert not product.failed
    assert tasks_of(stage, "stubs.served")[:2] == ["T4", "T5"]


async def test_what_is_no_python_makes_the_consumer_wait(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=EARLY)
    product = await stage.develop(chain("", "1", kind="http"), SPECIFICATION, [code(1), code(2)])
    assert not product.failed
    assert not stage.events("stubs.served")


async def test_without_the_option_nobody_begins_early(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=Options(review="none", parallel=3))
    await stage.develop(PLAN, SPECIFICATION, [code(1), code(2), code(3)])
    assert not stage.events("stubs.served")


async def test_a_contract_that_changes_under_an_early_consumer_has_it_done_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=EARLY)
    wrong = '<contract id="c1">f gives a text: p1.f(n: int) -> str</contract>'
    changed = {"id": "c1", "kind": "python", "text": "p1.f(n: int) -> str"}
    rules = [
        code(1, wrong, written(1)),
        code(2, repeat=True),
        code(3),
        replans(decide(change="contract", contracts=[changed])),
    ]
    product = await stage.develop(chain("", "1", ""), SPECIFICATION, rules)
    assert not product.failed
    assert [event.data["text"] for event in stage.events("note")] == [
        "T2: the plan changed under it, so what it brought is not used"
    ]
    ended = [event.data["task"] for event in stage.events("task.ended")]
    assert [task for task in ended if task != "T3"][-2:] == ["T1", "T2"]  # T3 stands alone and may end at any time


async def misused(stage: Stage) -> str:
    right = code(2, written(2, "right"), pattern="f takes a number", repeat=True)
    rules = [code(1, repeat=True), right, code(2, written(2, "MISUSE"), repeat=True), code(3, repeat=True)]
    product = await stage.develop(chain("", "1", "2"), SPECIFICATION, rules)
    assert not product.failed
    return product.tree


@pytest.mark.slow
@pytest.mark.timeout(500)
@pytest.mark.parametrize("moment", ["before", "torn", "after"])
async def test_a_crash_at_any_step_of_an_early_start_loses_nothing_and_changes_nothing(
    tmp_path: Path, moment: str
) -> None:
    whole = Stage(tmp_path / "whole", options=EARLY, verdict=wrong_on_the_real_thing)
    tree = await misused(whole)
    assert tasks_of(whole, "stubs.served") == ["T2", "T3"]
    for number in range(1, whole.executed + 1):
        stage = Stage(tmp_path / str(number), options=EARLY, verdict=wrong_on_the_real_thing)
        stage.crash = (number, moment)
        with pytest.raises(Crash):
            await misused(stage)
        assert await misused(stage) == tree, number
        assert sorted(told(stage)) == sorted(told(whole)), number


def test_a_stub_lies_over_the_tree_and_not_in_it(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "repository", tmp_path / "blobs")
    tree = repository.write(repository.empty(), {"p2.py": b"import p1\n"})
    shown = laid_over(repository, tree, [Stub(path="p1.py", contracts=("c1",), text="def f(): ...\n")])
    assert repository.read(shown, "p1.py") == b"def f(): ...\n"
    assert repository.read(tree, "p1.py") is None
    assert laid_over(repository, tree, []) == tree


def test_a_test_that_reached_a_stub_says_nothing_and_one_that_failed_by_itself_does() -> None:
    met = TestCase(id="t::met", outcome="failed", message=f"NotImplementedError: contract c1 {SERVED}: f")
    wrong = TestCase(id="t::wrong", outcome="failed", message="assert 1 == 2")
    seen = without_unserved(TestReport(suite="unit", cases=(met, wrong), exit_code=1))
    assert [case.outcome for case in seen.cases] == ["skipped", "failed"]
    assert seen.exit_code == 1
    assert without_unserved(TestReport(suite="unit", cases=(met,), exit_code=1)).exit_code == 0
