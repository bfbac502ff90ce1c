"""A run killed before, in or after any of its steps comes out as if nothing had happened, and nothing is paid twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SHARES = 4
CRASHING = Path(__file__).parent / "crashing.py"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(SHARES))
def test_a_run_killed_at_any_moment_of_any_step_comes_out_the_same(tmp_path: Path, share: int) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    program = [sys.executable, CRASHING, tmp_path, str(share), str(SHARES)]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stderr
    undisturbed, *crashed = map(json.loads, done.stdout.splitlines())
    assert undisturbed["ends"] == [0]
    # All four phases, two tasks side by side and one after them, one repair, one question, one release.
    assert len(undisturbed["commits"]) == 3
    assert len(undisturbed["decisions"]) == 2
    assert any(event.startswith("repair.decided") for event in undisturbed["events"])
    assert len(crashed) >= 15
    wrong = {outcome["moment"]: wrongs for outcome in crashed if (wrongs := differences(outcome, undisturbed))}
    assert not wrong


def differences(outcome: dict[str, Any], undisturbed: dict[str, Any]) -> list[str]:
    """What a crash changed; empty when nobody can tell that there was one."""
    found = []
    if outcome["ends"] != [-signal.SIGKILL, 0]:
        found.append(f"ended {outcome['ends']}")
    for fact in ("tree", "commits", "decisions"):
        if outcome[fact] != undisturbed[fact]:
            found.append(f"{fact}: {outcome[fact]} instead of {undisturbed[fact]}")
    # Two tasks side by side may be merged in the other order after a crash; the number of each kind stays.
    kinds = [sorted(event.split()[0] for event in run["events"]) for run in (outcome, undisturbed)]
    if kinds[0] != kinds[1]:
        found.append(f"events {set(outcome['events']) ^ set(undisturbed['events'])}")
    if sorted(outcome["paid"]) != sorted(undisturbed["paid"]):
        found.append(f"paid for {len(outcome['paid'])} calls instead of {len(undisturbed['paid'])}")
    return found
