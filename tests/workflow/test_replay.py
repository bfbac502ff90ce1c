"""A replay does the same work again, offline, and says so or shows the first difference."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sixfold.domain.events import Event
from sixfold.recording import event_differences, story
from sixfold.workflow.clock import SystemClock
from sixfold.workflow.log import EventLog

ANSWERS = Path(__file__).parent.parent / "scripted" / "answers.py"


def sixfold(
    home: Path, folder: Path, *words: str, expect: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "sixfold", *words],
        cwd=folder,
        env={**os.environ, "SIXFOLD_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == expect, f"exit {done.returncode}, wanted {expect}\n{done.stdout}\n{done.stderr}"
    return done


def events_of(home: Path, run: str) -> list[Event]:
    return EventLog(home / "runs" / run / "events.jsonl", SystemClock()).read()


def newest(home: Path) -> str:
    return sorted(path.name for path in (home / "runs").glob("r-*"))[-1]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A state folder and another place, and the run of two parallel tasks, a repair, a question and a release."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("folder")
    model = f"command:{sys.executable} {ANSWERS} parallel"
    request = "I want something that counts words for my team"
    sixfold(home, folder, "build", request, "-m", model, expect=3)
    run = newest(home)
    sixfold(home, folder, "answer", run, "Q1", "no")
    sixfold(home, folder, "resume", run, expect=3)
    sixfold(home, folder, "approve", run)
    sixfold(home, folder, "resume", run)
    return home, folder, run


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "workers"), [("1", "1"), ("4711", "3")])
def test_a_replay_is_the_same_under_any_hash_seed_and_any_number_of_workers(
    recorded: tuple[Path, Path, str], tmp_path: Path, seed: str, workers: str
) -> None:
    home, _, run = recorded
    elsewhere = tmp_path / "another checkout"
    elsewhere.mkdir()
    sixfold(home, elsewhere, "replay", run, "--workers", workers, PYTHONHASHSEED=seed)
    fresh = newest(home)
    assert fresh != run
    before, now = events_of(home, run), events_of(home, fresh)
    assert story(before, run) == story(now, fresh)
    assert all(event.data["replayed"] for event in now if event.kind == "model.called")


@pytest.mark.slow
def test_a_changed_answer_ends_the_replay_with_exit_6_and_a_diff(
    recorded: tuple[Path, Path, str], tmp_path: Path
) -> None:
    home, folder, run = recorded
    copy = tmp_path / "home"
    subprocess.run(["cp", "-r", str(home / "runs" / run), str(tmp_path / "run")], check=True)
    (copy / "runs").mkdir(parents=True)
    (tmp_path / "run").rename(copy / "runs" / run)
    for entry in (copy / "runs" / run / "cassette").glob("*.json"):
        content = json.loads(entry.read_text())
        if content.get("request", {}).get("purpose") == "orchestration.plan":
            entry.unlink()
    done = sixfold(copy, folder, "replay", run, expect=6)
    assert "orchestration.plan asks something that was not recorded" in done.stderr
    assert "asked now (orchestration.plan)" in done.stderr


def test_the_first_difference_of_two_logs_is_named_with_both_values(tmp_path: Path) -> None:
    logs = []
    for run, outcome in (("r-1", "passed"), ("r-2", "failed")):
        log = EventLog(tmp_path / f"{run}.jsonl", SystemClock())
        log.append("run.created", "created", {"folder": run})
        report = {"cases": [{"id": "t", "outcome": outcome}], "wall_s": len(logs)}
        log.append("tests.ran", f"tests:{run}:1", {"report": report})
        logs.append(log.read())
    drift = event_differences(logs[0], logs[1], ("r-1", "r-2"))
    assert drift is not None
    assert drift.difference == '! tests.ran tests:RUN:1 report.cases[0].outcome: "passed" recorded, "failed" now'
    assert event_differences(logs[0], logs[0], ("r-1", "r-1")) is None


def test_the_order_in_which_parallel_work_was_logged_makes_no_difference(tmp_path: Path) -> None:
    logs = []
    for run, keys in (("r-1", "ab"), ("r-2", "ba")):
        log = EventLog(tmp_path / f"{run}.jsonl", SystemClock())
        for key in keys:
            log.append("note", key, {"text": key})
        logs.append(log.read())
    assert event_differences(logs[0], logs[1], ("r-1", "r-2")) is None
