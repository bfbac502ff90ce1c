"""Bubblewrap: every namespace the kernel has, set up by a small reviewed program; our supervisor is PID 1 inside."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import socket
import subprocess
import time
from pathlib import Path

from sixfold.domain.errors import SandboxUnavailable
from sixfold.domain.ports import Environment
from sixfold.layers.testing.sandbox.accounts import write_accounts
from sixfold.layers.testing.sandbox.channel import START_S, Channel
from sixfold.layers.testing.sandbox.copies import Copy
from sixfold.layers.testing.sandbox.inside import PLACES, Places, in_own_root
from sixfold.layers.testing.sandbox.opening import Backend
from sixfold.layers.testing.sandbox.policy import (
    CAGE,
    CPU_TIME,
    DISK_BY_FILE,
    MEMORY_BY_PROCESS,
    OWN_NETWORK,
    START,
    SYSTEM_FILES,
    SYSTEM_FOLDERS,
    WHAT_IS_SAID,
    Enforced,
    existing,
    interpreter,
    toolchain,
)

CAPABILITIES = (
    "CAP_SYS_ADMIN",
    "CAP_SETUID",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SYS_RESOURCE",
    "CAP_KILL",
    "CAP_SYS_PTRACE",
)
"""What the supervisor may do *inside its own user namespace*: cage the guests and look after them. Guests have none."""

FIRST_GUEST_UID, GUEST_UIDS = 1 << 30, 1 << 29
"""As root each workspace gets a user id of its own on the host, so that its processes are counted apart."""


class Bubblewrap(Backend):
    """The `bwrap` program found on PATH."""

    name = "bubblewrap"

    def owner(self) -> int | None:
        """A user nobody else has, where we may give one."""
        return FIRST_GUEST_UID + secrets.randbelow(GUEST_UIDS) if os.geteuid() == 0 else None

    async def launch(self, copy: Copy, environment: Environment | None) -> Channel:
        """Start bubblewrap with our supervisor as its PID 1."""
        program = shutil.which("bwrap")
        if program is None:
            raise SandboxUnavailable("bubblewrap is not installed", next="apt install bubblewrap")
        return self._launch(program, copy, environment)

    def places(self, copy: Copy, environment: Environment | None) -> Places:
        """Fixed names inside."""
        return in_own_root(environment)

    def enforced(self) -> tuple[Enforced, ...]:
        """What holds in this backend, for the table of `sixfold doctor`."""
        return (
            Enforced(what="files", strength="kernel", how="own mount namespace: /usr and the toolchain read-only"),
            *OWN_NETWORK,
            Enforced(what="processes", strength="kernel", how="RLIMIT_NPROC for a user of its own, per workspace"),
            MEMORY_BY_PROCESS,
            CPU_TIME,
            Enforced(what="pids", strength="kernel", how="a PID namespace per command; killing it leaves no orphan"),
            Enforced(what="signals", strength="kernel", how="nothing outside can be seen, signalled or traced"),
            DISK_BY_FILE,
            *WHAT_IS_SAID,
        )

    def _launch(self, program: str, copy: Copy, environment: Environment | None) -> Channel:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        log = os.memfd_create("sandbox-log", os.MFD_CLOEXEC)
        with contextlib.ExitStack() as stack:
            stack.callback(theirs.close)
            info, said = os.pipe()
            wait, go = os.pipe()
            for descriptor in (info, wait, go):
                stack.callback(os.close, descriptor)
            held = stack.enter_context(contextlib.closing(os.fdopen(said, "wb")))
            passed = [theirs.fileno()]
            mapping = ["--uid", "1000", "--gid", "1000"]
            if copy.owner is not None:
                passed += [said, wait]
                mapping = ["--info-fd", str(said), "--userns-block-fd", str(wait)]
            process = subprocess.Popen(
                [program, *mapping, *self._arguments(copy, environment), *self._supervisor(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                pass_fds=passed,
                start_new_session=True,
            )
            held.close()
            if copy.owner is not None:
                _map_users(info, copy.owner)
                os.write(go, b"1")
        return Channel(process, ours, log)

    def _arguments(self, copy: Copy, environment: Environment | None) -> list[str]:
        words = ["--unshare-all", "--unshare-user", "--die-with-parent", "--as-pid-1", "--new-session"]
        words += ["--hostname", "sandbox", "--clearenv", "--setenv", "LANG", "C.UTF-8", "--cap-drop", "ALL"]
        for capability in CAPABILITIES:
            words += ["--cap-add", capability]
        for folder in existing(SYSTEM_FOLDERS):
            words += (
                ["--symlink", os.readlink(folder), folder] if os.path.islink(folder) else ["--ro-bind", folder, folder]
            )
        words += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", str(64 << 20), "--tmpfs", "/dev/shm"]  # noqa: S108
        for folder in _parents([*PLACES]):
            words += ["--perms", "0755", "--dir", folder]
        for source, place in zip((copy.work, copy.home, copy.tmp), PLACES, strict=True):
            words += ["--bind", str(source), place]
        # After the places: a toolchain may lie below /tmp, and folders made before would be covered by the bind.
        for folder in _parents(["/etc/passwd", "/.sixfold/cage", *toolchain(environment)[1]]):
            words += ["--perms", "0755", "--dir", folder]
        write_accounts(copy.etc)
        for name in sorted(os.listdir(copy.etc)):
            words += ["--ro-bind", str(copy.etc / name), f"/etc/{name}"]
        for path in existing(SYSTEM_FILES):
            words += ["--ro-bind", os.path.realpath(path), path]
        for folder in toolchain(environment)[1]:
            words += ["--ro-bind", folder, folder]
        words += ["--ro-bind", str(CAGE), "/.sixfold/cage"]
        words += ["--remount-ro", "/dev", "--remount-ro", "/"]
        return [*words, "--chdir", "/"]

    @staticmethod
    def _supervisor(control: int) -> list[str]:
        writable = [*PLACES]
        config = {"control": control, "confine": "", "namespaces": True, "folder": PLACES[0], "writable": writable}
        return ["--", interpreter()[0], "-I", "-S", "-c", START, "/.sixfold", json.dumps(config)]


def _parents(paths: list[str]) -> list[str]:
    """The folders above the paths, outermost first; bubblewrap would make them unreadable to the guest's user."""
    return sorted({str(parent) for path in paths for parent in Path(path).parents} - {"/"})


def _map_users(info: int, owner: int) -> None:
    """Give the sandbox two users: root of its namespace (us) and the guest (a host user nobody else has)."""
    text, deadline = b"", time.monotonic() + START_S
    while b"}" not in text:
        if not select.select([info], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise SandboxUnavailable("bubblewrap did not start", next="sixfold doctor")
        chunk = os.read(info, 4096)
        if not chunk:
            return  # bubblewrap has failed; its own words reach the person through `Channel.ready`
        text += chunk
    pid = json.loads(text)["child-pid"]
    with contextlib.suppress(FileNotFoundError):  # likewise
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{pid}/{name}").write_text(f"0 0 1\n1000 {owner} 1\n")
