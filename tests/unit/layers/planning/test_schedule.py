"""The scheduler starts what may start, the longest chain first, whatever happens to the plan meanwhile."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sixfold.domain.plan import Contract, Plan, Task
from sixfold.layers.planning.schedule import Scheduler, critical_path, downstream, edges


def overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two write sets could touch the same file. An empty set may write anywhere, so it overlaps everything."""
    if not one or not other:
        return True
    folded = {path.casefold() for path in other}
    return any(path.casefold() in folded for path in one) or any(
        _inside(a, b) or _inside(b, a) for a in one for b in other
    )


def _inside(path: str, folder: str) -> bool:
    return path.casefold().startswith(folder.casefold() + "/")


def task(id: str, *, needs: str = "", files: str = "", role: str = "coder") -> Task:
    return Task(
        id=id,
        title=id,
        goal="",
        role=role,
        files=tuple(files.split()) or (f"{id}.py",),
        provides=(f"c{id}",),
        consumes=tuple(f"c{other}" for other in needs.split()),
    )


def plan(*tasks: Task) -> Plan:
    contracts = tuple(Contract(id=f"c{item.id}", kind="python", text="def f() -> int") for item in tasks)
    return Plan(tasks=tasks, contracts=contracts)


def taken(scheduler: Scheduler) -> list[str]:
    found = []
    while (next := scheduler.take()) is not None:
        found.append(next.id)
    return found


def test_a_task_waits_for_all_its_providers() -> None:
    scheduler = Scheduler(plan(task("A"), task("B"), task("C", needs="A B")))
    assert taken(scheduler) == ["A", "B"]
    scheduler.finish("A")
    assert taken(scheduler) == []
    scheduler.finish("B")
    assert taken(scheduler) == ["C"]


def test_the_longest_chain_goes_first() -> None:
    scheduler = Scheduler(plan(task("A"), task("B"), task("C", needs="B"), task("D", needs="C")))
    assert taken(scheduler) == ["B", "A"]


def test_what_waits_for_a_failed_task_keeps_waiting_and_is_named() -> None:
    scheduler = Scheduler(plan(task("A"), task("B", needs="A"), task("C", needs="B")))
    assert taken(scheduler) == ["A"]
    scheduler.fail("A")
    assert taken(scheduler) == []
    assert [item.id for item in scheduler.waiting()] == ["B", "C"]


def test_a_released_task_starts_again() -> None:
    scheduler = Scheduler(plan(task("A")))
    assert taken(scheduler) == ["A"]
    scheduler.release("A")
    assert taken(scheduler) == ["A"]


def test_a_task_without_a_write_set_runs_alone_and_is_not_starved() -> None:
    whole = replace(task("A"), files=(), provides=("cA",))
    scheduler = Scheduler(plan(task("B"), whole, task("C", needs="A"), task("D")))
    assert taken(scheduler) == ["A"]
    scheduler.finish("A")
    assert taken(scheduler) == ["B", "C", "D"]


def test_a_file_and_the_folder_it_would_be_in_exclude_each_other() -> None:
    scheduler = Scheduler(plan(task("A", files="p/x.py"), task("B", files="P"), task("C", files="p/y.py")))
    assert taken(scheduler) == ["A", "C"]
    scheduler.finish("A")
    assert taken(scheduler) == []
    scheduler.finish("C")
    assert taken(scheduler) == ["B"]


def test_a_revision_adds_drops_and_undoes() -> None:
    first = plan(task("A"), task("B", needs="A"), task("C", needs="B"))
    scheduler = Scheduler(first)
    for id in "AB":
        assert taken(scheduler) == [id]
        scheduler.finish(id)
    second = plan(first.tasks[0], first.tasks[1], task("D", needs="A"))
    scheduler.revise(second, undone=("B",))
    assert taken(scheduler) == ["B", "D"]
    assert scheduler.done == {"A"}


def test_a_changed_task_that_failed_may_start_again_and_an_unchanged_one_may_not() -> None:
    first = plan(task("A"), task("B"))
    scheduler = Scheduler(first)
    for id in taken(scheduler):
        scheduler.fail(id)
    scheduler.revise(plan(replace(first.tasks[0], role="database"), first.tasks[1]))
    assert taken(scheduler) == ["A"]


def test_what_runs_under_a_dropped_task_keeps_its_files_until_it_ends() -> None:
    first = plan(task("A", files="x.py"))
    scheduler = Scheduler(first)
    assert taken(scheduler) == ["A"]
    scheduler.revise(plan(task("A1", files="x.py"), task("A2", files="y.py")))
    assert taken(scheduler) == ["A2"]
    scheduler.release("A")
    assert taken(scheduler) == ["A1"]


def test_a_revision_that_moves_a_provider_moves_who_is_waited_for() -> None:
    first = plan(task("A"), task("B", needs="A"))
    scheduler = Scheduler(first)
    assert taken(scheduler) == ["A"]
    scheduler.finish("A")
    moved = task("N")
    second = Plan(
        tasks=(replace(first.tasks[0], provides=()), replace(moved, provides=("cA",)), first.tasks[1]),
        contracts=first.contracts,
    )
    scheduler.revise(second)
    assert taken(scheduler) == ["N"]
    scheduler.finish("N")
    assert taken(scheduler) == ["B"]


def test_what_a_change_invalidates_is_exactly_what_waits_for_it() -> None:
    graph = plan(task("A"), task("B", needs="A"), task("C", needs="B"), task("D"), task("E", needs="D"))
    assert downstream(graph, ("A",)) == ("B", "C")
    assert downstream(graph, ("C",)) == ()
    assert downstream(graph, ("A", "D")) == ("B", "C", "E")


def test_the_critical_path_is_the_chain_that_takes_longest() -> None:
    graph = plan(task("A"), task("B", needs="A"), task("C"), task("D", needs="B C"))
    assert critical_path(graph) == ("A", "B", "D")
    assert critical_path(graph, {"A": 1, "B": 1, "C": 5, "D": 1}) == ("C", "D")
    assert critical_path(Plan(tasks=())) == ()


PATHS = st.sampled_from(["a.py", "b.py", "A.py", "p", "p/c.py", "p/d.py", "q/e.py"])
SHAPES = st.lists(
    st.tuples(st.lists(PATHS, max_size=3, unique=True), st.lists(st.integers(0, 9), max_size=2)),
    min_size=1,
    max_size=10,
)


@given(SHAPES, st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["finish", "release", "undo"])), max_size=40))
def test_running_to_the_end_never_overlaps_never_skips_a_provider_and_never_forgets_a_task(
    shapes: list[tuple[list[str], list[int]]], fates: list[tuple[int, str]]
) -> None:
    tasks = tuple(
        Task(
            id=f"T{place}",
            title="x",
            goal="",
            files=tuple(files),
            provides=(f"c{place}",),
            consumes=tuple(f"c{needed}" for needed in needs if needed < place),
        )
        for place, (files, needs) in enumerate(shapes)
    )
    graph = Plan(tasks=tasks)
    needs = edges(graph)
    scheduler = Scheduler(graph)
    fate = iter(fates)
    for _ in range(300):
        while (item := scheduler.take()) is not None:
            assert set(needs[item.id]) <= scheduler.done
            others = [other for id, other in scheduler.running.items() if id != item.id]
            assert not any(overlap(item.files, other.files) for other in others)
        if not scheduler.running:
            break
        pick, what = next(fate, (0, "finish"))
        id = sorted(scheduler.running)[pick % len(scheduler.running)]
        if what == "undo" and scheduler.done:
            gone = sorted(scheduler.done)[pick % len(scheduler.done)]
            scheduler.revise(graph, undone=[gone])
            continue
        (scheduler.release if what == "release" else scheduler.finish)(id)
    assert scheduler.done == {item.id for item in tasks}


def test_only_what_lies_on_the_critical_path_may_begin_early() -> None:
    scheduler = Scheduler(plan(task("A"), task("B", needs="A"), task("C"), task("D", needs="C"), task("E", needs="D")))
    assert taken(scheduler) == ["C", "A"]
    assert [item.id for item in scheduler.early()] == ["D"]
    scheduler.start_early("D")
    assert [item.id for item in scheduler.early()] == ["E"]
    assert scheduler.take() is None


def test_nobody_begins_early_whose_provider_has_not_begun_or_whose_files_are_held() -> None:
    scheduler = Scheduler(plan(task("A"), task("B", needs="A"), task("C", needs="B", files="A.py")))
    assert not scheduler.early()
    assert taken(scheduler) == ["A"]
    scheduler.start_early("B")
    assert not scheduler.early()


def test_an_early_start_that_is_released_waits_for_its_providers() -> None:
    scheduler = Scheduler(plan(task("A"), task("B", needs="A")))
    assert taken(scheduler) == ["A"]
    scheduler.start_early("B")
    scheduler.release("B")
    assert taken(scheduler) == []
    scheduler.finish("A")
    assert taken(scheduler) == ["B"]
