"""A person's git repository for tests, and a way to prove that it did not change."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_EDITOR": "true",
    "LC_ALL": "C",
}


@dataclass(frozen=True)
class User:
    folder: Path

    @classmethod
    def empty(cls, folder: Path) -> User:
        folder.mkdir(parents=True)
        user = cls(folder)
        user.git("init", "-q", "-b", "main")
        user.git("config", "user.name", "Ann")
        user.git("config", "user.email", "ann@example.org")
        return user

    @classmethod
    def with_commit(cls, folder: Path, files: Mapping[str, bytes]) -> User:
        user = cls.empty(folder)
        user.write(files)
        user.git("add", "-A")
        user.git("commit", "-qm", "start")
        return user

    def git(self, *args: str, fails: bool = False) -> str:
        done = subprocess.run(["git", *args], cwd=self.folder, env=_ENVIRONMENT, capture_output=True, check=False)
        assert fails == (done.returncode != 0), done.stderr.decode()
        return done.stdout.decode(errors="surrogateescape").rstrip("\n")

    def write(self, files: Mapping[str, bytes]) -> None:
        for path, content in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(content)

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def conflict(self) -> None:
        """Leave a merge with a conflict in a.txt under way."""
        self.git("checkout", "-q", "-b", "side")
        self.write({"a.txt": b"side\n"})
        self.git("commit", "-qam", "side")
        self.git("checkout", "-q", "main")
        self.write({"a.txt": b"main\n"})
        self.git("commit", "-qam", "main")
        self.git("merge", "-q", "side", fails=True)


def bytes_of(folder: Path, *, without: tuple[str, ...] = ("\0",)) -> dict[str, tuple[int, bytes]]:
    """Mode and content of everything in a folder, git's own files (index, refs, objects) included."""
    found = {}
    for place in sorted(folder.rglob("*")):
        name = os.fsencode(place.relative_to(folder)).decode(errors="backslashreplace")
        if name.startswith(without):
            continue
        mode = place.lstat().st_mode
        content = (
            os.fsencode(os.readlink(place)) if stat.S_ISLNK(mode) else b"" if place.is_dir() else place.read_bytes()
        )
        found[name] = (mode, content)
    return found
