"""A fork pays only for what comes after it; a cap is never passed, whatever crashes when."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import warm

ANSWERS = Path(__file__).parent.parent / "scripted" / "answers.py"
REQUEST = "I want something that counts words for my team"
SMALL = "create fizz.py with fizz(n) and a test"

pytestmark = pytest.mark.slow


class Person:
    """Somebody with a scripted model that counts what it is asked."""

    def __init__(self, place: Path) -> None:
        self.home = place / "home"
        self.folder = place / "folder"
        self.folder.mkdir(parents=True)
        self.charged = place / "charged"
        self.charged.touch()

    def model(self, scenario: str) -> str:
        return f"command:{sys.executable} {ANSWERS} {scenario} {self.charged}"

    def sixfold(self, *words: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "SIXFOLD_HOME": str(self.home)}
        done = warm.sixfold(words, cwd=self.folder, env=environment)
        assert done.returncode == expect, f"exit {done.returncode}, wanted {expect}\n{done.stdout}\n{done.stderr}"
        return done

    def show(self, *words: str) -> dict[str, Any]:
        return json.loads(self.sixfold("show", *words, "--json").stdout)

    def calls(self) -> int:
        return len(self.charged.read_text().splitlines())

    def events(self, kind: str) -> list[dict[str, Any]]:
        run = sorted((self.home / "runs").glob("r-*"))[-1]
        lines = (run / "events.jsonl").read_text().splitlines()
        return [event["data"] for event in map(json.loads, lines) if event["kind"] == kind]


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


def test_a_fork_takes_over_what_lies_before_it_for_nothing(person: Person) -> None:
    person.sixfold("build", REQUEST, "-y", "-m", person.model("parallel"))
    first = person.show("--last")
    paid = person.calls()
    # Another model from the first task on: specification and plan were paid for, and stay.
    person.sixfold("fork", first["run"], "--from", "development", "-m", person.model("parallel") + " again")
    again = [call["purpose"] for call in person.events("model.called") if not call["replayed"]]
    second = person.show("--last")
    assert second["run"] != first["run"]
    assert second["tree"] == first["tree"]
    assert person.calls() - paid == len(again)
    assert set(again) <= {"development.write_patch", "validation.write_acceptance"}
    compared = json.loads(person.sixfold("show", "--compare", first["run"], second["run"], "--json").stdout)
    assert [run["run"] for run in compared["runs"]] == [first["run"], second["run"]]
    # A fork holds everything it was made from: it replays by itself.
    person.sixfold("replay", second["run"])


def test_a_fork_before_a_question_may_get_another_answer(person: Person, tmp_path: Path) -> None:
    person.sixfold("build", REQUEST, "-m", person.model("large"), expect=3)
    person.sixfold("answer", "--last", "Q1", "no")
    person.sixfold("resume", expect=3)
    first = person.show("--last")
    paid = person.calls()
    (tmp_path / "answers.toml").write_text('Q1 = "yes"\n')
    person.sixfold("fork", first["run"], "--from", "question:Q1", "--answers", str(tmp_path / "answers.toml"), expect=3)
    second = person.show("--last")
    assert [question["answer"] for question in first["questions"]] == ["no"]
    assert [question["answer"] for question in second["questions"]] == ["yes"]
    assert "input.clarify" not in [call["purpose"] for call in person.events("model.called") if not call["replayed"]]
    assert person.calls() > paid


def test_a_step_the_run_never_took_is_named_with_those_it_took(person: Person) -> None:
    person.sixfold("build", SMALL, "-y", "-m", person.model("small"))
    refused = person.sixfold("fork", "--last", "--from", "deploy", expect=2)
    assert "took no step 'deploy'" in refused.stderr
    assert "validation.write_acceptance" in refused.stderr


def test_a_fork_may_ask_with_another_prompt_and_under_another_cap_and_pays_for_nothing_before(
    person: Person, tmp_path: Path
) -> None:
    person.sixfold("build", SMALL, "-y", "-m", person.model("small"))
    first = person.show("--last")["run"]
    paid = person.charged.read_text().split()
    prompt = tmp_path / "tester.md"
    prompt.write_text("Before any code is seen, you write the acceptance tests, one for each requirement.\n")
    call = "validation.write_acceptance"
    person.sixfold("fork", first, "--from", call, "--prompt", f"{call}={prompt}")
    again = [event for event in person.events("model.called") if not event["replayed"]]
    assert [event["purpose"] for event in again] == [call]
    assert len(person.charged.read_text().split()) == len(paid) + 1
    run = person.show("--last")["run"]
    kept = json.loads((person.home / "runs" / run / "cassette" / f"{again[0]['request']}.json").read_text())
    assert kept["request"]["system"] == prompt.read_text().strip()
    # The other prompt is part of the fork: it replays by itself, and is forked on.
    person.sixfold("replay", run)
    assert person.events("run.created")[0]["options"]["prompts"] == [[call, prompt.read_text().strip()]]
    # A cap of the fork's own: what was taken over does not count against it, and nothing new is paid for.
    charged = person.calls()
    stopped = person.sixfold("fork", first, "--from", "input", "--budget-tokens", "10", expect=4)
    assert "the budget run:tokens is reached: 0 tokens of 10 tokens spent" in stopped.stderr
    assert person.calls() == charged
    person.sixfold("resume", "--last", "--budget-tokens", "+100000")
    assert person.calls() == charged + len(paid)
    refused = person.sixfold("fork", first, "--from", call, "--prompt", f"development.dream={prompt}", expect=2)
    assert "made no model call 'development.dream'" in refused.stderr


def test_the_price_of_a_program_is_unknown_everywhere_and_never_zero(person: Person) -> None:
    person.sixfold("build", SMALL, "-y", "-m", person.model("small"))
    assert person.show("--last")["usage"]["cost_usd"] is None
    for screen in ("show", "cost", "runs", "log"):
        said = person.sixfold(screen).stdout
        assert "unknown" in said, screen
        assert "$0.0" not in said, screen
    report = next((person.home / "runs").glob("r-*")) / "report.html"
    assert "unknown" in report.read_text()
    assert "$0.0" not in report.read_text()
    told = person.sixfold("build", SMALL, "-y", "-m", person.model("small")).stderr
    assert "cost unknown (rests on 1 earlier run" in told
    # A cap in dollars on a price that nobody knows would be no cap.
    refused = person.sixfold("build", SMALL, "-y", "-m", person.model("small"), "--budget-usd", "1", expect=2)
    assert "--budget-usd cannot be kept" in refused.stderr


def test_a_cap_of_each_phase_pauses_the_run_and_can_be_raised(person: Person) -> None:
    stopped = person.sixfold(
        "build", SMALL, "-y", "-m", person.model("small"), "--phase-budget-tokens", "5000", expect=4
    )
    assert "the budget phase:input:tokens is reached" in stopped.stderr
    assert "sixfold resume --phase-budget-tokens +N" in stopped.stderr
    assert person.calls() == 0
    person.sixfold("resume", "--phase-budget-tokens", "+100000")
    assert person.show("--last")["status"] == "validated"
    assert {row["name"] for row in json.loads(person.sixfold("cost", "--json").stdout)["by_phase"]} == {
        "input",
        "validation",
    }


KILLER = """
import os, signal, sys
sys.stdin.read()
open(sys.argv[1], "a").write("asked\\n")
os.kill(os.getppid(), signal.SIGKILL)
"""


def test_a_call_cut_off_by_a_crash_counts_in_full_and_more_budget_goes_on(person: Person, tmp_path: Path) -> None:
    killer = tmp_path / "killer.py"
    killer.write_text(KILLER)
    command = f"command:{sys.executable} {killer} {tmp_path / 'asked'}"
    person.sixfold("build", SMALL, "-y", "-m", command, "--budget-tokens", "25000", expect=-signal.SIGKILL)
    reserved = json.loads((next((person.home / "runs").glob("r-*")) / "ledger.jsonl").read_text().splitlines()[0])
    most = reserved["most"]["input_tokens"] + reserved["most"]["output_tokens"]
    assert most > 25_000 / 2
    # The provider may have charged for the call nobody got an answer to: together with it, a second one has no room.
    stopped = person.sixfold("resume", "-m", person.model("small"), expect=4)
    assert "budget" in stopped.stderr
    assert person.calls() == 0
    person.sixfold("resume", "--budget-tokens", "+100000")
    assert person.show("--last")["status"] == "validated"
    assert person.calls() == 2


def test_a_cap_of_each_task_stops_that_task_and_can_be_raised(person: Person) -> None:
    stopped = person.sixfold(
        "build", REQUEST, "-y", "-m", person.model("parallel"), "--task-budget-tokens", "18000", expect=4
    )
    assert "the budget task:" in stopped.stderr
    assert "--task-budget-tokens +N" in stopped.stderr
    paid = person.calls()
    person.sixfold("resume", "--task-budget-tokens", "+100000")
    assert person.show("--last")["status"] == "validated"
    assert person.calls() > paid
    prompts = person.charged.read_text().splitlines()
    assert len(prompts) == len(set(prompts))


def test_a_forecast_rests_on_earlier_runs_of_the_kind_or_says_that_there_are_none(person: Person) -> None:
    first = person.sixfold("build", SMALL, "-y", "-m", person.model("small"))
    assert "no forecast: no earlier direct request" in first.stderr
    second = person.sixfold("build", SMALL, "-y", "-m", person.model("small"))
    assert "forecast: 1 to 4 calls" in second.stderr
    assert "rests on 1 earlier run" in second.stderr
    cost = json.loads(person.sixfold("cost", "--last", "--json").stdout)
    low, high = cost["forecast"]["tokens"]
    assert low <= cost["usage"]["input_tokens"] + cost["usage"]["output_tokens"] <= high
    assert "within the forecast" in person.sixfold("cost", "--last").stdout


SLEEPER = """
import os, signal, sys, time
os.mkfifo(sys.argv[1] + ".wait")
open(sys.argv[1], "w").write(str(os.getpid()))
os.kill(os.getppid(), signal.SIGKILL)
open(sys.argv[1] + ".wait").read()
"""


def test_a_killed_run_leaves_no_model_program_behind(person: Person, tmp_path: Path) -> None:
    sleeper = tmp_path / "sleeper.py"
    sleeper.write_text(SLEEPER)
    noted = tmp_path / "process"
    command = f"command:{sys.executable} {sleeper} {noted}"
    person.sixfold("build", SMALL, "-y", "-m", command, expect=-signal.SIGKILL)
    # It was shot with the run; the kernel may still be taking it down.
    stat = Path(f"/proc/{noted.read_text()}/stat")
    until = time.monotonic() + 60
    while (alive := _runs(stat)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive


def _runs(stat: Path) -> bool:
    try:
        return not stat.read_text().rpartition(") ")[2].startswith(("Z", "X"))
    except (FileNotFoundError, ProcessLookupError):
        return False
