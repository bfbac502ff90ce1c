"""Finds out which backends really hold here, and picks the strongest."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from sixfold.domain.data import Data, Tree
from sixfold.domain.errors import SandboxUnavailable
from sixfold.domain.evidence import Limits
from sixfold.layers.testing.sandbox.bubblewrap import Bubblewrap
from sixfold.layers.testing.sandbox.container import Container
from sixfold.layers.testing.sandbox.copies import sweep
from sixfold.layers.testing.sandbox.opening import Backend
from sixfold.layers.testing.sandbox.policy import Enforced
from sixfold.layers.testing.sandbox.sandlock import Sandlock
from sixfold.layers.testing.sandbox.seatbelt import Seatbelt

NAMES = ("bubblewrap", "sandlock+namespaces", "podman", "docker", "sandlock", "sandbox-exec", "docker-remote")
"""Strongest first; the last is only taken when asked for by name, because it sends the code to another machine."""

ASKED_ONLY = ("docker-remote",)

HOW_TO_GET_ONE = (
    "install bubblewrap (apt install bubblewrap / dnf install bubblewrap / apk add bubblewrap), "
    "or use Linux 6.12 or newer, where the bundled sandlock needs nothing else"
)

PROBE = """
import sys
try:
    print("a guest could read a file of the host:", open(sys.argv[1]).read())
except OSError:
    print("held")
try:
    open(sys.argv[1] + ".new", "w").close()
except OSError:
    pass
open("inside", "w").write("1")
"""
"""Reads and writes beside the copy. The canary really lies there, so refusal is not absence; and the host looks whether
anything was written, because a guest may well have a folder of that name to itself."""


class Tried(Data, frozen=True, kw_only=True):
    """What the probe run of one backend showed."""

    name: str
    usable: bool
    why: str = ""
    """Why not; empty when usable."""
    enforced: tuple[Enforced, ...] = ()


def backends(
    checkout: Callable[[Tree, Path], None],
    store: Callable[[Path], Tree],
    scratch: Path,
    *,
    image: str = "",
    settings: Mapping[str, str],
) -> tuple[Backend, ...]:
    """Every backend written for this operating system, strongest first, untested."""
    podman, docker, remote = (
        Container(checkout, store, scratch, kind=kind, image=image, settings=settings)
        for kind in ("podman", "docker", "docker-remote")
    )
    seatbelt = Seatbelt(checkout, store, scratch)
    if sys.platform == "darwin":
        return (podman, docker, seatbelt, remote)
    if sys.platform != "linux":
        return (remote,)
    return (
        Bubblewrap(checkout, store, scratch),
        Sandlock(checkout, store, scratch, namespaces=True),
        podman,
        docker,
        Sandlock(checkout, store, scratch, namespaces=False),
        seatbelt,
        remote,
    )


async def choose(
    checkout: Callable[[Tree, Path], None],
    store: Callable[[Path], Tree],
    scratch: Path,
    *,
    only: str = "",
    image: str = "",
    settings: Mapping[str, str] | None = None,
) -> Backend:
    """The strongest backend that passes a real probe run here.

    Args:
        checkout: writes a tree's files into an empty folder.
        store: makes a tree of a folder.
        scratch: folder for copies, on a disk with room; left-overs of a killed Sixfold in it are removed.
        only: name of the one backend to consider (the operator's setting); empty = all.
        image: for containers; empty = none, this machine's programs are mounted.
        settings: the person's environment variables, for the container engines; None = without these.

    Raises:
        SandboxUnavailable: none holds; says why each failed and how to get one.
    """
    sweep(scratch)
    tried = []
    for backend in backends(checkout, store, scratch, image=image, settings=settings or {}):
        if only == backend.name or (not only and backend.name not in ASKED_ONLY):
            result = await probe(backend, scratch)
            if result.usable:
                return backend
            tried.append(result)
    reasons = "; ".join(f"{each.name}: {each.why}" for each in tried)
    nothing = f"no backend named {only!r} on this system" if only else f"nothing for {sys.platform} yet"
    raise SandboxUnavailable(
        "no real isolation is available here, so nothing generated is run",
        why=reasons or nothing,
        next=HOW_TO_GET_ONE,
    )


async def describe(scratch: Path, *, image: str = "", settings: Mapping[str, str] | None = None) -> tuple[Tried, ...]:
    """The table for `sixfold doctor`: every backend, whether it holds here, and what it enforces."""

    def empty(tree: Tree, folder: Path) -> None:
        """Nothing to write: the probe brings its own file."""

    def refuse(folder: Path) -> Tree:
        raise SandboxUnavailable("a probe run is never captured")

    every = backends(empty, refuse, scratch, image=image, settings=settings or {})
    return tuple([await probe(backend, scratch) for backend in every])


async def probe(backend: Backend, scratch: Path) -> Tried:
    """Run one small program that tries to get out; usable only when it ran and could not."""
    scratch.mkdir(parents=True, exist_ok=True)
    canary = scratch / "canary"
    canary.write_text("not for guests")
    try:
        async with backend.open(None) as workspace:
            result = await workspace.exec(["python", "-I", "-c", PROBE, str(canary)], limits=Limits(wall_s=30))
    except SandboxUnavailable as error:
        return Tried(name=backend.name, usable=False, why=error.why or error.what)
    written = canary.with_name("canary.new")
    if written.exists():
        written.unlink()
        return Tried(name=backend.name, usable=False, why="a guest could write a file of the host")
    if result.exit_code or result.stdout.strip() != "held":
        why = result.stdout.strip() or result.stderr.strip()[-300:] or f"exit code {result.exit_code}"
        return Tried(name=backend.name, usable=False, why=why)
    return Tried(name=backend.name, usable=True, enforced=backend.enforced())
