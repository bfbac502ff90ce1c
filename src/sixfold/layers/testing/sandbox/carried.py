"""Files of a container: no folder of the host is shared with it, so they travel as archives, and none is believed."""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import os
import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

from sixfold.domain.data import Tree
from sixfold.domain.errors import InvalidData, SandboxUnavailable
from sixfold.domain.evidence import ExecResult, Limits
from sixfold.layers.testing.sandbox.copies import Copy, parts_of
from sixfold.layers.testing.sandbox.workspace import IsolatedWorkspace

CARRIER = "/.sixfold/cage/carrier.py"
MOST_BYTES = 1 << 31
"""Largest tree that is carried."""
LIMITS = Limits(wall_s=300.0, memory_bytes=4 << 30, output_bytes=MOST_BYTES, disk_bytes=1 << 40)


class CarriedFiles:
    """The guests have a tree of their own in the container."""

    def __init__(self, copy: Copy, store: Callable[[Path], Tree], workspace: IsolatedWorkspace) -> None:
        self._copy = copy
        self._store = store
        self._workspace = workspace

    async def fill(self) -> None:
        if any(self._copy.work.iterdir()):
            await self._carry("put", stdin=await asyncio.to_thread(_packed, self._copy.work))

    async def put(self, files: Mapping[str, bytes]) -> None:
        kept = io.BytesIO()
        with tarfile.open(fileobj=kept, mode="w") as archive:
            for path, content in sorted(files.items()):
                facts = tarfile.TarInfo("/".join(parts_of(path)))
                facts.size, facts.mode = len(content), 0o644
                archive.addfile(facts, io.BytesIO(content))
        await self._carry("put", stdin=kept.getvalue())

    async def get(self, path: str, most_bytes: int) -> bytes | None:
        done = await self._carry("get", "/".join(parts_of(path)), str(most_bytes), absent=True)
        content = _decoded(done.stdout) if done.exit_code == 0 else None
        return content if content is not None and len(content) <= most_bytes else None

    async def exists(self, path: str) -> bool:
        return (await self._carry("exists", "/".join(parts_of(path)), absent=True)).exit_code == 0

    async def capture(self, *, quiet: bool) -> Tree:
        done = await self._carry("pack")
        return await asyncio.to_thread(self._unpack, _decoded(done.stdout))

    async def _carry(self, *words: str, stdin: bytes = b"", absent: bool = False) -> ExecResult:
        argv = ["python", "-I", "-S", CARRIER, *words]
        done = await self._workspace.exec(argv, stdin=stdin, limits=LIMITS)
        if done.exit_code and not (absent and done.exit_code == 3):
            why = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.exit_code} {done.stopped_by}"]
            raise SandboxUnavailable("files could not be carried into or out of the container", why=why[0])
        return done

    def _unpack(self, content: bytes) -> Tree:
        """Write what the guest calls its tree: regular files and links, each below the copy, no link is followed."""
        for entry in self._copy.work.iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        links = []
        try:
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                for member in archive:
                    if member.issym():
                        links.append(member)
                    elif member.isreg():
                        stream = archive.extractfile(member)
                        self._copy.put(member.name, stream.read() if stream else b"")
                        if member.mode & 0o100:
                            (self._copy.work / member.name).chmod(0o755)
        except (tarfile.TarError, InvalidData, OSError) as error:
            raise SandboxUnavailable("the container's tree could not be read", why=str(error)) from error
        for member in links:  # last, so that nothing can be written through one
            place = self._copy.work.joinpath(*parts_of(member.name))
            if place.parent.resolve().is_relative_to(self._copy.work) and not os.path.lexists(place):
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(member.linkname)
        self._copy.forget_git()
        return self._store(self._copy.work)


def _packed(folder: Path) -> bytes:
    kept = io.BytesIO()
    with tarfile.open(fileobj=kept, mode="w") as archive:
        for entry in sorted(folder.iterdir()):
            archive.add(entry, arcname=entry.name, filter=_anonymous)
    return kept.getvalue()


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SandboxUnavailable("the container's answer could not be read", why=str(error)) from error
