"""Drives the program the way a person does: one process a command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


class Program:
    """The program with a data file of its own."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.db = self.folder / "things.db"

    def start(self, *words, today="2030-05-01"):
        command = [sys.executable, "-m", "lend", "--db", str(self.db), "--today", today, *words]
        return subprocess.Popen(
            command,
            cwd=os.environ["SUT_DIR"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )

    def run(self, *words, today="2030-05-01"):
        process = self.start(*words, today=today)
        out, err = process.communicate(timeout=30)
        return process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")

    def ok(self, *words, today="2030-05-01"):
        code, out, err = self.run(*words, today=today)
        assert code == 0, f"{words} ended with {code}: {err}"
        return out

    def refused(self, *words, today="2030-05-01"):
        code, out, err = self.run(*words, today=today)
        assert code != 0, f"{words} was not refused: {out}"
        assert "Traceback" not in err, err
        assert err.strip()
        return err

    def rows(self, *words, today="2030-05-01"):
        return json.loads(self.ok(*words, today=today))

    def things(self, *words, today="2030-05-01"):
        return [row["thing"] for row in self.rows(*words, today=today)]


@pytest.fixture
def lend(tmp_path):
    return Program(tmp_path)
