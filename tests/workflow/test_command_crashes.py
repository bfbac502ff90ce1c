"""A command that is killed while it writes leaves everything as it was or as it should be, and may be given again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parent / "command_crashes.py"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def killed(place: Path, command: str) -> list[dict[str, Any]]:
    """What stood after each kill of a command; the last is the run that nobody killed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    program = [sys.executable, PROGRAM, place / "stage", command]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=880)
    assert done.returncode == 0, done.stderr
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(outcomes) >= 2, "the command changes nothing, so this test could not fail"
    assert [outcome["killed"] for outcome in outcomes] == [True] * (len(outcomes) - 1) + [False]
    for outcome in outcomes:
        assert outcome["ends"][0] == (-signal.SIGKILL if outcome["killed"] else outcome["ends"][-1])
        assert outcome["whole"], outcome
    return outcomes


@pytest.mark.parametrize("command", ["answer", "approve"])
def test_a_decision_is_written_once_or_not_at_all(tmp_path: Path, command: str) -> None:
    *outcomes, undisturbed = killed(tmp_path, command)
    for outcome in outcomes:
        # 2: the killed command had written it already, and says that it is decided.
        assert outcome["ends"][1] in (0, 2)
        assert outcome["decisions"] == {
            run: decided for run, decided in zip(outcome["decisions"], undisturbed["decisions"].values(), strict=True)
        }
        (left,) = outcome["left"]["decisions"].values()
        (after,) = outcome["decisions"].values()
        assert left in (after, after[:-1])


def test_a_fork_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    *outcomes, undisturbed = killed(tmp_path, "fork")
    for outcome in outcomes:
        for state in (outcome["left"], outcome):
            assert set(state["answers"]) <= set(undisturbed["answers"])
            assert state.get("inherited", undisturbed["inherited"]) == undisturbed["inherited"]
        # Given again, it makes a fork beside whatever the killed one had finished.
        assert outcome["runs"] == outcome["left"]["runs"] + 1


@pytest.mark.parametrize(("command", "files"), [("apply", ["fizz.py", "test_fizz.py"]), ("undo", [])])
def test_the_checkout_holds_all_of_a_result_or_nothing_and_the_persons_work_always(
    tmp_path: Path, command: str, files: list[str]
) -> None:
    outcomes = killed(tmp_path, command)
    for outcome in outcomes:
        assert outcome["ends"][-1] == 0
        assert outcome["files"] == files
        assert outcome["notes"] == outcome.get("left", outcome)["notes"] == "mine, not committed\n"
        assert not outcome["locked"]
        assert outcome.get("left", outcome)["files"] in ([], ["fizz.py", "test_fizz.py"])
