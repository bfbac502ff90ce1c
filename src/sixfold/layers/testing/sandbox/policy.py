"""What every backend allows (system folders, the interpreter, a clean environment) and how enforcement is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from sixfold.domain.data import Data
from sixfold.domain.ports import Environment

SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
"""Programs and libraries of the operating system: readable everywhere, writable nowhere."""

SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/mime.types")
"""The few parts of /etc that programs cannot do without and that tell nothing about the machine's people."""

CAGE = Path(__file__).with_name("cage")
"""The program that runs beside the guests."""

START = "import sys; sys.path.append(sys.argv[1]); from cage.supervisor import main; sys.path.pop(); main()"
"""Starts it: isolated from every variable and package, from a folder in which only it is visible."""

START_RELAY = "import sys; sys.path.append(sys.argv[1]); from cage.relay import main; main()"
"""Starts it behind a relay, where no descriptor can be passed."""


class Enforced(Data, frozen=True, kw_only=True):
    """One line of the table that `sixfold doctor` prints."""

    what: Literal[
        "files", "network", "loopback", "processes", "memory", "cpu", "pids", "disk", "output", "silence", "signals"
    ]
    strength: Literal["kernel", "watched", "none"]
    """`kernel` refuses at the moment it happens; `watched` is noticed within half a second and everything is killed."""
    how: str


OWN_NETWORK = (
    Enforced(what="network", strength="kernel", how="own network namespace without any interface but lo"),
    Enforced(what="loopback", strength="kernel", how="own, shared by the commands of one workspace; not the host's"),
)
MEMORY_BY_PROCESS = Enforced(what="memory", strength="kernel", how="address space per process; resident sum watched")
CPU_TIME = Enforced(what="cpu", strength="kernel", how="RLIMIT_CPU per process; wall time for all")
DISK_BY_FILE = Enforced(what="disk", strength="watched", how="RLIMIT_FSIZE per file by the kernel; sum watched")
WHAT_IS_SAID = (
    Enforced(what="output", strength="kernel", how="read by Sixfold, cut in the middle"),
    Enforced(what="silence", strength="watched", how="killed by Sixfold"),
)


def interpreter() -> tuple[str, tuple[str, ...]]:
    """The interpreter that runs Sixfold, outside any virtual environment, and the folders it needs.

    Only the interpreter's own folder is named (say `~/.pyenv/versions/3.11.7`), never anything beside or above it. An
    installation that encloses the home folder is narrowed to its `bin` and `lib`.
    """
    python = os.path.realpath(getattr(sys, "_base_executable", sys.executable) or sys.executable)
    prefix = Path(sys.base_prefix).resolve()
    if prefix.is_relative_to("/usr"):
        return python, ()
    home = Path.home().resolve()
    if home.is_relative_to(prefix):
        return python, tuple(str(prefix / name) for name in ("bin", "lib") if (prefix / name).is_dir())
    return python, (str(prefix),)


def toolchain(environment: Environment | None) -> tuple[str, tuple[str, ...]]:
    """The interpreter `python` means inside, and every folder beyond the system's that must be readable."""
    own, folders = interpreter()
    if environment is None:
        return own, folders
    return environment.python, tuple(dict.fromkeys((*folders, *environment.folders)))


def clean_environment(python: str, home: str, temporary: str, extra: Mapping[str, str] | None) -> dict[str, str]:
    """The variables a guest sees: none of the host's, a fixed few, and what the caller adds."""
    return {
        "PATH": f"{Path(python).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": temporary,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "USER": "sixfold",
        "TERM": "dumb",
        **(extra or {}),
    }


def existing(paths: tuple[str, ...]) -> list[str]:
    """Those of the paths that are present here."""
    return [path for path in paths if os.path.lexists(path)]
