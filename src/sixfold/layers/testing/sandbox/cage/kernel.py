"""System calls that Python has no words for, and what the cage does with them to the calling process."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import resource
import signal
from typing import Any

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER = 0x00020000, 0x08000000, 0x10000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 1 << 14, 1 << 18
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36
PR_CAPBSET_READ, PR_CAPBSET_DROP = 23, 24
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
MS_BIND, MNT_DETACH, MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, AT_RECURSIVE = 4096, 2, 1, 2, 0x8000
MOUNT_SETATTR = 442
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41}
CAPABILITY_VERSION_3 = 0x20080522
GUEST_UID = 1000
PAGE_BYTES = resource.getpagesize()

libc = ctypes.CDLL(None, use_errno=True)

holding = ctypes.PyDLL(None, use_errno=True)
"""The same library, called without letting go of the interpreter's lock: a fork must not happen in between."""

CLONE = {"x86_64": 56, "aarch64": 220, "riscv64": 220}

Spec = dict[str, Any]


def check(result: int, what: str) -> None:
    """Turn a failed system call into an OSError that names it."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def prctl(option: int, value: int = 0) -> int:
    """Call prctl with one argument; -1 on failure."""
    return int(libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)))


@functools.cache
def bounding_set() -> tuple[int, ...]:
    """Capabilities that programs started from here could get; asked once, before the first fork."""
    return tuple(capability for capability in range(64) if prctl(PR_CAPBSET_READ, capability) == 1)


def drop_bounding_set() -> None:
    """Make sure that no program can bring a capability back."""
    for capability in bounding_set():
        prctl(PR_CAPBSET_DROP, capability)  # where we may not, no_new_privs makes it harmless
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)


def drop_capabilities() -> None:
    """Give up every capability we hold."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    check(libc.capset(header, nothing), "capset")


def become_guest_user(uid: int) -> None:
    """Change to the guest's user when we are root of our namespace: process limits count, and files are its own."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def set_limits(spec: Spec, *, direct: bool) -> None:
    """Set the kernel's own limits on the calling process and all it will start.

    Args:
        spec: the command.
        direct: True in the guest itself; False in a keeper that needs room while sandlock limits the guest.
    """
    cpu_s = max(1, int(spec["cpu_s"] + 0.999))
    wanted = {
        resource.RLIMIT_CPU: (cpu_s, cpu_s + 1),
        resource.RLIMIT_FSIZE: (spec["file_bytes"],) * 2,
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_MEMLOCK: (8 << 20,) * 2,
        resource.RLIMIT_MSGQUEUE: (1 << 20,) * 2,
        resource.RLIMIT_NPROC: (spec["processes"],) * 2,
    }
    if direct:
        wanted[resource.RLIMIT_NOFILE] = (1024, 1024)
        wanted[resource.RLIMIT_AS] = (spec["memory_bytes"],) * 2
    for kind, (soft, hard) in wanted.items():
        ceiling = resource.getrlimit(kind)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(kind, (soft, hard))


def fork_into_pid_namespace() -> int:
    """Fork; the child is PID 1 of a new PID namespace. As `os.fork`, for a process with one thread."""
    flags = CLONE_NEWPID | signal.SIGCHLD
    pid = holding.syscall(*(ctypes.c_long(value) for value in (CLONE[os.uname().machine], flags, 0, 0, 0, 0)))
    check(pid, "fork into a PID namespace")
    return int(pid)


def own_proc() -> None:
    """Give the calling process a mount namespace in which /proc shows its own PID namespace only."""
    check(libc.unshare(CLONE_NEWNS), "unshare mounts")
    check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "make mounts private")
    check(libc.mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None), "mount /proc")
    forbid_more_namespaces()


def forbid_more_namespaces() -> None:
    """Close the door to nested user namespaces, the usual first step of a kernel exploit."""
    # An older kernel may not let us; then nested user namespaces stay possible.
    with contextlib.suppress(OSError), open("/proc/sys/user/max_user_namespaces", "w") as setting:
        setting.write("0")


def forget_keys() -> None:
    """Start an empty session keyring: the one we inherit may hold the person's keys, and guests would inherit it."""
    number = {"x86_64": 250, "aarch64": 219, "riscv64": 219}.get(os.uname().machine)
    if number is not None:
        libc.syscall(ctypes.c_long(number), ctypes.c_long(1), None)  # refused in a default container: none to inherit
