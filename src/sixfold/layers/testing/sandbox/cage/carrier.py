"""Carries files of a container in and out, as a guest among guests: whatever it could be made to do, they can do too.

carrier put     standard input: an archive of regular files, folders and links, written over what is there
carrier get     PATH MOST_BYTES: the file in base 64; exit 3 when there is none
carrier exists  PATH: exit 0 or 3
carrier pack    the whole tree but `.git`, as an archive in base 64
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
import shutil
import stat
import sys
import tarfile

ABSENT = 3
LONGEST_PATH = 1500


def put() -> int:
    """Unpack standard input into the working folder; what stands in the way is replaced, links are not followed."""
    with tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read())) as archive:
        for member in archive:
            clear_way(member.name, is_folder=member.isdir())
            unpack(archive, member)
    return 0


def unpack(archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    """Write one member; a file keeps whether it can be run, and nothing else."""
    if member.isdir():
        os.makedirs(member.name, exist_ok=True)
        return
    os.makedirs(os.path.dirname(member.name) or ".", exist_ok=True)
    if member.issym():
        os.symlink(member.linkname, member.name)
        return
    stream = archive.extractfile(member)
    with open(member.name, "xb") as file:
        file.write(stream.read() if stream else b"")
    os.chmod(member.name, 0o755 if member.mode & 0o100 else 0o644)


def clear_way(name: str, *, is_folder: bool) -> None:
    """Remove links and files where folders belong, and whatever stands at the place itself."""
    steps = name.split("/")
    for depth in range(1, len(steps)):
        above = "/".join(steps[:depth])
        if os.path.lexists(above) and (os.path.islink(above) or not os.path.isdir(above)):
            os.unlink(above)
    if not os.path.lexists(name):
        return
    if os.path.isdir(name) and not os.path.islink(name):
        if not is_folder:
            shutil.rmtree(name)
    else:
        os.unlink(name)


def plain(path: str) -> os.stat_result | None:
    """Facts about a path that no link leads to."""
    steps = path.split("/")
    for depth in range(1, len(steps)):
        if os.path.islink("/".join(steps[:depth])):
            return None
    try:
        return os.lstat(path)
    except OSError:
        return None


def get(path: str, most_bytes: int) -> int:
    """Print a regular file."""
    facts = plain(path)
    if facts is None or not stat.S_ISREG(facts.st_mode) or facts.st_size > most_bytes:
        return ABSENT
    with open(path, "rb") as file:
        sys.stdout.write(base64.b64encode(file.read(most_bytes + 1)).decode())
    return 0


def pack() -> int:
    """Print an archive of everything that may leave."""
    kept = io.BytesIO()
    with tarfile.open(fileobj=kept, mode="w") as archive:
        for folder, names, files in os.walk(".", onerror=lambda _: None):
            names[:] = [name for name in names if name.lower() != ".git" and len(folder) + len(name) < LONGEST_PATH]
            links = [name for name in names if os.path.islink(os.path.join(folder, name))]
            for name in [*files, *links]:
                path = os.path.join(folder, name)
                kind = os.lstat(path).st_mode
                if name.lower() != ".git" and (stat.S_ISREG(kind) or stat.S_ISLNK(kind)):
                    with contextlib.suppress(OSError):  # closed to its own user: not meant to be kept
                        add(archive, path)
    sys.stdout.write(base64.b64encode(kept.getvalue()).decode())
    return 0


def add(archive: tarfile.TarFile, path: str) -> None:
    """Add one file under its relative name, every one with its own content: hard links become files."""
    facts = archive.gettarinfo(path, arcname=path.removeprefix("./"))
    if facts.issym():
        archive.addfile(facts)
        return
    facts.type, facts.linkname = tarfile.REGTYPE, ""
    with open(path, "rb") as file:
        facts.size = os.fstat(file.fileno()).st_size
        archive.addfile(facts, file)


def main() -> int:
    """Do what the first word says."""
    word, *rest = sys.argv[1:]
    if word == "put":
        return put()
    if word == "get":
        return get(rest[0], int(rest[1]))
    if word == "exists":
        return 0 if plain(rest[0]) is not None else ABSENT
    return pack()


if __name__ == "__main__":
    sys.exit(main())
