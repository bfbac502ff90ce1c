"""The copy of a tree on disk: written and read without ever following a link a guest may have planted."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from sixfold.domain.errors import InvalidData

LONGEST_PATH = 1500
"""Folders below this many characters are dropped when a copy is captured; git and others stumble over them."""

_MOST_SWAPS = 1000
"""Tries to enter a folder that a guest keeps swapping."""

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def parts_of(path: str) -> tuple[str, ...]:
    """The steps of a relative path.

    Raises:
        InvalidData: empty, absolute, with `..`, or naming `.git`.
    """
    pure = PurePosixPath(path)
    steps = pure.parts
    if not steps or pure.is_absolute() or ".." in steps or "\0" in path or any(s.lower() == ".git" for s in steps):
        raise InvalidData(f"not a path inside the workspace: {path!r}")
    return steps


class Copy:
    """The scratch folder of one workspace: `work` (the tree), `home`, `tmp`, `etc`; locked while in use."""

    def __init__(self, scratch: Path, *, owner: int | None) -> None:
        """Make the folders.

        Args:
            scratch: where workspaces live; created when missing.
            owner: user id the guest has on the host; None when it is our own.
        """
        scratch.mkdir(parents=True, exist_ok=True)
        self.root = Path(tempfile.mkdtemp(prefix="w-", dir=scratch)).resolve()
        self.lock = os.open(self.root, DIRECTORY)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.owner = owner
        self.work, self.home, self.tmp, self.etc = (self.root / name for name in ("work", "home", "tmp", "etc"))
        for folder in (self.work, self.home, self.tmp, self.etc):
            folder.mkdir()

    def give(self) -> None:
        """Hand the writable folders to the guest's user."""
        if self.owner is not None:
            for top in (self.work, self.home, self.tmp):
                for folder, _, names in os.walk(top):
                    os.chown(folder, self.owner, self.owner, follow_symlinks=False)
                    for name in names:
                        os.chown(os.path.join(folder, name), self.owner, self.owner, follow_symlinks=False)

    def put(self, path: str, content: bytes) -> None:
        """Write a file, replacing whatever else stands in its way; links are replaced, not followed.

        Raises:
            InvalidData: no path inside the workspace, or a guest keeps taking its folders away.
        """
        *parents, name = parts_of(path)
        for _ in range(_MOST_SWAPS):
            with contextlib.suppress(FileNotFoundError):  # a guest put another folder in the place of the one opened
                self._put(parents, name, content)
                return
        raise InvalidData(f"a program in the sandbox keeps replacing the folder of {path}", next="stop it first")

    def _put(self, parents: Sequence[str], name: str, content: bytes) -> None:
        with contextlib.ExitStack() as stack:
            folder = self._open(stack, self.work, None)
            for step in parents:
                folder = self._enter(stack, folder, step)
            if _kind(folder, name) == "folder":
                shutil.rmtree(name, dir_fd=folder)
            fresh = f".{name[:200]}.{os.urandom(6).hex()}"
            file = os.open(
                fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=folder
            )
            with open(file, "wb") as stream:
                stream.write(content)
                if self.owner is not None:
                    os.fchown(file, self.owner, self.owner)
            os.replace(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)

    def get(self, path: str, most_bytes: int) -> bytes | None:
        """Read a regular file; None when absent, too large, not regular, or behind any link."""
        *parents, name = parts_of(path)
        with contextlib.ExitStack() as stack:
            try:
                folder = self._open(stack, self.work, None)
                for step in parents:
                    folder = self._open(stack, step, folder)
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                file = os.open(name, flags, dir_fd=folder)
            except OSError:
                return None
            stack.callback(os.close, file)
            if not stat.S_ISREG(os.fstat(file).st_mode):
                return None
            with open(file, "rb", closefd=False) as stream:
                content = stream.read(most_bytes + 1)
            return content if len(content) <= most_bytes else None

    def exists(self, path: str) -> bool:
        """Whether something stands at the path; links are not followed."""
        *parents, name = parts_of(path)
        with contextlib.ExitStack() as stack:
            try:
                folder = self._open(stack, self.work, None)
                for step in parents:
                    folder = self._open(stack, step, folder)
                os.stat(name, dir_fd=folder, follow_symlinks=False)
            except OSError:
                return False
            return True

    def forget_git(self) -> None:
        """Put away every `.git` a guest made, so that no hook, setting or nested repository leaves the sandbox.

        Guests may be running and swap folders for links meanwhile: every folder is opened without following one, and
        what must go is moved out of their reach by name, never walked into.
        """
        with contextlib.ExitStack() as stack:
            attic = self._attic(stack)
            _sweep_folder(self._open(stack, self.work, None), attic, 0)

    def snapshot(self) -> Path:
        """A second copy of the present files: regular files, links and folders, read without following any link.

        For a tree that guests may be changing: what is stored afterwards holds still.
        """
        place = Path(tempfile.mkdtemp(prefix="s-", dir=self.root))
        with contextlib.ExitStack() as stack:
            _copy_folder(self._open(stack, self.work, None), place, 0)
        return place

    def _attic(self, stack: contextlib.ExitStack) -> int:
        place = self.root / "attic"
        place.mkdir(exist_ok=True)
        return self._open(stack, place, None)

    def remove(self) -> None:
        """Free the disk."""
        remove(self.root)
        os.close(self.lock)

    def _enter(self, stack: contextlib.ExitStack, folder: int, step: str) -> int:
        """The folder `step`, made where it is missing; a guest may be swapping it for something else meanwhile."""
        for _ in range(_MOST_SWAPS):
            with contextlib.suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError):
                if _kind(folder, step) == "other":
                    os.unlink(step, dir_fd=folder)
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                os.mkdir(step, 0o755, dir_fd=folder)
                if self.owner is not None:
                    os.chown(step, self.owner, self.owner, dir_fd=folder, follow_symlinks=False)
            try:
                return self._open(stack, step, folder)
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                    raise
        raise InvalidData(f"a program in the sandbox keeps replacing the folder {step}", next="stop it first")

    @staticmethod
    def _open(stack: contextlib.ExitStack, path: str | Path, folder: int | None) -> int:
        descriptor = os.open(path, DIRECTORY, dir_fd=folder)
        stack.callback(os.close, descriptor)
        return descriptor


def _kind(folder: int, name: str) -> str:
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return ""
    return "folder" if stat.S_ISDIR(mode) else "other"


def _sweep_folder(folder: int, attic: int, length: int) -> None:
    """Move every `.git` below an open folder to the attic, and what lies too deep or is closed to us."""
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        too_deep = length + len(name) > LONGEST_PATH
        if name.lower() == ".git" or (is_folder and too_deep):
            _move_away(folder, name, attic)
        elif is_folder:
            try:
                inner = os.open(name, DIRECTORY, dir_fd=folder)
            except FileNotFoundError:
                continue
            except NotADirectoryError:
                continue  # swapped for a file meanwhile; a link gives ELOOP or this, and is left as a link
            except OSError:  # closed to us, or a link by now: not meant to be kept
                _move_away(folder, name, attic)
                continue
            try:
                _sweep_folder(inner, attic, length + len(name) + 1)
            finally:
                os.close(inner)


def _move_away(folder: int, name: str, attic: int) -> None:
    fresh = os.urandom(8).hex()
    with contextlib.suppress(FileNotFoundError):
        try:
            os.rename(name, fresh, src_dir_fd=folder, dst_dir_fd=attic)
        except PermissionError:  # a folder closed to its owner cannot be moved
            inner = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            try:
                os.chmod(f"/proc/self/fd/{inner}", 0o700)
            finally:
                os.close(inner)
            os.rename(name, fresh, src_dir_fd=folder, dst_dir_fd=attic)


def _copy_folder(folder: int, place: Path, length: int) -> None:
    with os.scandir(folder) as entries:
        found = sorted(entry.name for entry in entries)
    for name in found:
        if name.lower() == ".git" or length + len(name) > LONGEST_PATH:
            continue
        with contextlib.suppress(OSError):  # gone, changed its kind, or closed to us meanwhile
            kind = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            if stat.S_ISLNK(kind):
                (place / name).symlink_to(os.readlink(name, dir_fd=folder))
            elif stat.S_ISDIR(kind):
                inner = os.open(name, DIRECTORY, dir_fd=folder)
                try:
                    (place / name).mkdir()
                    _copy_folder(inner, place / name, length + len(name) + 1)
                finally:
                    os.close(inner)
            elif stat.S_ISREG(kind):
                _copy_file(folder, name, place / name)


def _copy_file(folder: int, name: str, place: Path) -> None:
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with open(file, "rb") as source:
        facts = os.fstat(file)
        if stat.S_ISREG(facts.st_mode):
            with open(place, "xb") as target:
                shutil.copyfileobj(source, target)
            place.chmod(0o755 if facts.st_mode & 0o100 else 0o644)


def remove(folder: Path) -> None:
    """Remove a folder, parts of which a guest may have closed to us or nested beyond measure.

    What resists stays for the next sweep.
    """
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except (OSError, RecursionError):
        # The system's own tools follow no links either, and know no depth.
        for words in (["chmod", "-R", "u+rwX", "--", str(folder)], ["rm", "-rf", "--", str(folder)]):
            subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True)


def sweep(scratch: Path) -> int:
    """Remove what a killed Sixfold left; returns how many workspaces. Folders in use are locked and stay."""
    swept = 0
    for folder in scratch.glob("w-*"):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            lock = os.open(folder, DIRECTORY)
            stack.callback(os.close, lock)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(folder)
            swept += 1
    return swept
