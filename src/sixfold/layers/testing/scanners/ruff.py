"""Ruff's security rules (the `S` group): milliseconds, for the coder's loop."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sixfold.domain.data import Tree
from sixfold.domain.errors import ConfigurationError
from sixfold.domain.evidence import Finding
from sixfold.domain.ports import Repository
from sixfold.layers.testing.scanners.files import checked_out, chosen, in_order, is_test, line_of

BLOCKING = {
    "S201": "CWE-489",  # Flask with its debugger
    "S306": "CWE-377",  # mktemp
    "S501": "CWE-295",  # verify=False
    "S506": "CWE-502",  # yaml.load with a loader of yaml's own
    "S507": "CWE-295",  # SSH host keys not checked
}
"""Rules precise enough to block. The others are warnings here; `audit` blocks where it sees the context."""
LOADER = re.compile(r"loader `([^`]*)`")
"""What S506 tells of; one of the product's own may well build on the safe one."""
QUIET = ("S101", "S110", "S112", "S311", "S403", "S404", "S405", "S603", "S606", "S607")
"""Notes: true of much sound code."""


class Ruff:
    """The `ruff` program beside the interpreter that runs Sixfold."""

    name = "ruff"

    def __init__(self, repository: Repository, *, program: str = "") -> None:
        beside = Path(sys.executable).with_name("ruff")
        self._program = program or (str(beside) if beside.is_file() else shutil.which("ruff") or "")
        self._repository = repository

    async def scan(self, tree: Tree, paths: Sequence[str] = ()) -> tuple[Finding, ...]:
        """Findings of Ruff's `S` rules; settings and `noqa` of the tree are ignored."""
        if not self._program:
            raise ConfigurationError("ruff is not installed", next="run scripts/setup")
        with checked_out(self._repository, tree) as folder:
            files = chosen(folder, paths, ".py")
            return await self._check(folder, files) if files else ()

    async def _check(self, folder: Path, files: Sequence[str]) -> tuple[Finding, ...]:
        options = ("--isolated", "--select=S", "--ignore-noqa", "--no-cache", "--exit-zero", "--output-format=json")
        # Files are named one by one: a folder called `venv` or `build` is no hiding place.
        argv = (self._program, "check", *options, "--no-force-exclude", "--no-respect-gitignore", "--", *files)
        quiet, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(*argv, cwd=folder, stdin=quiet, stdout=pipe, stderr=pipe)
        except OSError as error:
            raise ConfigurationError("ruff cannot be run", why=str(error), next="run scripts/setup") from error
        out, err = await process.communicate()
        if process.returncode != 0:
            raise ConfigurationError("ruff failed", why=err.decode(errors="replace").strip()[-300:])
        texts: dict[str, str] = {}
        found = []
        for item in json.loads(out):
            path = Path(item["filename"]).resolve().relative_to(folder.resolve()).as_posix()
            rule, line = item["code"] or "invalid-syntax", item["location"]["row"]
            if rule == "S101" and is_test(path):
                continue  # `assert` is what a test is made of
            if path not in texts:
                texts[path] = (folder / path).read_text(encoding="utf-8", errors="replace")
            found.append(
                Finding(
                    tool="ruff",
                    rule=rule,
                    severity=_severity(path, rule, item["message"]),
                    message=item["message"],
                    path=path,
                    line=line,
                    cwe=BLOCKING.get(rule, ""),
                    evidence=line_of(texts[path], line),
                )
            )
        return in_order(found)


def _severity(path: str, rule: str, message: str) -> Literal["error", "warning", "note"]:
    if is_test(path) or rule in QUIET:
        return "note"
    loader = LOADER.search(message)
    own = loader is not None and loader[1] not in ("Loader", "UnsafeLoader", "FullLoader", "CLoader")
    return "error" if rule in BLOCKING and not own else "warning"
