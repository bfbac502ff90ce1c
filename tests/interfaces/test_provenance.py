"""Everything that was made says who made it, from what, with which prompt, and who approved it."""

from __future__ import annotations

from typing import Any

import pytest

from sixfold.domain.events import GENESIS, Event
from sixfold.interfaces.export.provenance import provenance

JUDGED = frozenset({"decision.given", "commit.made", "branch.made", "result.applied", "result.undone"})
"""Kinds that say which approval they rest on, or are one."""

MADE_BY_MODEL = frozenset({"specification.drafted", "question.asked", "patch.applied", "patch.refused"})
"""Kinds that always name the model call they came from."""

CALL = {"role": "coder", "model": "m", "usage": {}, "replayed": False}


def events(*written: tuple[str, str, dict[str, Any], str]) -> list[Event]:
    return [
        Event(seq=seq, at="", kind=kind, key=key, who=who, data=data, previous=GENESIS, hash="")
        for seq, (kind, key, data, who) in enumerate(written)
    ]


def call(purpose: str, name: str, task: str = "") -> tuple[str, str, dict[str, Any], str]:
    data = {
        **CALL,
        "purpose": purpose,
        "task": task,
        "request": f"k-{name}",
        "prompt": f"p-{name}",
        "reply": f"r-{name}",
    }
    return ("model.called", f"model:{name}", data, "model:m")


def decision(subject: str, who: str) -> tuple[str, str, dict[str, Any], str]:
    given = {"subject": subject, "verdict": "approve", "value": "", "comment": "", "who": who}
    return ("decision.given", f"decision:{subject}", {"decision": given}, who)


@pytest.fixture
def story() -> list[Event]:
    """One task from a refused patch through a repair to the release, beside a second task's call."""
    increment = {"id": "I1", "base": "t0", "tree": "t2", "diff": "d"}
    return events(
        ("run.created", "created", {"request": {"text": "x"}, "snapshot": {"tree": "t0"}}, "sixfold"),
        call("input.clarify", "clarify"),
        ("specification.drafted", "specification:draft", {"specification": {}}, "sixfold"),
        ("question.asked", "question:Q1", {"question": {"id": "Q1", "text": "?"}}, "sixfold"),
        decision("question:Q1", "human:ada"),
        ("specification.written", "specification", {"specification": {"title": "s"}}, "sixfold"),
        call("development.write_patch", "one", "T1"),
        call("development.write_patch", "other", "T2"),
        ("patch.refused", "refused:1", {"task": "T1", "attempt": 1, "refusals": []}, "sixfold"),
        ("patch.applied", "applied:1", {"task": "T1", "attempt": 1, "tree": "t1", "files": []}, "sixfold"),
        ("tests.ran", "tests:1", {"scope": "T1", "attempt": 1, "tree": "t1", "report": {}}, "sixfold"),
        ("repair.decided", "repair:1", {"task": "T1", "attempt": 1, "strategy": "repair", "reason": ""}, "sixfold"),
        call("development.write_patch", "two", "T1"),
        ("patch.applied", "applied:2", {"task": "T1", "attempt": 2, "tree": "t2", "files": []}, "sixfold"),
        ("increment.proposed", "proposed:I1", {"increment": increment}, "sixfold"),
        decision("increment:I1", "human:ada"),
        ("check.done", "check:1:tests", {"check": {"name": "tests"}}, "sixfold"),
        (
            "tests.ran",
            "tests:validation:1:0",
            {"scope": "validation", "attempt": 1, "tree": "t2", "report": {}},
            "sixfold",
        ),
        ("release.proposed", "release:t2", {"offer": {"tree": "t2"}}, "sixfold"),
        decision("release:t2", "human:bob"),
        ("commit.made", "commit:I1", {"increment": "I1", "commit": "c1", "tree": "t2"}, "sixfold"),
        ("branch.made", "branch:b", {"branch": "b", "commit": "c1", "tree": "t2"}, "sixfold"),
        ("run.ended", "ended", {"outcome": {"tree": "t2"}}, "sixfold"),
        ("result.applied", "applied:run", {"commit": "c1", "files": []}, "human:ada"),
    )


def test_each_event_names_what_applies_to_it(story: list[Event]) -> None:
    entries = provenance(story)
    assert [entry["seq"] for entry in entries] == [event.seq for event in story]
    for entry in entries:
        assert entry["by"]
        assert entry["kind"] == "model.called" or entry["input"], entry
        if entry["kind"] in MADE_BY_MODEL:
            assert {"model", "prompt", "reply"} <= entry.keys(), entry
        if entry["kind"] in JUDGED:
            assert story[entry["approval"]].kind == "decision.given", entry


def test_a_patch_names_its_own_tasks_call_and_the_tree_it_changed(story: list[Event]) -> None:
    patches = [entry for entry in provenance(story) if entry["kind"].startswith("patch.")]
    assert [(entry["prompt"], entry["input"], entry.get("output")) for entry in patches] == [
        ("p-one", "t0", None),
        ("p-one", "t0", "t1"),
        ("p-two", "t1", "t2"),
    ]


def test_a_commit_rests_on_its_increments_approval_and_the_branch_on_its_trees(story: list[Event]) -> None:
    by_kind = {entry["kind"]: entry for entry in provenance(story)}
    assert by_kind["commit.made"]["approved_by"] == "human:ada"
    assert by_kind["branch.made"]["approved_by"] == by_kind["result.applied"]["approved_by"] == "human:bob"
    assert by_kind["check.done"]["input"] == "t2"


def test_a_fresh_start_begins_from_what_the_task_began_with(story: list[Event]) -> None:
    fresh = [
        Event(
            **{**{f: getattr(event, f) for f in event.__struct_fields__}, "data": {**event.data, "strategy": "fresh"}}
        )
        if event.kind == "repair.decided"
        else event
        for event in story
    ]
    patches = [entry for entry in provenance(fresh) if entry["kind"] == "patch.applied"]
    assert [entry["input"] for entry in patches] == ["t0", "t0"]
