"""Files that are either whole or absent, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from sixfold.domain.errors import StorageError


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that readers, and a machine that loses power, see the old content or the new, never a part.

    Raises:
        StorageError: the disk is full or the folder not writable; nothing is left behind.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_durably(draft, content)
            os.replace(draft, path)
        except OSError:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise StorageError(
            f"cannot write {path}",
            why=str(error.strerror or error),
            next="free some space or fix the folder's permissions, then `sixfold resume`",
        ) from error


def write_durably(path: Path, content: bytes) -> None:
    """Create a new file readable by its owner only and return once its bytes are on disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
