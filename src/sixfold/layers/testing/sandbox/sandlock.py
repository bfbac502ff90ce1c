"""Sandlock: Landlock and seccomp from a wheel, no program to install; namespaces too where the machine allows them."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from sixfold.domain.data import Tree
from sixfold.domain.errors import SandboxUnavailable
from sixfold.domain.ports import Environment
from sixfold.layers.testing.sandbox.channel import Channel
from sixfold.layers.testing.sandbox.copies import Copy
from sixfold.layers.testing.sandbox.inside import Places, in_host
from sixfold.layers.testing.sandbox.opening import Backend
from sixfold.layers.testing.sandbox.policy import (
    CAGE,
    CPU_TIME,
    DISK_BY_FILE,
    START,
    SYSTEM_FILES,
    SYSTEM_FOLDERS,
    WHAT_IS_SAID,
    Enforced,
    existing,
    interpreter,
    toolchain,
)

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


class Sandlock(Backend):
    """The `sandlock` binding, with or without namespaces around it."""

    def __init__(
        self,
        checkout: Callable[[Tree, Path], None],
        store: Callable[[Path], Tree],
        scratch: Path,
        *,
        namespaces: bool,
    ) -> None:
        """Choose a form.

        Args:
            checkout: writes a tree's files into an empty folder.
            store: makes a tree of a folder.
            scratch: folder for copies.
            namespaces: leave the host's users, network, PIDs and IPC first. Stronger, and gives guests a loopback of
                their own; refused inside a default Docker container.
        """
        super().__init__(checkout, store, scratch)
        self.name = "sandlock+namespaces" if namespaces else "sandlock"
        self.loopback = namespaces
        self._namespaces = namespaces

    def places(self, copy: Copy, environment: Environment | None) -> Places:
        """The host's own names: without namespaces there are no others."""
        return in_host(copy, environment)

    def enforced(self) -> tuple[Enforced, ...]:
        """What holds in this form, for the table of `sixfold doctor`."""
        inside = self._namespaces
        net = (
            "own network namespace, and seccomp"
            if inside
            else "seccomp and Landlock refuse every socket but local pairs"
        )
        loop = "own, shared by the commands of one workspace" if inside else "none: neither the host's nor an own one"
        pids = (
            "a PID namespace per command; killing it leaves no orphan"
            if inside
            else "hidden in /proc; orphans hunted by a subreaper"
        )
        return (
            Enforced(
                what="files",
                strength="kernel",
                how="Landlock: /usr and the toolchain readable, copy, home, tmp writable",
            ),
            Enforced(what="network", strength="kernel", how=net),
            Enforced(what="loopback", strength="kernel", how=loop),
            Enforced(what="processes", strength="kernel", how="counted by the seccomp supervisor, per command"),
            Enforced(what="memory", strength="kernel", how="counted by the seccomp supervisor; resident sum watched"),
            CPU_TIME,
            Enforced(what="pids", strength="kernel" if inside else "watched", how=pids),
            Enforced(
                what="signals", strength="kernel", how="Landlock scope: nothing outside can be signalled or traced"
            ),
            DISK_BY_FILE,
            *WHAT_IS_SAID,
        )

    async def launch(self, copy: Copy, environment: Environment | None) -> Channel:
        """Start our supervisor, which confines each guest."""
        found = importlib.util.find_spec("sandlock")
        if sys.platform != "linux" or found is None or not found.origin:
            raise SandboxUnavailable("sandlock is not installed", next="pip install sandlock")
        writable = [str(copy.work), str(copy.home), str(copy.tmp)]
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        private = ["/dev/shm", "/tmp"] if self._namespaces else []  # noqa: S108  (not the host's then)
        (copy.root / "root").mkdir()
        config = {
            "control": theirs.fileno(),
            "confine": "sandlock",
            "namespaces": self._namespaces,
            "network": self._namespaces,
            "folder": str(copy.work),
            "temporary": str(copy.tmp),
            "root": str(copy.root / "root"),
            "writable": writable,
            "grants": [*writable, "/dev/null", *private],
            "readable": [
                *existing(SYSTEM_FOLDERS),
                *existing(SYSTEM_FILES),
                *existing(DEVICES),
                str(CAGE / "batch.py"),
                "/proc",
                *toolchain(environment)[1],
            ],
            "packages": str(Path(found.origin).parent.parent),
        }
        log = os.memfd_create("sandbox-log", os.MFD_CLOEXEC)
        try:
            process = subprocess.Popen(
                [interpreter()[0], "-I", "-S", "-c", START, str(CAGE.parent), json.dumps(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        finally:
            theirs.close()
        return Channel(process, ours, log)
