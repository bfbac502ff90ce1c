"""Whole runs through the command line: a scripted model as a program, and everything else real (git, sandbox, DBOS)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import warm

pytestmark = pytest.mark.slow

ANSWERS = Path(__file__).parent.parent / "scripted" / "answers.py"


class Person:
    """Somebody at a terminal (without one: every stream is a pipe) in a folder of their own."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.home = home
        self.folder = folder
        self.environment: dict[str, str] = {}
        folder.mkdir(exist_ok=True)

    def sixfold(self, *words: str, scenario: str = "", expect: int = 0, stdin: str = "") -> str:
        model = ["-m", f"command:{sys.executable} {ANSWERS} {scenario}"] if scenario else []
        environment = {**os.environ, "SIXFOLD_HOME": str(self.home), **self.environment}
        done = warm.sixfold([*words, *model], cwd=self.folder, env=environment, stdin=stdin)
        assert done.returncode == expect, f"exit {done.returncode}, wanted {expect}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def result(self) -> dict[str, Any]:
        return json.loads(self.sixfold("show", "--last", "--json"))

    def events(self, kind: str) -> list[dict[str, Any]]:
        runs = sorted((self.home / "runs").glob("r-*"))
        lines = (runs[-1] / "events.jsonl").read_text().splitlines()
        return [event for event in map(json.loads, lines) if event["kind"] == kind]

    def git(self, *words: str) -> str:
        return subprocess.run(["git", *words], cwd=self.folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One state folder for this file, so that the sandbox's toolchain is installed once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def person(shared_home: Path, tmp_path: Path) -> Person:
    return Person(shared_home, tmp_path / "folder")


def test_a_finding_that_the_coder_disputes_is_signed_away_by_a_person_or_not_at_all(person: Person) -> None:
    said = "The folder is meant for everybody."
    person.sixfold("build", "create fizz.py with fizz(n) and a test", "-y", scenario="declined", expect=3)
    assert [event["data"]["text"] for event in person.events("patch.declined")] == [said]
    [offered] = person.events("release.proposed")
    assert [dispute["text"] for dispute in offered["data"]["offer"]["disputed"]] == [said]
    assert person.events("branch.made") == []  # -y was said before anybody could know of it
    shown = person.sixfold("review", "--last")
    assert "DISPUTED fizz.py" in shown
    assert said in shown
    assert "suppressions" not in person.sixfold("export", "--last", "--format", "sarif")
    person.sixfold("approve", "--last", "-m", "a shared folder")
    person.sixfold("resume", "--last", scenario="declined")
    assert person.result()["status"] == "validated"
    found = json.loads(person.sixfold("export", "--last", "--format", "sarif"))
    results = [result for run in found["runs"] for result in run["results"] if "suppressions" in result]
    [suppression] = results[0]["suppressions"]
    assert suppression["status"] == "accepted"
    for part in ("human:", "a shared folder", said):
        assert part in suppression["justification"]
    assert "signed away by human:" in person.sixfold("export", "--last", "--format", "html")


def test_a_coder_who_calls_failing_tests_wrong_gains_nothing(person: Person) -> None:
    person.sixfold("build", "create fizz.py with fizz(n) and a test", "-y", scenario="in-denial", expect=5)
    assert person.events("patch.declined")
    assert person.events("release.proposed") == person.events("branch.made") == []


def test_a_small_request_costs_two_calls_and_comes_out_as_one_commit(person: Person) -> None:
    person.sixfold("build", "create fizz.py with fizz(n) and a test", "-y", scenario="small")
    result = person.result()
    assert result["status"] == "validated"
    assert result["usage"]["calls"] == 2
    assert result["files"] == ["fizz.py", "test_fizz.py"]
    assert result["questions"] == []
    assert list(person.folder.iterdir()) == []  # nothing before apply
    bisected = json.loads(person.sixfold("bisect", "--last", "--test", "test_each_kind_of_number", "--json"))
    assert (bisected["found"], [trial["verdict"] for trial in bisected["trials"]]) == ("I1", ["fails", "passes"])
    assert "→  I1" in person.sixfold("bisect", "--last", "--", "python", "-c", "import fizz")
    assert "+def fizz(n: int) -> str:" in person.sixfold("apply", "--preview")
    assert list(person.folder.iterdir()) == []
    assert "+def fizz(n: int) -> str:" in person.sixfold("diff", "--last")
    assert "def fizz" in (person.home / "runs" / result["run"] / "report.html").read_text()
    person.sixfold("apply")
    assert sorted(path.name for path in person.folder.iterdir() if path.name != ".git") == ["fizz.py", "test_fizz.py"]
    assert "Sixfold-Task: T1" in person.git("log", "-1", "--format=%B")
    person.sixfold("undo")
    assert list(person.folder.iterdir()) == []


def test_a_request_without_tests_is_checked_by_its_examples_and_gets_no_tests_it_did_not_ask_for(
    person: Person,
) -> None:
    person.sixfold("build", "create fizz.py with fizz(n)", "-y", scenario="untested")
    result = person.result()
    assert (result["status"], result["files"], result["usage"]["calls"]) == ("validated", ["fizz.py"], 2)
    ran = person.events("tests.ran")[0]["data"]["report"]
    assert [case["outcome"] for case in ran["cases"]] == ["passed", "passed"]


def test_a_failing_first_attempt_is_repaired_with_its_evidence(person: Person) -> None:
    person.sixfold("build", "create fizz.py with fizz(n) and a test", "-y", scenario="repaired")
    assert [event["data"]["strategy"] for event in person.events("repair.decided")] == ["repair"]
    assert person.result()["status"] == "validated"


def test_a_patch_that_keeps_failing_ends_with_exit_5_and_what_is_known(person: Person) -> None:
    person.sixfold("build", "create fizz.py with fizz(n) and a test", "-y", scenario="hopeless", expect=5)
    result = person.result()
    assert result["status"] == "failed"
    assert result["branch"] in ("", None)
    assert person.events("repair.decided")[-1]["data"]["strategy"] == "stop"
    assert list(person.folder.iterdir()) == []


def test_a_task_that_is_stuck_also_afresh_is_given_to_samples_and_execution_chooses(
    person: Person, tmp_path: Path
) -> None:
    person.sixfold("build", "create fizz.py with fizz(n) and a test", "-y", scenario=f"sampled {tmp_path / 'asked'}")
    assert [event["data"]["strategy"] for event in person.events("repair.decided")] == ["repair", "fresh", "sample"]
    compared = person.events("candidates.compared")[0]["data"]
    assert len(compared["candidates"]) == 3
    assert "part them, 67% agree" in compared["reason"]  # the odd one out passes every test that was given
    assert person.result()["status"] == "validated"
    record = tmp_path / "again"
    person.sixfold("replay", "--last")
    assert person.events("candidates.compared")[0]["data"] == compared
    assert not record.exists()


def test_a_stronger_model_gets_one_attempt_at_what_beat_the_coder(person: Person) -> None:
    expert = f"expert=command:{sys.executable} {ANSWERS} rescued"
    person.sixfold("build", "create fizz.py with fizz(n) and a test", "-y", "--role", expert, scenario="hopeless")
    decided = [event["data"]["strategy"] for event in person.events("repair.decided")]
    assert decided == ["repair", "fresh", "sample", "expert"]
    asked = [event["data"] for event in person.events("model.called")]
    assert [each["purpose"] for each in asked if each["role"] == "expert"] == ["development.write_patch"]
    spent = json.loads(person.sixfold("cost", "--last", "--json"))["by_role"]
    assert [each["usage"]["calls"] for each in spent if each["name"] == "expert"] == [1]
    assert person.result()["status"] == "validated"
    person.sixfold("replay", "--last")


def test_readings_that_the_clarity_check_paid_for_are_developments_candidates(person: Person, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    request = 'def fizz(n: int) -> str:\n    """Return the fizz word of n."""\n'
    person.sixfold("build", request, "-y", scenario=f"readings {asked}")
    result = person.result()
    assert (result["status"], result["files"]) == ("validated", ["fizz.py", "test_fizz.py"])
    assert result["usage"]["calls"] == 4  # three readings and the acceptance tests: nothing was repaired
    (compared,) = [event["data"] for event in person.events("candidates.compared")]
    assert [each["own"] for each in compared["candidates"]] == [1, 0]
    assert compared["chosen"] == "s2"
    assert person.events("repair.decided") == []
    person.sixfold("replay", "--last")


def test_questions_wait_for_any_door_and_the_run_goes_on_where_it_was(person: Person) -> None:
    person.sixfold("build", "I want something that counts words for my team", scenario="large", expect=3)
    asked = person.result()["questions"]
    assert [(question["id"], question["status"]) for question in asked] == [("Q1", "open")]
    calls = person.result()["usage"]["calls"]
    person.sixfold("answer", "--last", "Q1", "no")
    person.sixfold("resume", expect=3)  # now the release waits
    purposes = [event["data"]["purpose"] for event in person.events("model.called")]
    assert purposes.count("input.clarify") == 1
    assert len(purposes) > calls
    person.sixfold("approve")
    person.sixfold("resume")
    result = person.result()
    assert result["status"] == "validated"
    assert [task["id"] for task in result["plan"]["tasks"]][:2] == ["T1", "T2"]
    assert result["approvals"][-1]["who"].startswith("human:")
    assert len(person.events("commit.made")) == 2


def test_a_rejected_release_is_reworked_and_offered_again(person: Person) -> None:
    person.sixfold("build", "create fizz.py with fizz(n) and a test", scenario="reviewed", expect=3)
    first = person.events("release.proposed")[-1]["data"]["offer"]["tree"]
    person.sixfold("reject", "--last", "release", "-m", "add the remark")
    person.sixfold("resume", expect=3)
    second = person.events("release.proposed")[-1]["data"]["offer"]["tree"]
    assert first != second
    person.sixfold("approve")
    person.sixfold("resume")
    person.sixfold("apply")
    assert "as the reviewer asked" in (person.folder / "fizz.py").read_text()


@pytest.mark.skipif(shutil.which("node") is None, reason="node runs the front end's tests: apt-get install nodejs")
def test_a_front_end_in_javascript_beside_a_python_back_end_is_tested_in_both_languages(person: Person) -> None:
    person.sixfold(
        "build", "create server.py and web/total.mjs with total(items) and a test for each", "-y", scenario="web"
    )
    reports = [event["data"]["report"] for event in person.events("tests.ran")]
    cases = {case["id"]: case["outcome"] for case in reports[0]["cases"]}
    assert cases["web/total.test.mjs::adds prices"] == "failed"  # and the repair mends it
    cases = {case["id"]: case["outcome"] for case in reports[1]["cases"]}
    assert (cases["web/total.test.mjs::adds prices"], cases["test_server.py::test_items"]) == ("passed", "passed")
    assert [event["data"]["strategy"] for event in person.events("repair.decided")] == ["repair"]
    assert person.result()["status"] == "validated"
    checks = {event["data"]["check"]["name"]: event["data"]["check"] for event in person.events("check.done")}
    assert (checks["other-tests"]["ok"], checks["other-tests"]["detail"]) == (True, "1 passed")
    tries = [event["data"]["tries"] for event in person.events("examination.started")]
    [[first, *_]] = tries  # said once, before minutes of work
    assert first == "1 example"
    risks = {risk["kind"] for risk in person.events("increment.proposed")[-1]["data"]["increment"]["risks"]}
    assert "network" in risks


def test_what_a_person_edits_in_review_is_tested_again_and_carries_their_name(person: Person, tmp_path: Path) -> None:
    person.sixfold("build", "create fizz.py with fizz(n) and a test", "--review", "all", scenario="small", expect=3)
    mine = tmp_path / "mine"
    mine.mkdir()
    source = person.events("increment.proposed")[0]["data"]["increment"]
    (mine / "fizz.py").write_text('def fizz(n: int) -> str:\n    return "broken"\n')
    person.sixfold("edit", "I1", "--from", str(mine))
    person.sixfold("resume", expect=3)
    second = person.events("increment.proposed")[1]["data"]["increment"]
    assert second["risks"][0]["kind"] == "failing"  # no edit passes untested
    diff = person.sixfold("diff", "--last")
    assert "broken" in diff
    lines = (
        "def fizz(n: int) -> str:",
        '    word = "Fizz" * (n % 3 == 0) + "Buzz" * (n % 5 == 0)',
        "    return word or str(n)",
    )
    good = "\n".join(lines) + "\n"
    (mine / "fizz.py").write_text(good)
    person.sixfold("edit", second["id"], "--from", str(mine))
    person.sixfold("resume", expect=3)
    approved = [event["data"]["decision"] for event in person.events("decision.given")][-1]
    assert approved["comment"] == "edited by them, and tested again"
    person.sixfold("approve")
    person.sixfold("resume")
    person.sixfold("apply")
    assert (person.folder / "fizz.py").read_text() == good
    assert source["tree"] != person.result()["tree"]
    message = person.git("log", "-1", "--format=%an %B")
    assert "Sixfold-Model: human:" in message
    assert not message.startswith("Sixfold ")


def test_a_wrong_blind_test_is_corrected_by_the_blind_context_and_not_by_the_coder(person: Person) -> None:
    person.sixfold("build", "I want something that counts words for my team", "-y", scenario="disputed")
    disputes = person.events("acceptance.disputed")
    assert [event["data"]["verdict"] for event in disputes] == ["corrected"]
    assert person.result()["status"] == "validated"


def test_green_unit_tests_do_not_hide_a_product_that_fails_from_outside(person: Person) -> None:
    person.sixfold("build", "create fizz.py with fizz(n) and a test", "-y", scenario="false-confidence")
    first = person.events("increment.proposed")[0]["data"]["increment"]
    assert "failing" not in {risk["kind"] for risk in first["risks"]}
    assert [event["data"]["verdict"] for event in person.events("acceptance.disputed")] == ["upheld"]
    assert person.events("plan.made")[-1]["data"]["plan"]["reason"] == "Put right what validation found"
    assert person.result()["status"] == "validated"
    assert len(person.events("commit.made")) == 2


def test_uncommitted_work_survives_and_stays_out_of_the_branch(person: Person) -> None:
    person.git("init", "-q", "-b", "main", ".")
    (person.folder / "README.md").write_text("hello\n")
    person.git("add", "-A")
    person.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first")
    (person.folder / "README.md").write_text("hello, half-written\n")
    (person.folder / "scratch.txt").write_text("mine\n")
    status = person.git("status", "--porcelain")
    person.sixfold("build", "create fizz.py with fizz(n) and a test", "-y", scenario="small")
    assert person.git("status", "--porcelain") == status
    assert person.git("branch", "--list").split() == ["*", "main"]
    person.sixfold("apply")
    assert person.git("status", "--porcelain") == status
    assert "fizz.py" in person.git("ls-tree", "--name-only", "HEAD")
    assert "scratch.txt" not in person.git("ls-tree", "--name-only", "HEAD")
    assert person.git("show", "HEAD:README.md") == "hello\n"
    person.sixfold("undo")
    assert person.git("status", "--porcelain") == status
    assert not (person.folder / "fizz.py").exists()


def test_a_recorded_run_replays_offline_to_the_same_tree(person: Person, tmp_path: Path) -> None:
    record = tmp_path / "recording"
    person.sixfold(
        "build", "I want something that counts words for my team", "-y", "--record", str(record), scenario="large"
    )
    tree = person.result()["tree"]
    person.sixfold("replay", "--last")
    assert person.result()["tree"] == tree
    assert all(event["data"]["replayed"] for event in person.events("model.called"))
    person.sixfold("build", "I want something that counts words for my team", "-y", "--replay", str(record))
    assert person.result()["tree"] == tree


def test_a_budget_pauses_before_the_call_and_resume_goes_on(person: Person) -> None:
    person.sixfold(
        "build", "create fizz.py with fizz(n) and a test", "-y", "--budget-tokens", "100", scenario="small", expect=4
    )
    assert person.events("model.called") == []
    person.sixfold("resume", "--budget-tokens", "+100000")
    assert person.result()["status"] == "validated"
