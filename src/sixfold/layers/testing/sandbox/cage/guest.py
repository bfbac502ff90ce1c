"""The guest before it is one: forked ahead of its command, stripped of everything, waiting to be told what to run."""

from __future__ import annotations

import json
import os
import signal
import socket

from .filters import refuse_calls
from .kernel import (
    PR_SET_NO_NEW_PRIVS,
    Spec,
    become_guest_user,
    check,
    drop_bounding_set,
    drop_capabilities,
    prctl,
    set_limits,
)


def await_command(line: socket.socket, uid: int) -> None:
    """Give up what no guest may have, wait for the one command of this process, and become it. Does not return."""
    problem = ""
    try:
        _strip()
    except OSError as error:
        problem = str(error)  # told once there is a stream to tell it on; nothing runs
    data, descriptors, _, _ = socket.recv_fds(line, 64, 4)
    if not data:
        os._exit(126)  # the workspace ended before it needed us
    line.close()
    *streams, command = descriptors
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    try:
        if problem:
            raise OSError(problem)
        _become(json.loads(os.pread(command, os.fstat(command).st_size, 0)), uid)
    except BaseException as error:  # the child of a fork must never return into the keeper's code
        os.write(2, f"sandbox: {error}\n".encode(errors="replace"))
    os._exit(126)


def _strip() -> None:
    os.setsid()
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    os.umask(0o022)
    check(prctl(PR_SET_NO_NEW_PRIVS, 1), "no_new_privs")
    drop_bounding_set()
    refuse_calls(metadata=False)


def _become(spec: Spec, uid: int) -> None:
    os.closerange(3, 1024)
    set_limits(spec, direct=True)
    become_guest_user(uid)
    drop_capabilities()
    words, variables = spec["argv"], spec["env"]
    try:
        os.chdir(spec["cwd"])
        os.execvpe(words[0], words, variables)  # noqa: S606  (no shell is the point)
    except FileNotFoundError:
        os.write(2, f"{words[0]}: not found\n".encode(errors="replace"))
        os._exit(127)
    except OSError as error:
        os.write(2, f"{words[0]}: {error.strerror}\n".encode(errors="replace"))
        os._exit(126)
