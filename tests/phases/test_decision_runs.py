"""Whole runs in which a person has their say: beside the questions, while work goes on, and when all is done."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from test_scripted_runs import Person

pytestmark = pytest.mark.slow

REQUEST = "I want something that counts words for my team"
WISH = "most frequent first"


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One state folder for this file, so that the sandbox's toolchain is installed once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def person(shared_home: Path, tmp_path: Path) -> Person:
    return Person(shared_home, tmp_path / "folder")


def purposes(person: Person, *, paid: bool = False) -> list[str]:
    return [
        event["data"]["purpose"] for event in person.events("model.called") if not (paid and event["data"]["replayed"])
    ]


def test_correction_beside_the_questions_changes_specification_examples_and_blind_tests(person: Person) -> None:
    person.sixfold("build", REQUEST, scenario="corrected", expect=3)
    screen = person.sixfold("questions")
    assert "Q1  Does case matter?" in screen
    assert "A2  Output: one line a word; sorted by word" in screen
    person.sixfold("answer", "A2", WISH)
    person.sixfold("answer", "Q1", "no")
    person.sixfold("resume", "-y")
    written = person.result()["specification"]
    assert written["requirements"][1]["examples"][0]["steps"][0]["expect"]["stdout"] == "b 2\na 1\n"
    assert [(item["id"], item["status"]) for item in written["assumptions"]] == [("A1", "assumed"), ("A2", "corrected")]
    assert "test_the_most_frequent_comes_first" in person.events("acceptance.written")[-1]["data"]["names"]
    assert person.result()["status"] == "validated"
    assert "input.consolidate" not in purposes(person)  # it was known in time: nothing was written twice


def test_correction_of_a_finished_run_redoes_only_what_rests_on_it_in_a_new_run(person: Person) -> None:
    person.sixfold("build", REQUEST, "-y", scenario="corrected")
    first = person.result()
    shown = person.sixfold("show")
    assert (
        "A2  Output: one line a word; sorted by word  ← R2, T2, 2 tests, tests/test_wordcount.py wordcount.py" in shown
    )
    person.sixfold("answer", first["run"], "A2", WISH)
    second = person.result()
    assert second["run"] != first["run"]
    assert second["status"] == "validated"
    assert purposes(person, paid=True) == [
        "input.consolidate",
        "validation.write_acceptance",
        "development.write_patch",
    ]
    person.sixfold("apply", second["run"])
    assert "-item[1]" in (person.folder / "wordcount.py").read_text()
    names = person.events("acceptance.written")[-1]["data"]["names"]
    assert names == ["test_words_are_counted_without_case", "test_the_most_frequent_comes_first"]
    person.sixfold("replay", second["run"])


def test_correction_takes_an_offered_release_back_and_the_run_goes_on_with_it(person: Person) -> None:
    person.sixfold("build", REQUEST, "--unanswered", "default", scenario="corrected", expect=3)
    offered = person.events("release.proposed")[-1]["data"]["offer"]["tree"]
    person.sixfold("answer", "A2", WISH)
    rejected = person.events("decision.given")[-1]["data"]["decision"]
    assert (rejected["subject"], rejected["verdict"]) == (f"release:{offered}", "reject")
    person.sixfold("resume", expect=3)
    person.sixfold("approve")
    person.sixfold("resume")
    result = person.result()
    assert result["status"] == "validated"
    assert result["tree"] != offered
    # the blind tests that were written again are kept as well, for whoever asks later what broke them
    assert "→  I3" in person.sixfold("bisect", "--test", "test_the_most_frequent_comes_first")
    person.sixfold("replay")


def test_deferred_questions_are_answered_before_the_release_and_change_only_what_they_touch(person: Person) -> None:
    person.sixfold("build", REQUEST, "--unanswered", "defer", scenario="corrected", expect=3)
    assert "development.write_patch" in purposes(person)
    person.sixfold("answer", "Q1", WISH)
    person.sixfold("resume", "-y")
    assert purposes(person).count("input.consolidate") == 1
    assert person.result()["status"] == "validated"


def test_nobody_is_asked_under_never_and_everything_stands_as_an_assumption(person: Person) -> None:
    person.sixfold("build", REQUEST, "--clarify", "never", "-y", scenario="large")
    result = person.result()
    assert result["questions"] == []
    assert result["specification"]["assumptions"][0]["text"] == "Does case matter? → no"


def test_small_request_is_checked_too_when_the_check_is_always_wanted(person: Person) -> None:
    person.sixfold("build", "create fizz.py with fizz(n) and a test", "--clarify", "always", scenario="quiet", expect=3)
    assert [item["default"] for item in person.result()["questions"]] == ["yes"]
    person.sixfold("answer", "--default", "Q1")
    person.sixfold("resume", "-y")
    assert person.result()["status"] == "validated"


def test_sentence_changed_in_an_editor_is_checked_and_then_built(person: Person, tmp_path: Path) -> None:
    person.sixfold("build", REQUEST, "-y", scenario="corrected")
    first = person.result()["run"]
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import pathlib, sys\n"
        "path = pathlib.Path(sys.argv[2])\n"
        "text = path.read_text()\n"
        "path.write_text(text.replace(*sys.argv[1].split('|')))\n"
    )
    person.environment["EDITOR"] = f"{sys.executable} {editor} 'A2: Output|A9: Output'"
    person.sixfold("spec", first, "--edit", expect=2)
    assert person.result()["run"] == first
    person.environment["EDITOR"] = f"{sys.executable} {editor} 'A9: Output: one line a word; sorted by word|A2: {WISH}'"
    person.sixfold("spec", first, "--edit")  # opened as it was left
    second = person.result()
    assert second["run"] != first
    assert second["status"] == "validated"
    assert second["specification"]["assumptions"][1]["correction"] == WISH
