"""What counts as a difference between a recorded run and its replay."""

from __future__ import annotations

from sixfold.domain.data import canonical, digest, to_json
from sixfold.domain.events import Event
from sixfold.domain.plan import Plan, Task
from sixfold.recording import event_differences, plan_digest


def told(data: dict[str, object]) -> list[Event]:
    return [Event(seq=0, at="", kind="release.proposed", key="k", who="sixfold", data=data, previous="", hash="")]


def test_a_field_younger_than_the_recording_is_no_difference_while_it_says_nothing() -> None:
    recorded = told({"offer": {"tree": "t"}})
    assert event_differences(recorded, told({"offer": {"tree": "t", "disputed": [], "again": 0}}), ("a", "b")) is None


def test_a_field_that_only_the_recording_knows_is_no_difference_while_it_says_nothing() -> None:
    recorded = told({"offer": {"tree": "t", "model": "", "budget_tokens": None}})
    assert event_differences(recorded, told({"offer": {"tree": "t"}}), ("a", "b")) is None


def test_a_plan_keeps_the_digest_it_was_recorded_by() -> None:
    plan = to_json(Plan(tasks=(Task(id="T1", title="t", goal="g"),)))
    task = {**plan["tasks"][0], "model": "", "budget_tokens": None}
    assert plan_digest(plan) == digest(canonical({**plan, "tasks": [task]}))


def test_a_field_that_says_something_new_is_a_difference_and_so_is_one_that_is_gone() -> None:
    short, long = told({"offer": {"tree": "t"}}), told({"offer": {"tree": "t", "disputed": ["B104"]}})
    empty = told({"offer": {"tree": "t", "disputed": []}})
    for recorded, replayed in ((short, long), (long, short), (long, empty)):
        drift = event_differences(recorded, replayed, ("a", "b"))
        assert drift is not None
        assert "disputed" in drift.difference
