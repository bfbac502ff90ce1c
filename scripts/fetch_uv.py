"""Bring the one program set-up needs: uv, from the package index, at the version and with the hash of the lock."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from index_settings import SETTINGS, Sources
from package_index import Link, fetch, list_files

OLDEST_UV = (0, 9)


class UvUnavailable(Exception):
    """No uv could be brought; the message is one line: what, why, what next."""


def find_uv(tools: Path) -> Path | None:
    """A uv new enough: our own, or the person's."""
    for candidate in (str(tools / "uv"), shutil.which("uv")):
        if not candidate or not os.access(candidate, os.X_OK):
            continue
        try:
            answer = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            continue  # a shim or a half-written file: not a uv
        version = re.match(r"uv (\d+)\.(\d+)", answer.stdout)
        if answer.returncode == 0 and version and (int(version[1]), int(version[2])) >= OLDEST_UV:
            return Path(candidate)
    return None


def bring_uv(tools: Path, lock: Path, sources: Sources) -> str:
    """Fetch the wheel of uv that the lock names, check its hash, unpack its program into the folder `tools`.

    Returns:
        What was brought, in words.

    Raises:
        UvUnavailable: no index, no fitting file, or a file that is not the locked one; nothing was run.
        OSError: `tools` cannot be written.
    """
    pin = r"^uv==([\w.]+)((?: \\\n +--hash=sha256:[0-9a-f]{64})+)"
    locked = re.search(pin, lock.read_text(), re.MULTILINE)
    if not locked:
        raise UvUnavailable(f"{lock.name} names no uv: this checkout is damaged")
    version, hashes = locked[1], set(re.findall(r"[0-9a-f]{64}", locked[2]))
    try:
        link = choose_wheel(list(list_files(sources, "uv")), version)
        content = fetch(sources, link.url) if link else b""
    except OSError as error:
        raise UvUnavailable(f"no package index is reachable: {error}; see {SETTINGS}") from error
    if link is None:
        raise UvUnavailable(f"the package index has no uv {version} for {platform.machine()}: install uv yourself")
    if hashlib.sha256(content).hexdigest() not in hashes:
        raise UvUnavailable(f"{link.name} is not the file the lock names (its SHA-256 differs); nothing was run")
    with tempfile.TemporaryDirectory(dir=tools) as folder:
        part = Path(folder) / link.name
        part.write_bytes(content)
        with zipfile.ZipFile(part) as wheel:
            program = Path(folder) / "uv"
            program.write_bytes(wheel.read(f"uv-{version}.data/scripts/uv"))
        program.chmod(0o755)
        program.replace(tools / "uv")
    return f"uv {version} ({len(content) >> 20} MiB) -> {tools.name}/uv"


def choose_wheel(links: list[Link], version: str) -> Link | None:
    """The wheel of uv for this machine; the one built against the newest system it can use."""
    best: tuple[tuple[int, int, int], Link] | None = None
    for link in links:
        name = re.fullmatch(rf"uv-{re.escape(version)}-py3-none-(.+)\.whl", link.name)
        for tag in name[1].split(".") if name else []:
            rank = _rank(tag)
            if rank and (best is None or rank > best[0]):
                best = (rank, link)
    return best[1] if best else None


def _rank(tag: str) -> tuple[int, int, int] | None:
    """How well a platform tag fits this machine; None when it does not."""
    parts = re.fullmatch(r"(manylinux|musllinux|macosx)_(\d+)_(\d+)_(\w+)", tag)
    machine = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    if sys.maxsize < 2**32:
        machine = {"x86_64": "i686", "aarch64": "armv7l"}.get(machine, machine)
    if not parts or {"arm64": "aarch64"}.get(parts[4], parts[4]) not in (machine, "universal2"):
        return None
    needs = (int(parts[2]), int(parts[3]))
    if sys.platform == "darwin":
        has = tuple(map(int, (platform.mac_ver()[0] or "11.0").split(".")[:2]))
        return (1, *needs) if parts[1] == "macosx" and needs <= has else None
    if parts[1] == "musllinux":
        return (0, *needs)  # linked statically: runs everywhere, the second choice where glibc is
    libc = _glibc()
    return (1, *needs) if parts[1] == "manylinux" and libc and needs <= libc else None


def _glibc() -> tuple[int, int] | None:
    """Version of the C library; None where it is another one (musl) or the system is not Linux."""
    try:
        version = re.fullmatch(r"glibc (\d+)\.(\d+)", os.confstr("CS_GNU_LIBC_VERSION") or "")
    except (AttributeError, ValueError, OSError):
        return None  # how the various systems say that they do not know the name
    return (int(version[1]), int(version[2])) if version else None
