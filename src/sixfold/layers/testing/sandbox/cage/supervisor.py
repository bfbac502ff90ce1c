"""The process beside the guests: starts each command in a cage of its own and reports how it ended.

Inside bubblewrap it is PID 1 of the sandbox and its capabilities hold in the sandbox's user namespace alone; for
sandlock it is an ordinary process that confines each guest before the guest's first instruction.

Three generations, because each has a duty the next must not reach:

    supervisor   holds the control socket; alive as long as the workspace; dies when Sixfold closes the socket or dies
    └── keeper   one per command, PID 1 of a PID namespace of its own; watches memory and disk; all below end with it
        └── guest    the command: no capability, own session, limits set, sees neither of the two above

Protocol: SOCK_SEQPACKET on the descriptor named in CONFIG, one JSON object a message. `run` comes with four
descriptors: standard input, output, error, and a memory file that holds the command. Replies carry the request's `id`.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
from typing import NamedTuple

from .filters import filter_steps
from .keeper import Keeper, descendants, is_zombie
from .kernel import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    PR_SET_PDEATHSIG,
    Spec,
    bounding_set,
    check,
    forget_keys,
    fork_into_pid_namespace,
    prctl,
)
from .view import enter_namespaces

BREATH_MS = 10
"""How long commands are left alone before the keeper of the next one is made."""


class Spare(NamedTuple):
    """A keeper that waits for its command."""

    pid: int
    line: socket.socket
    report: int
    """Read end of the pipe on which it tells the outcome."""


class Supervisor:
    """Serves one workspace over its control socket."""

    def __init__(self, config: Spec, control: socket.socket) -> None:
        self.config = config
        self.control = control
        self.poller = select.poll()
        self.poller.register(control.fileno(), select.POLLIN)
        self.running: dict[int, tuple[int, int, int]] = {}
        """pidfd -> (id, pid of the keeper, read end of its report)."""
        self.spare: Spare | None = None

    def serve(self) -> None:
        """Work until the other side of the socket is closed, then end every guest."""
        self._say({"event": "ready", "pid": os.getpid()})
        ending = False
        while self.running or not ending:
            wanting = self.spare is None and not ending
            # Beside a command that has just begun, a fork would only slow it down.
            events = self.poller.poll(BREATH_MS if self.running else 0) if wanting else self.poller.poll()
            if wanting and not events:
                self.spare = self._make_spare()
            for number, _ in events:
                if number in self.running:
                    self._ended(number, tell=not ending)
                elif not ending and not self._request():
                    ending = True
                    self.poller.unregister(self.control.fileno())
                    for _, pid, _ in self.running.values():
                        self._kill(pid)
                    if self.spare is not None:
                        self.spare.line.close()

    def _request(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self.control, 65536, 4)
        if not data:
            return False
        message = json.loads(data)
        if message["op"] == "run":
            self._run(message["id"], descriptors)
        elif message["op"] == "kill":
            for number, pid, _ in self.running.values():
                if number == message["id"]:
                    self._kill(pid)
        elif message["op"] == "connect":
            self._say({"event": "answer", "id": message["id"], "ok": _answers(message["port"])})
        return True

    def _make_spare(self) -> Spare:
        """Fork the keeper of the next command ahead of it: its namespaces are set up while nobody waits."""
        read, write = os.pipe()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = fork_into_pid_namespace() if self.config["namespaces"] else os.fork()
        if pid == 0:
            Keeper(self.config, theirs, write).run()
        theirs.close()
        os.close(write)
        return Spare(pid, ours, read)

    def _run(self, number: int, descriptors: list[int]) -> None:
        spare, self.spare = self.spare or self._make_spare(), None
        with contextlib.suppress(BrokenPipeError):  # it died; its end is reported as any other's
            socket.send_fds(spare.line, [b"run"], descriptors)
        spare.line.close()
        for descriptor in descriptors:
            os.close(descriptor)
        pidfd = os.pidfd_open(spare.pid)
        self.running[pidfd] = (number, spare.pid, spare.report)
        self.poller.register(pidfd, select.POLLIN)

    def _kill(self, pid: int) -> None:
        # A keeper that is PID 1 takes its namespace with it; without one it must be alive to hunt its descendants.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL if self.config["namespaces"] else signal.SIGTERM)

    def _ended(self, pidfd: int, *, tell: bool) -> None:
        number, pid, report = self.running.pop(pidfd)
        self.poller.unregister(pidfd)
        os.close(pidfd)
        os.waitpid(pid, 0)
        text = os.read(report, 65536)
        os.close(report)
        outcome = json.loads(text) if text else {"code": 128 + signal.SIGKILL, "stopped_by": "", "problem": ""}
        if not self.config["namespaces"]:
            self._end_strays()
        if tell:
            self._say({"event": "ended", "id": number, **outcome})

    def _end_strays(self) -> None:
        """Kill what a keeper that died unexpectedly left behind; without a PID namespace it became our child.

        A living keeper's own children never do: it is their subreaper. So only children of ours that are no keepers
        are strays, and what hangs below them.
        """
        keepers = {keeper for _, keeper, _ in self.running.values()} | ({self.spare.pid} if self.spare else set())
        while strays := [pid for pid in descendants(os.getpid(), but=keepers) if not is_zombie(pid)]:
            for pid in strays:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)

    def _say(self, message: Spec) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # Sixfold is gone; the next receive ends us
            self.control.send(json.dumps(message).encode())


def _answers(port: int) -> bool:
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with contextlib.suppress(OSError), socket.socket(family) as probe:
            probe.settimeout(1.0)
            probe.connect((address, port))
            return True
    return False


def main() -> None:
    """Read the configuration from the first argument and serve."""
    config = json.loads(sys.argv[2])
    check(prctl(PR_SET_DUMPABLE, 0), "dumpable")
    forget_keys()
    control = socket.socket(fileno=config["control"])
    control.set_inheritable(False)
    if config["confine"] == "sandlock":
        sys.path.append(config["packages"])
        import sandlock._sdk  # type: ignore[import-untyped]  # noqa: F401  (once, before the first fork and before the files are out of sight)

        if config["namespaces"]:
            enter_namespaces(config)
        else:
            signal.signal(signal.SIGTERM, lambda *_: control.shutdown(socket.SHUT_RDWR))
            check(prctl(PR_SET_PDEATHSIG, signal.SIGTERM), "pdeathsig")
            check(prctl(PR_SET_CHILD_SUBREAPER, 1), "subreaper")
    # Whatever is worked out now is not worked out again in every keeper and guest.
    bounding_set()
    filter_steps(metadata=config["confine"] == "sandlock" and not config["namespaces"])
    gc.collect()
    gc.freeze()
    gc.disable()
    Supervisor(config, control).serve()
