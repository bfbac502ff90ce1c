"""The namespaces and the file system view that sandlock guests get where the machine allows them."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import sys

from .kernel import (
    AT_RECURSIVE,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    GUEST_UID,
    MNT_DETACH,
    MOUNT_ATTR_NOSUID,
    MOUNT_ATTR_RDONLY,
    MOUNT_SETATTR,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_REC,
    PIVOT_ROOT,
    PR_SET_DUMPABLE,
    PR_SET_PDEATHSIG,
    Spec,
    check,
    forbid_more_namespaces,
    libc,
    prctl,
)


def loopback_up() -> None:
    """Switch on the loopback of a fresh network namespace (SIOCSIFFLAGS with IFF_UP)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = b"lo".ljust(16, b"\0") + (1).to_bytes(2, sys.byteorder) + bytes(22)
        fcntl.ioctl(any_socket, 0x8914, request)


def enter_namespaces(config: Spec) -> None:
    """Leave the host's users, PIDs, network, IPC and mounts, as an ordinary user and without any help.

    Returns in a child that is PID 1 of the new namespace; the caller only waits for it, so that either's end is both's.

    Raises:
        OSError: the machine does not allow it.
    """
    uid, gid = os.geteuid(), os.getegid()
    check(prctl(PR_SET_DUMPABLE, 1), "dumpable")  # or our own /proc entries would not be ours to write
    check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWPID), "unshare")
    for name, text in (("setgroups", "deny"), ("gid_map", f"{GUEST_UID} {gid} 1"), ("uid_map", f"{GUEST_UID} {uid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    check(prctl(PR_SET_PDEATHSIG, signal.SIGKILL), "pdeathsig")  # again: a change of user forgets it
    pid = os.fork()
    if pid:
        os.closerange(3, 4096)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF)
    check(prctl(PR_SET_PDEATHSIG, signal.SIGKILL), "pdeathsig")
    check(prctl(PR_SET_DUMPABLE, 0), "dumpable")
    loopback_up()
    own_view(config)
    forbid_more_namespaces()


def own_view(config: Spec) -> None:
    """Change to a file system that holds only what guests may see; all of it read-only but their own folders.

    Landlock alone would leave modes, owners and times of the person's files open to change, and their names to `stat`.
    """
    root = config["root"]
    check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "make mounts private")
    check(libc.mount(b"none", root.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, b"size=1m,mode=755"), "mount a new root")
    # Outer folders first, so that what lies below one of them is mounted over it.
    wanted = [(path, path, True) for path in config["readable"] if path != "/proc"]
    wanted += [(path, path, False) for path in config["writable"]] + [(config["temporary"], "/tmp", False)]  # noqa: S108
    for source, place, read_only in sorted(wanted, key=lambda each: each[1]):
        _show(source, root + place, read_only=read_only)
    os.makedirs(f"{root}/dev/shm", exist_ok=True)  # noqa: S108
    os.makedirs(f"{root}/proc", exist_ok=True)
    shared_memory = f"{root}/dev/shm".encode()  # noqa: S108
    check(libc.mount(b"none", shared_memory, b"tmpfs", MS_NOSUID | MS_NODEV, b"size=64m,mode=1777"), "mount /dev/shm")
    check(libc.mount(b"proc", f"{root}/proc".encode(), b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None), "mount /proc")
    os.chdir(root)
    check(libc.syscall(PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    check(libc.umount2(b".", MNT_DETACH), "leave the old root")
    os.chdir("/")
    _set_read_only(b"/", recursive=False)


def _show(source: str, place: str, *, read_only: bool) -> None:
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if os.path.islink(source) and not os.path.lexists(place):
        os.symlink(os.readlink(source), place)
        return
    if os.path.isdir(source):
        os.makedirs(place, exist_ok=True)
    elif not os.path.exists(place):
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o644))
    check(libc.mount(source.encode(), place.encode(), None, MS_BIND | MS_REC, None), f"show {source}")
    if read_only and not source.startswith("/dev/"):
        _set_read_only(place.encode(), recursive=True)


def _set_read_only(place: bytes, *, recursive: bool) -> None:
    attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, 0, 0)
    flags = ctypes.c_uint(AT_RECURSIVE if recursive else 0)
    result = libc.syscall(MOUNT_SETATTR, -100, place, flags, ctypes.byref(attributes), ctypes.c_size_t(32))
    check(result, f"make {place.decode()} read-only")
