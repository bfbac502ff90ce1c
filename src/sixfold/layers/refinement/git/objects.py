"""Reading git objects and keeping blobs: the two stores of a run."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sixfold.domain.data import Digest, digest
from sixfold.domain.errors import StorageError
from sixfold.layers.refinement.git.command import Git


class ObjectReader:
    """Reads objects through one long-lived `git cat-file --batch`, so that a read costs microseconds, not a process.

    Safe to use from several threads. The process ends with the reader.
    """

    def __init__(self, git: Git) -> None:
        self._git = git
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def read(self, name: str) -> bytes | None:
        """The content of an object by its id; None when there is none."""
        with self._lock:
            requests, answers = self._pipes()
            try:
                requests.write(f"{name}\n".encode())
                requests.flush()
                header = answers.readline().split()
                if len(header) != 3:
                    if header[-1:] == [b"missing"]:
                        return None
                    raise StorageError("the run's repository cannot be read", why=f"git cat-file gave {header!r}")
                content = answers.read(int(header[2]))
                answers.read(1)
            except OSError as error:
                self._process = None
                raise StorageError("the run's repository cannot be read", why=str(error)) from error
            return content

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        # After a fork the pipes are shared with the parent; a child needs a process of its own.
        if self._process is None or self._process.poll() is not None or self._owner != os.getpid():
            self._process = self._git.stream("cat-file", "--batch")
            self._owner = os.getpid()
            weakref.finalize(self, _stop, self._process, self._owner)
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise StorageError("the run's repository cannot be read", why="git cat-file has no pipes")
        return requests, answers


def _stop(process: subprocess.Popen[bytes], owner: int) -> None:
    if owner != os.getpid():
        return
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    process.wait()


class BlobFolder:
    """Bytes under their SHA-256: `ab/cdef…`. A write is complete or absent, also after a crash."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes) -> Digest:
        """Keep bytes; the same bytes are kept once."""
        name = digest(content)
        place = self._place(name)
        if place.exists():
            return name
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with atomic_file(place) as file:
                file.write(content)
        except OSError as error:
            raise StorageError(
                "a blob cannot be kept",
                why=f"{self.folder}: {error.strerror}",
                next="free some disk space, then resume",
            ) from error
        return name

    def get(self, name: Digest) -> bytes:
        """The bytes of that digest, checked.

        Raises:
            StorageError: absent or damaged.
        """
        try:
            content = self._place(name).read_bytes()
        except OSError as error:
            raise StorageError(f"blob {name[:12]} cannot be read", why=error.strerror or str(error)) from error
        if hashlib.sha256(content).hexdigest() != name:
            raise StorageError(f"blob {name[:12]} is damaged", why=f"its content in {self.folder} has another SHA-256")
        return content

    def _place(self, name: Digest) -> Path:
        if len(name) != 64 or not set(name) <= set("0123456789abcdef"):
            raise StorageError(f"{name[:80]!r} is not the name of a blob")
        return self.folder / name[:2] / name[2:]


@contextlib.contextmanager
def atomic_file(place: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name whole, when the block ends, or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=place.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, place)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
