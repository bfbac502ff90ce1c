"""A run of today's format, kept as a file, opens and goes on in every later version, or says clearly that it cannot.

`golden/run-1.tar.gz` is the folder of a run that waits for the answer to its question (event schema 1, cassette schema
1, ledger 1, workflow 1). Never made anew: a change that it does not survive needs a migration or a raised version.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from sixfold.workflow.clock import SystemClock
from sixfold.workflow.log import EventLog, broken_link

GOLDEN = Path(__file__).parent / "golden" / "run-1.tar.gz"
ANSWERS = Path(__file__).parent.parent / "scripted" / "answers.py"

# Python 3.11.0 to 3.11.3 have no filters yet; the archive is our own.
SAFELY = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


@pytest.fixture
def home(own_surroundings: Path) -> Path:
    """A state folder that holds the old run."""
    (own_surroundings / "runs").mkdir()
    with tarfile.open(GOLDEN) as archive:
        archive.extractall(own_surroundings / "runs", **SAFELY)
    return own_surroundings


def sixfold(home: Path, *words: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    program = home / "bin" / "answers"
    if not program.exists():
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ANSWERS}" large\n')
        program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-m", "sixfold", *words], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == expect, done.stderr
    return done


def test_an_old_run_opens_whole(home: Path) -> None:
    (folder,) = (home / "runs").glob("r-*")
    events = EventLog(folder / "events.jsonl", SystemClock()).read()
    assert broken_link(events) is None
    shown = json.loads(sixfold(home, "show", "--json").stdout)
    assert shown["status"] == "waiting"
    assert [question["id"] for question in shown["questions"]] == ["Q1"]
    assert shown["usage"]["calls"] == 1


@pytest.mark.slow
def test_an_old_run_goes_on_where_it_was_and_asks_nothing_again(home: Path) -> None:
    sixfold(home, "answer", "Q1", "no")
    sixfold(home, "resume", "-y")
    (folder,) = (home / "runs").glob("r-*")
    events = EventLog(folder / "events.jsonl", SystemClock()).read()
    outcome = next(event.data["outcome"] for event in events if event.kind == "run.ended")
    assert outcome["tree"] == "c6593c5f0d559133a594c68721894fc48ec2f3f1"
    assert [event.data["purpose"] for event in events if event.kind == "model.called"].count("input.clarify") == 1


@pytest.mark.parametrize(
    ("file", "mark", "newer"),
    [
        ("events.jsonl", '"v":1', '"v":99'),
        ("ledger.jsonl", '"v":1', '"v":99'),
        ("cassette/cassette.json", '"schema_version": 1', '"schema_version": 99'),
    ],
)
def test_a_run_of_a_newer_version_says_so_in_one_line(home: Path, file: str, mark: str, newer: str) -> None:
    (folder,) = (home / "runs").glob("r-*")
    text = (folder / file).read_text()
    assert mark in text
    (folder / file).write_text(text.replace(mark, newer))
    refused = sixfold(home, "resume", expect=1)
    assert "newer Sixfold" in refused.stderr or "another Sixfold" in refused.stderr
    assert "Traceback" not in refused.stderr
