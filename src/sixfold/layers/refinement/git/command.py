"""Starting git: fixed arguments, no shell, no prompt, and an environment that says which configuration counts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from sixfold.domain.data import Data
from sixfold.domain.errors import ConfigurationError

TIMEOUT_S = 600.0
"""Longest single git command; a hung network file system must not hang a run for ever."""

# `git rev-parse --local-env-vars`: variables that would point git at another repository than the one we name.
_LOCATION_VARIABLES = frozenset(
    (
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CONFIG",
        "GIT_CONFIG_PARAMETERS",
        "GIT_CONFIG_COUNT",
        "GIT_OBJECT_DIRECTORY",
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_GRAFT_FILE",
        "GIT_INDEX_FILE",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_REPLACE_REF_BASE",
        "GIT_PREFIX",
        "GIT_SHALLOW_FILE",
        "GIT_COMMON_DIR",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NAMESPACE",
        "GIT_CEILING_DIRECTORIES",
        "GIT_EXTERNAL_DIFF",
        "GIT_DIFF_OPTS",
        "GIT_PAGER",
    )
)

_HERMETIC_CONFIG = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.quotePath": "false",
    "core.autocrlf": "false",
    "core.pager": "cat",
    "core.bare": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "commit.gpgSign": "false",
    "safe.directory": "*",
    "protocol.allow": "never",
}

_VERSION = re.compile(rb"(\d+)\.(\d+)")


class Finished(Data, frozen=True, kw_only=True):
    """What one git command gave."""

    exit: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Standard output, decoded as file names are, without its last line end."""
        return os.fsdecode(self.stdout).rstrip("\n")

    @property
    def complaint(self) -> str:
        """The most telling line of standard error."""
        lines = [line.strip() for line in self.stderr.decode(errors="replace").splitlines() if line.strip()]
        told = [line for line in lines if line.startswith(("fatal:", "error:"))]
        line = (told or lines or [f"git ended with {self.exit}"])[0]
        return line.removeprefix("fatal: ").removeprefix("error: ")


class GitFailed(Exception):
    """A git command that had to succeed did not. Adapters turn it into an error a person can act on."""

    def __init__(self, argv: Sequence[str], finished: Finished) -> None:
        super().__init__(f"git {' '.join(argv[:2])}: {finished.complaint}")
        self.finished = finished


class Git:
    """Runs git in one environment."""

    def __init__(self, environment: Mapping[str, str], *, cwd: Path | None = None) -> None:
        self.environment = dict(environment)
        self.cwd = cwd
        self._program = git_program()

    def run(
        self, *args: str, stdin: bytes = b"", ok: Sequence[int] = (0,), env: Mapping[str, str] | None = None
    ) -> Finished:
        """Run `git ARGS` to its end.

        Args:
            args: sub-command and its arguments.
            stdin: bytes given to it; then end of file.
            ok: exit codes that are answers rather than failures.
            env: variables on top of the environment.

        Raises:
            GitFailed: any other exit code, or no end within `TIMEOUT_S`.
        """
        try:
            done = subprocess.run(
                [self._program, *args],
                input=stdin,
                capture_output=True,
                cwd=self.cwd,
                env={**self.environment, **(env or {})},
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            late = Finished(exit=-1, stdout=b"", stderr=f"no end within {TIMEOUT_S:.0f} s".encode())
            raise GitFailed(args, late) from error
        finished = Finished(exit=done.returncode, stdout=done.stdout, stderr=done.stderr)
        if done.returncode not in ok:
            raise GitFailed(args, finished)
        return finished

    def stream(self, *args: str) -> subprocess.Popen[bytes]:
        """Start `git ARGS` and leave it running for requests on its standard input."""
        return subprocess.Popen(
            [self._program, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.cwd,
            env=self.environment,
        )


def git_program() -> str:
    """Absolute path of git.

    Raises:
        ConfigurationError: git is not installed.
    """
    found = shutil.which("git")
    if found is None:
        raise ConfigurationError("git is not installed", why="`git` is not on PATH", next="install git 2.30 or newer")
    return found


def git_version() -> tuple[int, int]:
    """Major and minor version of the installed git."""
    match = _VERSION.search(subprocess.run([git_program(), "--version"], capture_output=True, check=True).stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def hermetic_environment(git_folder: Path, config: Mapping[str, str] | None = None, **more: str) -> dict[str, str]:
    """An environment in which nothing of the user's configuration, hooks, prompts or variables counts.

    Args:
        git_folder: the repository every command works on; never searched for.
        config: git settings on top of (or instead of) the hermetic ones.
        more: further variables, e.g. `GIT_INDEX_FILE`.
    """
    settings = {**_HERMETIC_CONFIG, **(config or {})}
    variables = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "HOME": os.devnull,
        "GIT_DIR": str(git_folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, (key, value) in enumerate(settings.items()):
        variables[f"GIT_CONFIG_KEY_{number}"] = key
        variables[f"GIT_CONFIG_VALUE_{number}"] = value
    return {**variables, **more}


def user_environment() -> dict[str, str]:
    """The user's own environment, for git in the user's own checkout: their identity, signing and hooks count.

    Variables that point at another repository are dropped; nothing may prompt or open an editor.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _LOCATION_VARIABLES}
    return {
        **kept,
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_EDITOR": "true",
        "GIT_MERGE_AUTOEDIT": "no",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
    }


def quoted_path(path: str) -> str:
    """A path as git reads it in a list separated by colons."""
    if ":" not in path and '"' not in path:
        return path
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
