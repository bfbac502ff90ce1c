"""Semgrep with our own rules, held out of the coder's loop; it parses hostile code, so it runs in the sandbox.

It is no dependency: 270 MiB are more than the rest of Sixfold. Where it is not installed, the release says so.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from sixfold.domain.data import Tree
from sixfold.domain.errors import ConfigurationError
from sixfold.domain.evidence import ExecResult, Finding, Limits
from sixfold.domain.ports import Repository, Sandbox
from sixfold.layers.testing.scanners.files import MOST_BYTES, in_order, is_test, is_wanted, line_of
from sixfold.layers.testing.scanners.script_rules import ENDINGS
from sixfold.layers.testing.scanners.script_rules import TEST as SCRIPT_TEST
from sixfold.layers.testing.scanners.semgrep_program import Installed

RULES = Path(__file__).with_name("rules")
LIMITS = Limits(wall_s=600.0, memory_bytes=4 << 30, output_bytes=32 << 20)
VARIABLES = {"SSL_CERT_FILE": str(RULES / "nobody.pem")}
"""It does not start where no trust anchor is found, although it asks nobody anything."""
FILES_AT_ONCE = 1000
"""Named on one command line."""
OPTIONS = (
    "scan",
    "--json",
    "--quiet",
    "--metrics=off",
    "--disable-version-check",
    "--no-rewrite-rule-ids",
    "--disable-nosem",
    "--no-git-ignore",
    "--oss-only",
    f"--max-target-bytes={MOST_BYTES}",
    "--timeout=10",
    "--jobs=2",
)
SEVERITIES: dict[str, Literal["error", "warning", "note"]] = {"ERROR": "error", "WARNING": "warning", "INFO": "note"}


class Semgrep:
    """The program of an environment of its own, on a copy of the tree, without network.

    Args:
        repository: names the files.
        sandbox: where it runs.
        installed: the program and what must be mounted for it.
    """

    name = "semgrep"

    def __init__(self, repository: Repository, sandbox: Sandbox, installed: Installed) -> None:
        self._repository = repository
        self._sandbox = sandbox
        self._program = installed.program
        own = installed.environment
        # The rules are mounted beside the copy: no file of the tree can stand for one.
        self._environment = msgspec.structs.replace(own, folders=(*own.folders, str(RULES)))

    async def scan(self, tree: Tree, paths: Sequence[str] = ()) -> tuple[Finding, ...]:
        """Findings of our rules; `nosemgrep` comments and ignore files of the tree are ignored.

        Files are named one by one: what is asked about is looked at, or told as `not-scanned`.
        """
        files = [
            entry.path
            for entry in self._repository.files(tree)
            if entry.path.endswith((".py", *ENDINGS))
            and entry.mode != "120000"
            and entry.size_bytes <= MOST_BYTES
            and is_wanted(entry.path, paths)
        ]
        if not files:
            return ()
        texts: dict[str, str] = {}

        def line(path: str, number: int) -> str:
            if path not in texts:
                texts[path] = (self._repository.read(tree, path) or b"").decode(errors="replace")
            return line_of(texts[path], number)

        found: list[Finding] = []
        async with self._sandbox.open(tree, environment=self._environment) as workspace:
            for start in range(0, len(files), FILES_AT_ONCE):
                named = files[start : start + FILES_AT_ONCE]
                argv = ("python", self._program, *OPTIONS, f"--config={RULES}", "--")
                done = await workspace.exec((*argv, *(f"./{path}" for path in named)), limits=LIMITS, env=VARIABLES)
                for finding in findings_of(done, named):
                    found.append(msgspec.structs.replace(finding, evidence=line(finding.path, finding.line)))
        return in_order(found)


def findings_of(done: ExecResult, named: Sequence[str]) -> Iterator[Finding]:
    """What a run of Semgrep says.

    Args:
        done: how it ended.
        named: the files it was asked to look at.

    Raises:
        ConfigurationError: it did not finish, or its output is not a report.
    """
    if done.timed_out or done.stopped_by or done.truncated or done.exit_code not in (0, 1):
        raise _failed(done, done.stopped_by or ("too much output" if done.truncated else f"exit {done.exit_code}"))
    try:
        report = json.loads(done.stdout)
        results, errors, scanned = report["results"], report["errors"], set(map(_plain, report["paths"]["scanned"]))
        found = [_finding(item) for item in results]
        broken = [_broken(item) for item in errors]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _failed(done, f"its report cannot be read: {error!r}") from None
    for path, why in broken:
        if path not in named:
            raise _failed(done, why)  # about our rules or about itself, not about a file
    yield from found
    seen = dict(broken) | {path: "it was passed over" for path in named if path not in scanned}
    for path, why in seen.items():
        yield Finding(
            tool="semgrep",
            rule="not-scanned",
            severity="note" if _is_test(path) else "warning",
            message=f"semgrep could not read all of this file: {why}",
            path=path,
        )


def _finding(item: dict[str, Any]) -> Finding:
    path, extra = _plain(item["path"]), item["extra"]
    return Finding(
        tool="semgrep",
        rule=str(item["check_id"]),
        severity="note" if _is_test(path) else SEVERITIES[extra["severity"]],
        message=str(extra["message"]).strip(),
        path=path,
        line=int(item["start"]["line"]),
        cwe=str(extra["metadata"]["cwe"]),
    )


def _broken(item: dict[str, Any]) -> tuple[str, str]:
    """Path (empty when it is about no file) and reason of an entry under `errors`."""
    kind = item.get("type", "")
    name = str(kind[0] if isinstance(kind, list) and kind else kind)
    first = str(item.get("message", "")).strip().splitlines()
    return _plain(item.get("path") or ""), f"{name}: {first[0][:200]}" if first else name


def _plain(path: str) -> str:
    return posixpath.normpath(path) if path else ""


def _is_test(path: str) -> bool:
    return is_test(path) or SCRIPT_TEST.search(path) is not None


def _failed(done: ExecResult, why: str) -> ConfigurationError:
    said = (done.stderr.strip() or done.stdout.strip())[-300:]
    return ConfigurationError(
        "semgrep failed", why=f"{why}; {said}" if said else why, next="try again, or set scan.semgrep to off"
    )
