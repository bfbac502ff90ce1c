"""Bandit, held out of the coder's loop: it looks only at what is about to be released."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import posixpath
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from sixfold.domain.data import Tree
from sixfold.domain.errors import ConfigurationError
from sixfold.domain.evidence import Finding
from sixfold.domain.ports import Repository
from sixfold.layers.testing.scanners.files import checked_out, chosen, in_order, is_test

BLOCKING = ("B201", "B306", "B501", "B507", "B602", "B605")
"""With high confidence and high or medium severity."""

_BANDIT = """
from bandit.cli import main
from bandit.core import issue

as_dict = issue.Issue.as_dict

def told(self, *args, **named):
    self.text = self.text.encode("utf-8", "backslashreplace").decode("utf-8")
    return as_dict(self, *args, **named)

issue.Issue.as_dict = told
main.main()
"""
"""`python -m bandit`, which ends without a report when a text it quotes holds half a character ("\\ud800")."""


class Bandit:
    """`python -m bandit` of the environment that runs Sixfold."""

    name = "bandit"

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def scan(self, tree: Tree, paths: Sequence[str] = ()) -> tuple[Finding, ...]:
        """Findings of Bandit's standard profile; `.bandit` files and `nosec` comments of the tree are ignored."""
        if importlib.util.find_spec("bandit") is None:
            raise ConfigurationError("bandit is not installed", next="run scripts/setup")
        with checked_out(self._repository, tree) as folder:
            files = chosen(folder, paths, ".py")
            return await self._check(folder, files) if files else ()

    async def _check(self, folder: Path, files: Sequence[str]) -> tuple[Finding, ...]:
        with tempfile.NamedTemporaryFile("w", suffix=".ini", prefix="sixfold-") as ini:
            ini.write("[bandit]\n")
            ini.flush()
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-c",
                _BANDIT,
                "--quiet",
                "--format=json",
                "--ignore-nosec",
                "--exit-zero",
                f"--ini={ini.name}",
                *(f"./{path}" for path in files),
                cwd=folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, err = await process.communicate()
        try:
            report = json.loads(out)
        except ValueError:
            raise ConfigurationError("bandit failed", why=err.decode(errors="replace").strip()[-300:]) from None
        found = (_finding(item) for item in report["results"])
        return in_order(one for one in found if not (one.rule == "B101" and is_test(one.path)))


def _finding(item: dict[str, Any]) -> Finding:
    path = posixpath.normpath(item["filename"])
    cwe = (item.get("issue_cwe") or {}).get("id")
    return Finding(
        tool="bandit",
        rule=item["test_id"],
        severity=_severity(item, path),
        message=item["issue_text"],
        path=path,
        line=item["line_number"],
        cwe=f"CWE-{cwe}" if cwe else "",
        evidence=item.get("code", "").strip()[:300],
    )


def _severity(item: dict[str, Any], path: str) -> Literal["error", "warning", "note"]:
    if is_test(path) or item["issue_severity"] == "LOW":
        return "note"
    # Bandit lowers B602 and B605 to LOW itself when the command is a constant.
    sure = item["issue_confidence"] == "HIGH"
    # Bandit does not know quoting; `audit` judges whether every changing part is quoted.
    quoted = item["test_id"] in ("B602", "B605") and "quote(" in item.get("code", "")
    return "error" if item["test_id"] in BLOCKING and sure and not quoted else "warning"
