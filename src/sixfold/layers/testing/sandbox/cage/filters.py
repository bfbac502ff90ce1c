"""A seccomp filter that refuses what no product needs: doors into the kernel, and what no mount or Landlock judges."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import struct
from typing import NamedTuple

from .kernel import check, libc

LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
NUMBER_AT, ARCHITECTURE_AT, FIRST_ARGUMENT_AT, SECOND_ARGUMENT_AT = 0, 4, 16, 24
X32 = 0x40000000
STEP_BYTES = 8
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2

NEW_MOUNTS = (
    428,
    429,
    430,
    431,
    432,
    433,
    442,
)  # open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr
CLONE3 = 435
NAMESPACES = 0x7E020000
"""Every flag of clone that makes a namespace. clone3 hides its flags in memory: it is said to be unknown."""
IO_URING = (425, 426, 427)
REFUSED_IOCTLS = (0x5412, 0x541C, 0x40086602, 0x401C5820)  # type into a terminal, twice; file flags, file attributes

SOCKET_FAMILIES = (1, 2, 10, 16)
"""Unix, IPv4, IPv6, netlink: what network and IPC namespaces or Landlock judge. Not so AF_VSOCK, which leads out of a
virtual machine whatever its namespaces, nor the rarely used families that kernel exploits begin with."""


class Numbers(NamedTuple):
    """System call numbers of one architecture."""

    audit: int
    ioctl: int
    clone: int
    doors: tuple[int, ...]
    """keyctl, add_key, request_key, bpf, perf_event_open, userfaultfd, kexec_load, kexec_file_load, init_module,
    finit_module, delete_module, mount, umount2, pivot_root, unshare, setns, open_by_handle_at, swapon, swapoff, reboot,
    acct, quotactl."""
    metadata: tuple[int, ...]
    """chmod, chown and utime in all their forms."""
    attributes: tuple[int, ...]
    """setxattr and removexattr in all their forms, file_setattr."""
    sockets: tuple[int, ...]
    """socket, socketpair."""
    queues: int
    """mq_open: the host's message queues, where there is no IPC namespace. (System V's sandlock refuses by itself.)"""


ARCHITECTURES = {
    "x86_64": Numbers(
        audit=0xC000003E,
        ioctl=16,
        clone=56,
        doors=(
            *(250, 248, 249, 321, 298, 323, 246, 320, 175, 313, 176, 165, 166, 155, 272, 308, 304, 167, 168, 169),
            *(163, 179),
        ),
        metadata=(90, 91, 268, 452, 92, 93, 94, 260, 132, 235, 261, 280),
        attributes=(188, 189, 190, 197, 198, 199, 463, 466, 469),
        sockets=(41, 53),
        queues=240,
    ),
    "aarch64": Numbers(
        audit=0xC00000B7,
        ioctl=29,
        clone=220,
        doors=(
            *(219, 217, 218, 280, 241, 282, 104, 294, 105, 273, 106, 40, 39, 41, 97, 268, 265, 224, 225, 142),
            *(89, 60),
        ),
        metadata=(52, 53, 452, 54, 55, 88),
        attributes=(5, 6, 7, 14, 15, 16, 463, 466, 469),
        sockets=(198, 199),
        queues=180,
    ),
}


def refuse_calls(*, metadata: bool) -> None:
    """Install the filter on the calling process and all it will start; needs no_new_privs.

    Raises:
        OSError: the kernel has no seccomp filters, or the architecture is unknown and `metadata` was asked for.
    """
    steps = filter_steps(metadata=metadata)
    if not steps:
        return
    program = ctypes.create_string_buffer(steps)
    header = struct.pack("HxxxxxxP", len(steps) // STEP_BYTES, ctypes.addressof(program))
    nothing = ctypes.c_ulong(0)
    result = libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), header, nothing, nothing)
    check(result, "install the seccomp filter")


@functools.cache
def filter_steps(*, metadata: bool) -> bytes:
    """The filter's program; empty for an architecture without a table. Made once, before the first fork.

    Args:
        metadata: there are no namespaces: also keep every file's mode, owner and times as they are, and the host's
            message queues out of reach. Calls for the former report success and do nothing, because builds copy modes
            and times everywhere and give up when they cannot.

    Raises:
        OSError: the architecture is unknown and `metadata` was asked for.
    """
    numbers = ARCHITECTURES.get(os.uname().machine)
    if numbers is None:
        if metadata:
            raise OSError(errno.ENOSYS, f"no system call table for {os.uname().machine}")
        return b""
    steps = [_step(LOAD, ARCHITECTURE_AT), _step(JUMP_EQUAL, numbers.audit, 1), _step(RETURN, ERRNO | errno.ENOSYS)]
    steps += [_step(LOAD, NUMBER_AT), _step(JUMP_AT_LEAST, X32, 0, 1), _step(RETURN, ERRNO | errno.ENOSYS)]
    for number in (*numbers.doors, *NEW_MOUNTS, *IO_URING):
        steps += [_step(JUMP_EQUAL, number, 0, 1), _step(RETURN, ERRNO | errno.EPERM)]
    if metadata:
        for number in numbers.metadata:
            steps += [_step(JUMP_EQUAL, number, 0, 1), _step(RETURN, ERRNO | 0)]
        for number in numbers.attributes:
            steps += [_step(JUMP_EQUAL, number, 0, 1), _step(RETURN, ERRNO | errno.ENOTSUP)]
        steps += [_step(JUMP_EQUAL, numbers.queues, 0, 1), _step(RETURN, ERRNO | errno.EPERM)]
    steps += [_step(JUMP_EQUAL, CLONE3, 0, 1), _step(RETURN, ERRNO | errno.ENOSYS)]
    flags = [_step(LOAD, FIRST_ARGUMENT_AT), _step(JUMP_ANY_BIT, NAMESPACES, 0, 1), _step(RETURN, ERRNO | errno.EPERM)]
    steps += [_step(JUMP_EQUAL, numbers.clone, 0, len(flags) + 1), *flags, _step(RETURN, ALLOW)]
    families = [_step(LOAD, FIRST_ARGUMENT_AT)]
    for position, family in enumerate(SOCKET_FAMILIES):
        families.append(_step(JUMP_EQUAL, family, len(SOCKET_FAMILIES) - position))
    families += [_step(RETURN, ERRNO | errno.EAFNOSUPPORT), _step(RETURN, ALLOW)]
    first, second = numbers.sockets
    steps += [_step(JUMP_EQUAL, first, 1), _step(JUMP_EQUAL, second, 0, len(families)), *families]
    steps += [_step(JUMP_EQUAL, numbers.ioctl, 1), _step(RETURN, ALLOW), _step(LOAD, SECOND_ARGUMENT_AT)]
    for command in REFUSED_IOCTLS:
        steps += [_step(JUMP_EQUAL, command, 0, 1), _step(RETURN, ERRNO | errno.EPERM)]
    steps.append(_step(RETURN, ALLOW))
    return b"".join(steps)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
