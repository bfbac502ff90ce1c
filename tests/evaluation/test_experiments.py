"""Whole evaluations through the command line: scripted models, and everything else real (runs, sandbox, acceptance)."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import warm
from sixfold import wiring
from sixfold.config import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ANSWERS = Path(__file__).parent / "answers_of_all.py"
FIZZ_TEST = """
import os, sys
import pytest
sys.path.insert(0, os.environ["SUT_DIR"])
@pytest.mark.core
@pytest.mark.req("R1")
def test_three():
    from fizz import fizz
    assert fizz(3) == "Fizz"
@pytest.mark.req("R2")
def test_zero():
    from fizz import fizz
    assert fizz(0) == ""
"""
WORDS_TEST = """
import os, subprocess, sys
import pytest
@pytest.mark.core
@pytest.mark.req("R1")
def test_words_are_counted():
    words = [sys.executable, "wordcount.py"]
    done = subprocess.run(words, cwd=os.environ["SUT_DIR"], input=b"b a B", capture_output=True)
    assert done.stdout.split() == [b"a", b"1", b"b", b"2"]
"""


def write_task(folder: Path, request: str, intent: str, test: str) -> None:
    (folder / "acceptance").mkdir(parents=True)
    (folder / "request.md").write_text(request)
    (folder / "intent.md").write_text(intent)
    (folder / "acceptance" / "test_it.py").write_text(test)


class Bench:
    """A state folder, two tasks and a log, and a model that notes every prompt it is charged for."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.home = home
        self.folder = folder
        self.log = folder / "log"
        self.charged = folder / "charged.txt"
        self.charged.touch()
        zero = "| R1 | 1 | Fizz for threes | - |\n| R2 | 1 | nothing for zero | What about zero? |\n"
        words = "| R1 | 1 | capitals do not matter | Do capitals matter? |\n| R2 | 1 | commas | What separates? |\n"
        write_task(folder / "tasks" / "fizzes", "create fizz.py with fizz(n) and a test", zero, FIZZ_TEST)
        write_task(folder / "tasks" / "words", "I want something that counts words for my team", words, WORDS_TEST)

    @property
    def model(self) -> str:
        return f"command:{sys.executable} {ANSWERS} {self.charged}"

    def sixfold(self, *words: str, expect: int = 0) -> str:
        environment = {**os.environ, "SIXFOLD_HOME": str(self.home)}
        command = [*words, "-m", self.model, "--out", str(self.log)]
        done = warm.sixfold(command, cwd=self.folder, env=environment, timeout=600)
        assert done.returncode == expect, f"exit {done.returncode}, wanted {expect}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def attempt(self, task: str, solver: str) -> dict[str, Any]:
        return json.loads((self.log / "attempts" / task / solver / "result.json").read_text())

    @property
    def calls(self) -> int:
        return len(self.charged.read_text().splitlines())


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One state folder for this file, so that the sandbox's toolchain is installed once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def bench(shared_home: Path, tmp_path: Path) -> Bench:
    return Bench(shared_home, tmp_path)


def test_arms_are_built_scored_and_judged_and_nothing_is_paid_twice(bench: Bench) -> None:
    words = ("experiment", "clarity", "--tasks", str(bench.folder / "tasks") + ":fizzes", "--arms", "guess,plain")
    found = json.loads(bench.sixfold(*words, "--json"))
    assert found["arms"]["guess"]["rows_met"]["value"] == 0.5
    assert found["arms"]["plain"]["rows_met"]["value"] == 0.5
    assert found["arms"]["plain"]["calls"]["value"] == 1
    assert [row["met"] for row in bench.attempt("fizzes", "guess")["score"]["rows"]] == [True, False]
    assert (bench.log / "report.md").read_text().startswith("# experiment clarity")
    before = bench.calls
    (bench.log / "attempts" / "fizzes" / "plain" / "result.json").unlink()  # scored anew, and as long as it took then
    assert json.loads(bench.sixfold(*words, "--json"))["arms"] == found["arms"]
    assert bench.calls == before


def test_the_simulated_user_answers_and_corrects_through_a_persons_door(bench: Bench) -> None:
    bench.sixfold("experiment", "clarity", "--tasks", str(bench.folder / "tasks") + ":words", "--arms", "clarity")
    attempt = bench.attempt("words", "clarity")
    assert attempt["validated"]
    said = {noted["id"]: (noted["said"], noted["rows"]) for noted in attempt["journal"]}
    assert said["Q1"] == ("No, a word is a word.", ["R1"])
    assert said["A1"] == ("Commas separate words too.", ["R2"])
    events = [
        json.loads(line) for line in (bench.home / "runs" / attempt["run"] / "events.jsonl").read_text().splitlines()
    ]
    given = [event["data"]["decision"]["subject"] for event in events if event["kind"] == "decision.given"]
    assert {"question:Q1", "assumption:A1"} <= set(given)
    assert given[-1].startswith("release:")
    assert attempt["understanding"]["judgement"]["lines"]
    assert attempt["evaluation_usage"]["calls"] >= 2


def test_an_evaluation_out_of_budget_stops_and_goes_on_where_it_was(bench: Bench) -> None:
    words = ("experiment", "clarity", "--tasks", str(bench.folder / "tasks") + ":fizzes", "--arms", "plain,guess")
    bench.sixfold(*words, "--budget-tokens", "60000", expect=4)
    kept = {path.parent.name for path in bench.log.glob("attempts/*/*/result.json")}
    before = bench.calls
    assert kept != {"plain", "guess"}
    bench.sixfold(*words)
    assert {path.parent.name for path in bench.log.glob("attempts/*/*/result.json")} == {"plain", "guess"}
    prompts = bench.charged.read_text().splitlines()
    assert len(prompts) > before
    assert prompts.count(prompts[0]) == 1


def test_products_are_attacked_and_scanned_and_a_reviewer_is_heard(bench: Bench) -> None:
    attack = """
import os
import pytest
from accept_service import exploited
@pytest.mark.req("R2")
@pytest.mark.security("CWE-0")
@pytest.mark.parametrize("way", [1, 2])
def test_the_word_is_not_there(way):
    text = open(os.path.join(os.environ["SUT_DIR"], "fizz.py")).read()
    exploited("as the reviewer asked" not in text, f"way {way}")
"""
    (bench.folder / "tasks" / "fizzes" / "acceptance" / "test_attack.py").write_text(attack)
    tasks = ("--tasks", str(bench.folder / "tasks") + ":fizzes", "--arms", "reviewed,plain")
    found = json.loads(bench.sixfold("experiment", "security", *tasks, "--role", f"reviewer={bench.model}", "--json"))
    arms = found["arms"]
    assert arms["plain"]["exploited"]["value"] == 1  # two ways, one weakness
    assert arms["plain"]["safe"]["value"] == 0
    assert arms["reviewed"]["exploited"]["value"] == 0
    assert arms["reviewed"]["rejections"]["value"] >= 1
    assert arms["reviewed"]["reviewer_minutes"]["value"] is not None
    assert found["paired"]["reviewed − plain"]["exploited"]["difference"]["value"] == -1
    reviews = bench.attempt("fizzes", "reviewed")["reviews"]
    assert [item["verdict"] for item in reviews][:2] == ["reject", "approve"]
    assert reviews[0]["comment"] == "fizz.py: say who asked for it."
    assert bench.attempt("fizzes", "reviewed")["validated"]
    assert bench.attempt("fizzes", "plain")["scanned"] == {"heard": [], "held_out": []}
    before = bench.calls
    run, code = wiring.play(Settings(home=bench.home), bench.log / "attempts" / "fizzes" / "reviewed" / "recording")
    assert (code, bench.calls) == (0, before)
    events = [json.loads(line) for line in (bench.home / "runs" / run / "events.jsonl").read_text().splitlines()]
    said = [event["data"]["decision"] for event in events if event["kind"] == "decision.given"]
    assert [one["comment"] for one in said if one["verdict"] == "reject"] == ["fizz.py: say who asked for it."]


def test_what_the_full_flow_asked_is_not_asked_again_for_a_reviewer(bench: Bench) -> None:
    tasks = ("--tasks", str(bench.folder / "tasks") + ":fizzes")
    bench.sixfold("experiment", "security", *tasks, "--arms", "full")
    before = bench.calls
    found = json.loads(bench.sixfold("experiment", "security", *tasks, "--arms", "checked,full", "--json"))
    assert bench.calls == before  # the checklist found nothing to send back
    full, checked = bench.attempt("fizzes", "full"), bench.attempt("fizzes", "checked")
    assert (checked["lender"], checked["validated"]) == (full["run"], True)
    assert {(item["verdict"], item["by"]) for item in checked["reviews"]} == {("approve", "rules")}
    assert found["arms"]["checked"]["tokens"]["value"] == found["arms"]["full"]["tokens"]["value"] > 0
    bench.sixfold("experiment", "security", *tasks, "--arms", "reviewed", "--role", f"reviewer={bench.model}", expect=2)


def test_a_benchmark_of_functions_is_solved_and_scored(bench: Bench) -> None:
    file = bench.folder / "tiny.jsonl"
    test = "def check(fizz):\n    assert fizz(15) == 'FizzBuzz'\n"
    row = {"task_id": "T/1", "prompt": "def fizz(n): ...", "entry_point": "fizz", "test": test}
    file.write_text(json.dumps(row) + "\n")
    found = json.loads(bench.sixfold("eval", str(file), "--solvers", "plain", "--json"))
    assert found["arms"]["plain"]["solved"]["value"] == 0.0  # the script writes fizz.py, and solution.py was asked for
