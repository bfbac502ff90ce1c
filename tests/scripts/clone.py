"""A small package index and a small checkout, to try set-up whole, for real and without a network."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

VERSION = "9.9.9"


@dataclass
class Index:
    """A simple index over HTTP: what it serves, how, and what it was asked."""

    folder: Path
    form: str = "html"
    login: str = ""
    """`user:password` that every request must bring; empty = open."""
    asked: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://{self.login + '@' if self.login else ''}127.0.0.1:{self.port}/simple"

    def answer(self, path: str) -> tuple[bytes, str] | None:
        name = path.strip("/").split("/")[-1]
        if path.startswith("/files/"):
            file = self.folder / name
            return (file.read_bytes(), "application/octet-stream") if file.exists() else None
        files = sorted(file.name for file in self.folder.iterdir() if file.name.startswith(f"{name}-"))
        if not files:
            return None
        if self.form == "json":
            entries = [{"filename": file, "url": f"/files/{file}", "hashes": {}} for file in files]
            body = json.dumps({"meta": {"api-version": "1.0"}, "name": name, "files": entries})
            return body.encode(), "application/vnd.pypi.simple.v1+json"
        links = "".join(f'<a href="../../files/{file}">{file}</a><br>' for file in files)
        return f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html"


@dataclass
class Checkout:
    """A clone in small: the real scripts, a package `sixfold`, and locks for what the index holds."""

    folder: Path
    home: Path

    def setup(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `scripts/setup` with nothing of this process's environment but what is given."""
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "PYTHON": sys.executable} | variables
        command = [str(self.folder / "scripts/setup"), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)

    def run(self, *command: str) -> str:
        """Output of a program of `.venv/bin`."""
        program = str(self.folder / ".venv/bin" / command[0])
        return subprocess.run(
            [program, *command[1:]], capture_output=True, text=True, check=True, cwd="/"
        ).stdout.strip()


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def platform_tag() -> str:
    if sys.platform == "darwin":
        return f"macosx_11_0_{platform.machine()}"
    glibc = (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    return f"{'manylinux_2_17' if glibc else 'musllinux_1_1'}_{platform.machine()}"


def write_wheel(folder: Path, name: str, version: str, files: dict[str, bytes], *, tag: str = "py3-none-any") -> Path:
    """A valid wheel with those files; returns its path."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    wheel = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
    content = {**files, f"{info}/METADATA": metadata, f"{info}/WHEEL": wheel}
    rows = []
    for path, data in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(data)}")
    content[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    target = folder / f"{name}-{version}-{tag}.whl"
    target.unlink(missing_ok=True)  # it may be a link to a file that other tests use
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path, data in content.items():
            archive.writestr(path, data)
    return target
