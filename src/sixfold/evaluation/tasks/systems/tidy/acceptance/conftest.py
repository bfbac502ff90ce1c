"""Runs the program on a folder of downloads."""

import csv
import json
import os
import subprocess
import sys

import pytest


class Desk:
    """Downloads, rules and output of one test."""

    def __init__(self, folder):
        self.inbox = folder / "in"
        self.out = folder / "out"
        self.rules_file = folder / "rules.csv"
        self.inbox.mkdir()
        self.rules("")

    def rules(self, text):
        self.rules_file.write_text("keyword,category\n" + text, encoding="utf-8")

    def bank_a(self, name, *lines, encoding="utf-8"):
        self.put(name, "\n".join(("Date,Text,Amount", *lines)) + "\n", encoding)

    def bank_b(self, name, *lines, encoding="utf-8"):
        self.put(name, "\n".join(("Buchungstag;Empfänger;Betrag", *lines)) + "\n", encoding)

    def put(self, name, text, encoding="utf-8"):
        place = self.inbox / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode(encoding))

    def run(self, expect=0, out=None):
        done = subprocess.run(
            [sys.executable, "-m", "tidy", str(self.inbox), str(out or self.out), "--rules", str(self.rules_file)],
            cwd=os.environ["SUT_DIR"],
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == expect, done.stderr.decode("utf-8", "replace")
        assert b"Traceback" not in done.stderr
        return self

    def table(self, name="movements.csv"):
        with (self.out / name).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def column(self, name):
        return [row[name] for row in self.table()]

    def months(self):
        return json.loads((self.out / "summary.json").read_text(encoding="utf-8"))["months"]


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)
