"""The keeper: PID 1 beside one guest. Starts it, watches it, and ends everything it started."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import socket
import time
from collections.abc import Collection

from .filters import refuse_calls
from .guest import await_command
from .kernel import (
    GUEST_UID,
    PAGE_BYTES,
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    Spec,
    check,
    drop_bounding_set,
    drop_capabilities,
    own_proc,
    prctl,
    set_limits,
)


def descendants(root: int, *, but: Collection[int] = ()) -> list[int]:
    """Process ids below `root`, by parent links in /proc; those named and all below them left out."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):  # gone meanwhile
                with open(f"/proc/{name}/stat", "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    queue = list(children.get(root, ()))
    while queue:
        pid = queue.pop()
        if pid in but:
            continue
        found.append(pid)
        queue += children.get(pid, ())
    return found


def resident_bytes(pids: list[int], *, shared_once: bool) -> int:
    """Memory the processes hold in RAM; `shared_once` counts shared pages once, which costs more."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):  # gone meanwhile
            with open(f"/proc/{pid}/statm", "rb") as file:
                resident = int(file.read().split()[1]) * PAGE_BYTES
            if shared_once:
                with contextlib.suppress(OSError):  # not ours to read: its whole resident set counts
                    with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
                        shares = [line.split()[1] for line in file if line.startswith((b"Pss:", b"SwapPss:"))]
                    resident = sum(int(share) for share in shares) * 1024
            total += resident
    return total


def disk_bytes(folders: list[str], most_bytes: int) -> int:
    """Disk used below the folders; stops counting once past `most_bytes`."""
    total, queue = 0, list(folders)
    while queue and total <= most_bytes:
        # Folders may be removed or closed to us meanwhile.
        with contextlib.suppress(OSError), os.scandir(queue.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    facts = entry.stat(follow_symlinks=False)
                    total += facts.st_blocks * 512 + 512  # an empty file costs an inode
                    if entry.is_dir(follow_symlinks=False):
                        queue.append(entry.path)
    return total


class Keeper:
    """Starts one guest, watches it, and ends everything the guest started.

    Made before its command is known, so that its namespaces and its guest stand ready when the command comes. It serves
    one command and ends: nothing but files passes from one command to the next.
    """

    def __init__(self, config: Spec, line: socket.socket, report: int) -> None:
        """Take over the forked process.

        Args:
            config: the workspace.
            line: brings the one command; its end of file ends us.
            report: pipe for the outcome.
        """
        self.config = config
        self.line = line
        self.report = report
        self.spec: Spec = {}
        self.stop = False

    def run(self) -> None:
        """Wait for the command, run it to its end and write the outcome to the report pipe. Does not return."""
        outcome: Spec = {"code": 1, "stopped_by": "", "problem": "", "cpu_s": 0.0}
        problem, guest = "", None
        try:
            self._enter()
            guest = self._fork_guest() if not self.config["confine"] else None
        except (OSError, RuntimeError) as error:
            problem = f"{type(error).__name__}: {error}"
        data, descriptors, _, _ = socket.recv_fds(self.line, 64, 4)
        if not data:
            os._exit(0)
        try:
            if problem:
                raise RuntimeError(problem)
            outcome |= self._watch(self._start(guest, descriptors))
        except (OSError, RuntimeError, ValueError, ImportError) as error:
            outcome["problem"] = f"{type(error).__name__}: {error}"
        if not self.config["namespaces"]:
            self._end_descendants()
        os.write(self.report, json.dumps(outcome).encode())
        os._exit(0)

    def _enter(self) -> None:
        signal.signal(signal.SIGTERM, self._on_term if not self.config["namespaces"] else signal.SIG_DFL)
        check(prctl(PR_SET_PDEATHSIG, signal.SIGKILL if self.config["namespaces"] else signal.SIGTERM), "pdeathsig")
        # sandlock fetches a descriptor from its child, which must be dumpable; Landlock keeps the guest off us then.
        check(prctl(PR_SET_DUMPABLE, int(self.config["confine"] == "sandlock")), "dumpable")
        os.setsid()
        line, report = os.dup(self.line.fileno()), os.dup(self.report)
        self.line.detach()
        os.dup2(line, 3, inheritable=False)
        os.dup2(report, 4, inheritable=False)
        os.closerange(5, 4096)
        self.line, self.report = socket.socket(fileno=3), 4
        if self.config["namespaces"]:
            own_proc()
        else:
            check(prctl(PR_SET_CHILD_SUBREAPER, 1), "subreaper")

    def _on_term(self, *_: object) -> None:
        self.stop = True

    def _fork_guest(self) -> tuple[int, socket.socket]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            ours.close()
            self.line.close()
            os.close(self.report)
            await_command(theirs, self.config.get("guest_uid", GUEST_UID))
        theirs.close()
        return pid, ours

    def _start(self, guest: tuple[int, socket.socket] | None, descriptors: list[int]) -> int:
        if guest is not None:
            pid, line = guest
            with contextlib.suppress(BrokenPipeError):  # it has ended, as its exit code tells
                socket.send_fds(line, [b"run"], descriptors)
            line.close()
        *streams, command = descriptors
        self.spec = json.loads(os.pread(command, os.fstat(command).st_size, 0))
        if guest is None:
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
            os.closerange(5, 4096)
            return self._start_sandlock()
        for descriptor in descriptors:
            os.close(descriptor)
        return pid

    def _start_sandlock(self) -> int:
        # Imported by `main` before the first fork; here it is only looked up.
        from sandlock import Protection, Sandbox  # type: ignore[import-untyped,unused-ignore]

        spec, config = self.spec, self.config
        os.chdir(spec["cwd"] if os.path.isdir(spec["cwd"]) else config["folder"])
        os.umask(0o022)
        set_limits(spec | {"processes": 1 << 16, "cpu_s": 10 * 365 * 86400}, direct=False)
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))  # sandlock holds some for every process it watches
        check(prctl(PR_SET_NO_NEW_PRIVS, 1), "no_new_privs")
        drop_bounding_set()
        drop_capabilities()
        refuse_calls(metadata=not config["namespaces"])
        loopback = config["network"]
        lenient = [Protection.SIGNAL_SCOPE, Protection.ABSTRACT_UNIX_SOCKET_SCOPE] if config["namespaces"] else []
        self.guest = Sandbox(
            name=f"sandbox-{os.urandom(6).hex()}",  # must be unlike any other on this machine
            fs_readable=config["readable"],
            fs_writable=config["grants"],
            net_allow=["127.0.0.1:*", "[::1]:*"] if loopback else [],
            net_allow_bind=["*"] if loopback else [],
            max_memory=spec["memory_bytes"],
            max_processes=spec["processes"],
            max_open_files=1024,
            clean_env=True,
            env=spec["env"],
            cwd=spec["cwd"],
            allow_degraded=lenient,
        )
        self.process = self.guest.popen(spec["argv"])
        pid = int(self.process.pid)
        # Only now: the same limit on ourselves would end the keeper for the work of supervising.
        cpu_s = max(1, int(spec["cpu_s"] + 0.999))
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
        return pid

    def _watch(self, pid: int) -> Spec:
        pidfd = os.pidfd_open(pid)
        poller = select.poll()
        poller.register(pidfd, select.POLLIN)
        pause_ms, stopped_by = 20.0, ""
        while not poller.poll(pause_ms):
            began = time.monotonic()
            stopped_by = self._broken_limit() or ("wall" if self.stop else "")
            if stopped_by:
                break
            # Watching may take a fiftieth of one core at most.
            pause_ms = min(500.0, max(50.0, pause_ms * 1.2, 50_000 * (time.monotonic() - began)))
            self._reap_others(pid)
        if stopped_by:
            return {"code": 128 + signal.SIGKILL, "stopped_by": stopped_by}
        return self._outcome(pid)

    def _outcome(self, pid: int) -> Spec:
        if self.config["confine"] == "sandlock":
            result = self.process.wait()
            number = max(0, int(result.signal or 0))
            code = 128 + number if number else int(result.exit_code)
            if code < 0:  # sandlock ends a program that asks for more memory than it may have, and names no signal
                return {"code": 128 + signal.SIGKILL, "stopped_by": "memory"}
        else:
            _, status, _usage = os.wait4(pid, 0)
            code = os.waitstatus_to_exitcode(status)
            code = 128 - code if code < 0 else code
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = used.ru_utime + used.ru_stime
        killed_for_cpu = code == 128 + signal.SIGXCPU or (code == 137 and cpu_s >= self.spec["cpu_s"])
        return {"code": code, "stopped_by": "cpu" if killed_for_cpu else "", "cpu_s": cpu_s}

    def _guests(self) -> list[int]:
        if self.config["namespaces"]:
            return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]
        return descendants(os.getpid())

    def _broken_limit(self) -> str:
        pids, most = self._guests(), int(self.spec["memory_bytes"])
        if resident_bytes(pids, shared_once=False) > most and resident_bytes(pids, shared_once=True) > most:
            return "memory"
        if len(pids) > self.spec["processes"]:
            return "processes"
        if disk_bytes(self.config["writable"], self.spec["disk_bytes"]) > self.spec["disk_bytes"]:
            return "disk"
        return ""

    def _reap_others(self, pid: int) -> None:
        """Collect orphans that ended, leaving the guest itself to be waited for."""
        for _ in range(1000):
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None or ended.si_pid == pid:
                return
            os.waitpid(ended.si_pid, 0)

    def _end_descendants(self) -> None:
        """Kill everything below, again and again until nothing is left: orphans come back to us as their subreaper."""
        while pids := descendants(os.getpid()):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if all(is_zombie(pid) for pid in pids):
                return


def is_zombie(pid: int) -> bool:
    """Whether nothing of the process is left to kill."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except OSError:
        return True
