"""`plan --edit` through the command line: a waiting run takes the edit, an ended one is forked, a replay repeats it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from test_scripted_runs import Person

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
REQUEST = "I want something that counts words for my team"


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path / "home", tmp_path / "folder")


def edits(person: Person, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """The person's editor: a program that changes the text `t` of the form."""
    program = person.folder.parent / "editor.py"
    program.write_text(
        f"import pathlib, sys\np = pathlib.Path(sys.argv[1])\nt = p.read_text()\n{code}\np.write_text(t)\n"
    )
    monkeypatch.setenv("EDITOR", f"{sys.executable} {program}")


def test_an_edit_of_a_waiting_run_redoes_what_it_changes_and_is_repeated_by_a_replay(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.sixfold("build", REQUEST, "--unanswered", "default", scenario="large", expect=3)
    edits(
        person,
        monkeypatch,
        "t = t.replace('reason = \"\"', 'reason = \"a command line person\"')"
        ".replace('role = \"coder\"', 'role = \"command line\"')",
    )
    assert "edit plan:1 recorded (role: T2)" in person.sixfold("plan", "--edit")
    person.sixfold("resume", expect=3)
    plans = [event["data"]["plan"] for event in person.events("plan.made")]
    assert [plan["change"] for plan in plans] == ["", "role"]
    assert plans[1]["author"].startswith("human:")
    assert plans[1]["invalidates"] == ["T2"]
    started = [event["data"]["task"] for event in person.events("task.started")]
    assert started.count("T1") == 2  # one repair, before the edit
    assert started.count("T2") == 2
    assert [event["data"]["task"] for event in person.events("task.reused")] == ["T2"]
    shown = person.sixfold("plan")
    assert "undoes T2: 1 call" in shown
    assert "a command line person" in shown
    person.sixfold("approve")
    person.sixfold("resume")
    tree = person.result()["tree"]
    person.sixfold("replay", "--last")
    assert person.result()["tree"] == tree


def test_an_edit_with_faults_is_refused_in_words_kept_and_opened_again(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.sixfold("build", REQUEST, "-y", scenario="large")
    run = person.result()["run"]
    edits(person, monkeypatch, "t = t.replace('reason = \"\"', 'reason = \"x\"').replace('\"R2\"', '\"R9\"')")
    person.sixfold("plan", "--edit", expect=2)
    kept = person.home / "runs" / run / "plan-edit.toml"
    assert kept.read_text().startswith("#! ")
    assert "R9" in kept.read_text()
    assert not [event for event in person.events("decision.given") if "plan:" in str(event["data"])]
    edits(
        person,
        monkeypatch,
        "t = t.replace('\"R9\"', '\"R2\"').replace('goal = \"The command line\"', 'goal = \"More\"')",
    )
    said = person.sixfold("plan", "--edit")
    assert "edit plan:1 recorded (task: T2)" in said
    fresh = said.split(":")[0]
    assert fresh != run
    person.sixfold("resume", fresh)
    assert person.result()["run"] == fresh
    assert person.result()["status"] == "validated"
    assert person.result()["plan"]["revision"] >= 2
    assert not kept.exists()


def test_a_run_stops_after_the_plan_when_asked_and_goes_on_with_resume(person: Person) -> None:
    person.sixfold(
        "build", REQUEST, "--unanswered", "default", "--review", "none", "--until", "plan", scenario="large", expect=4
    )
    assert len(person.events("plan.made")) == 1
    assert not person.events("task.started")
    (pause,) = person.events("run.paused")
    assert pause["data"]["code"] == "halted"
    person.sixfold("resume", expect=3)
    assert person.events("release.proposed")
    assert len(person.events("run.paused")) == 1
