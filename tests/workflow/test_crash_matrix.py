"""A run killed before, in or after any of its steps comes out as if nothing had happened, and nothing is paid twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

SHARES = 4
CRASHING = Path(__file__).parent / "crashing.py"


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the real sandbox said about the scenario's trees: asked once, remembered by every run after that."""
    folder = tmp_path_factory.mktemp("verdicts")
    crash(folder, "verdicts")
    return folder / "verdicts"


@pytest.fixture
def place(tmp_path: Path, verdicts: Path) -> Path:
    """An empty bench that remembers the verdicts."""
    shutil.copytree(verdicts, tmp_path / "verdicts")
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(SHARES))
def test_a_run_killed_at_any_moment_of_any_step_comes_out_the_same(place: Path, share: int) -> None:
    undisturbed, *crashed = crash(place, str(share), str(SHARES))
    assert undisturbed["ends"] == [0]
    # All four phases, two tasks side by side and one after them, one repair, one question, one release.
    assert len(undisturbed["commits"]) == 3
    assert len(undisturbed["decisions"]) == 2
    assert any(event.startswith("repair.decided") for event in undisturbed["events"])
    assert len(crashed) >= 15
    wrong = {outcome["moment"]: wrongs for outcome in crashed if (wrongs := differences(outcome, undisturbed))}
    assert not wrong


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_files_that_a_power_cut_tore_lose_nothing_that_was_paid_for(place: Path) -> None:
    undisturbed, *damaged = crash(place, "damage")
    wrong = {outcome["moment"]: wrongs for outcome in damaged if (wrongs := differences(outcome, undisturbed))}
    # An answer that is damaged on disk is asked for again, when it is needed, rather than believed.
    calls = len(undisturbed["paid"])
    asked_again = [f"paid for {calls + 1} calls instead of {calls}"]
    assert wrong.pop("the newest answer is cut", asked_again) == asked_again
    assert not wrong


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_full_disk_a_held_database_and_a_second_process_stop_a_run_and_break_nothing(place: Path) -> None:
    undisturbed, *troubled = crash(place, "trouble")
    storage = {outcome["moment"]: outcome for outcome in troubled if outcome["told"]}
    assert len(storage) == 4  # the clock alone stops nothing
    assert {outcome["told"]["code"] for outcome in storage.values()} == {"storage"}
    assert storage["another program holds the database"]["told"]["why"] == "database is locked"
    ends = {outcome["moment"]: outcome["ends"][:-1] for outcome in troubled}
    assert ends["two processes resume at once"] == [-signal.SIGKILL, 0, 2]
    assert ends["the disk is full in the middle"] == [1]
    wrong = {outcome["moment"]: outcome for outcome in troubled if differences(outcome, undisturbed, ends=[0])}
    assert not wrong


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", ["one", "two", "three"])
def test_a_run_shot_again_and_again_at_random_moments_comes_out_the_same(place: Path, seed: str) -> None:
    undisturbed, *shot = crash(place, "random", seed, "4")
    assert sum(outcome["kills"] for outcome in shot) >= 10
    wrong = {}
    for outcome in shot:
        # A model that was answering when the process died is asked again; whatever had been answered is not.
        wrongs = [f"{outcome['paid_again']} paid again"] if outcome["paid_again"] else []
        paid = {**outcome, "paid": sorted(set(outcome["paid"]))}
        wrongs += differences(paid, undisturbed, ends=[0])
        if wrongs:
            wrong[outcome["moment"]] = wrongs
    assert not wrong


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_small_run_in_the_real_sandbox_may_be_killed_in_every_step(tmp_path: Path) -> None:
    undisturbed, *crashed = crash(tmp_path, "sandboxed")
    assert undisturbed["ends"] == [0]
    assert len(crashed) >= 8
    wrong = {outcome["moment"]: wrongs for outcome in crashed if (wrongs := differences(outcome, undisturbed))}
    assert not wrong


def crash(folder: Path, *words: str) -> list[dict[str, Any]]:
    """What `crashing.py` says, run by run."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    program = [sys.executable, CRASHING, folder, *words]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def differences(
    outcome: dict[str, Any], undisturbed: dict[str, Any], *, ends: Sequence[int] = (-signal.SIGKILL, 0)
) -> list[str]:
    """What a crash changed; empty when nobody can tell that there was one."""
    found = []
    if outcome["ends"][-len(ends) :] != list(ends):
        found.append(f"ended {outcome['ends']}")
    for fact in ("whole", "tree", "commits", "decisions"):
        if outcome[fact] != undisturbed[fact]:
            found.append(f"{fact}: {outcome[fact]} instead of {undisturbed[fact]}")
    # Two tasks side by side may be merged in the other order after a crash; the number of each kind stays.
    kinds = [sorted(event.split()[0] for event in run["events"]) for run in (outcome, undisturbed)]
    if kinds[0] != kinds[1]:
        found.append(f"events {set(outcome['events']) ^ set(undisturbed['events'])}")
    if sorted(outcome["paid"]) != sorted(undisturbed["paid"]):
        found.append(f"paid for {len(outcome['paid'])} calls instead of {len(undisturbed['paid'])}")
    return found
