"""The check a stranger finds in the guide accepts what was exported and finds one changed byte."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from sixfold.domain.fold import fold
from sixfold.interfaces.export import audit
from sixfold.workflow.clock import SystemClock
from sixfold.workflow.log import EventLog

GUIDE = Path(__file__).parent.parent.parent / "docs" / "guides" / "audit.md"


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the guide's own program with a bare Python."""
    program = folder / "check.py"
    program.write_text(GUIDE.read_text().split("```python\n")[1].split("```")[0])
    return subprocess.run(
        [sys.executable, "-I", program, folder / "audit.json"], capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A log with texts and numbers that are easy to write differently."""
    log = EventLog(tmp_path / "events.jsonl", SystemClock())
    odd = {"text": 'quote " back\\slash \x00\x1f\x7f é 漢 \u2028', "small": 1e-7, "large": 1e22, "price": 0.1, "n": 3}
    log.append("note", "a", odd, who="human:é")
    log.append("note", "b", {"text": "number 5", "wall_s": 12.0, "list": [1.5, None, True]})
    events = log.read()
    (tmp_path / "audit.json").write_text(audit.document(fold(events), events), encoding="utf-8")
    return tmp_path


def test_the_check_of_the_guide_accepts_an_export(exported: Path) -> None:
    done = check(exported)
    assert done.returncode == 0, done.stderr
    head = msgspec.json.decode((exported / "audit.json").read_bytes())["chain"]["head"]
    assert done.stdout == f"whole: 2 events, head {head}\n"


def test_one_changed_byte_anywhere_is_found(exported: Path) -> None:
    path = exported / "audit.json"
    whole = path.read_text(encoding="utf-8")
    places = [match.start() for match in re.finditer(r"[0-9a-z]", whole)]
    for place in places[:: max(1, len(places) // 25)]:
        other = "1" if whole[place] != "1" else "2"
        path.write_text(whole[:place] + other + whole[place + 1 :], encoding="utf-8")
        assert check(exported).returncode != 0, f"character {place} ({whole[place - 20 : place + 20]!r}) went unnoticed"
