"""The process beside the guests: starts each command in a cage of its own and reports how it ended.

Runs as a program (`python -I -S supervisor.py CONFIG`), never imported by Sixfold, standard library only. Inside
bubblewrap it is PID 1 of the sandbox and its capabilities hold in the sandbox's user namespace alone; for sandlock it
is an ordinary process that confines each guest before the guest's first instruction.

Three generations, because each has a duty the next must not reach:

    supervisor   holds the control socket; alive as long as the workspace; dies when Sixfold closes the socket or dies
    └── keeper   one per command, PID 1 of a PID namespace of its own; watches memory and disk; all below end with it
        └── guest    the command: no capability, own session, limits set, sees neither of the two above

Protocol: SOCK_SEQPACKET on the descriptor named in CONFIG, one JSON object a message. `run` comes with four
descriptors: standard input, output, error, and a memory file that holds the command. Replies carry the request's `id`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from typing import Any

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x00020000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 1 << 14, 1 << 18
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER = 1, 4, 24, 36
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
CAPABILITY_VERSION_3 = 0x20080522
GUEST_UID = 1000
PAGE_BYTES = resource.getpagesize()

libc = ctypes.CDLL(None, use_errno=True)

Spec = dict[str, Any]


def check(result: int, what: str) -> None:
    """Turn a failed system call into an OSError that names it."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def prctl(option: int, value: int = 0) -> int:
    """Call prctl with one argument; -1 on failure."""
    return int(libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)))


def drop_bounding_set() -> None:
    """Make sure that no program can bring a capability back."""
    for capability in range(64):
        if prctl(PR_CAPBSET_DROP, capability) < 0:
            break  # past the last capability this kernel knows, or not allowed, which no_new_privs makes harmless
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)


def drop_capabilities() -> None:
    """Give up every capability we hold."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    check(libc.capset(header, nothing), "capset")


def become_guest_user() -> None:
    """Change to the guest's user when we are root of our namespace: process limits count, and files are its own."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(GUEST_UID, GUEST_UID, GUEST_UID)
        os.setresuid(GUEST_UID, GUEST_UID, GUEST_UID)


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


def descendants(root: int) -> list[int]:
    """Process ids below `root`, by parent links in /proc."""
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
    """Starts one guest, watches it, and ends everything the guest started."""

    def __init__(self, config: Spec, spec: Spec, report: int) -> None:
        self.config = config
        self.spec = spec
        self.report = report
        self.stop = False

    def run(self, streams: list[int]) -> None:
        """Run the guest to its end and write the outcome to the report pipe. Does not return."""
        outcome: Spec = {"code": 1, "stopped_by": "", "problem": "", "cpu_s": 0.0}
        try:
            self._enter(streams)
            pid = self._start_sandlock() if self.config["confine"] == "sandlock" else self._start_plain()
            outcome |= self._watch(pid)
        except (OSError, RuntimeError, ValueError, ImportError) as error:
            outcome["problem"] = f"{type(error).__name__}: {error}"
        if not self.config["namespaces"]:
            self._end_descendants()
        os.write(self.report, json.dumps(outcome).encode())
        os._exit(0)

    def _enter(self, streams: list[int]) -> None:
        signal.signal(signal.SIGTERM, self._on_term if not self.config["namespaces"] else signal.SIG_DFL)
        check(prctl(PR_SET_PDEATHSIG, signal.SIGKILL if self.config["namespaces"] else signal.SIGTERM), "pdeathsig")
        # sandlock fetches a descriptor from its child, which must be dumpable; Landlock keeps the guest off us then.
        check(prctl(PR_SET_DUMPABLE, int(self.config["confine"] == "sandlock")), "dumpable")
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.dup2(self.report, 3, inheritable=False)
        self.report = 3
        os.closerange(4, 4096)
        if self.config["namespaces"]:
            own_proc()
        else:
            check(prctl(PR_SET_CHILD_SUBREAPER, 1), "subreaper")

    def _on_term(self, *_: object) -> None:
        self.stop = True

    def _start_plain(self) -> int:
        pid = os.fork()
        if pid:
            return pid
        try:
            self._become_guest()
        except BaseException as error:  # the child of a fork must never return into the keeper's code
            os.write(2, f"sandbox: {error}\n".encode(errors="replace"))
        os._exit(126)

    def _become_guest(self) -> None:
        spec = self.spec
        os.close(self.report)
        os.setsid()
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.umask(0o022)
        set_limits(spec, direct=True)
        check(prctl(PR_SET_NO_NEW_PRIVS, 1), "no_new_privs")
        drop_bounding_set()
        become_guest_user()
        drop_capabilities()
        try:
            os.chdir(spec["cwd"])
            os.execvpe(spec["argv"][0], spec["argv"], spec["env"])  # noqa: S606  (no shell is the point)
        except FileNotFoundError:
            os.write(2, f"{spec['argv'][0]}: not found\n".encode(errors="replace"))
            os._exit(127)
        except OSError as error:
            os.write(2, f"{spec['argv'][0]}: {error.strerror}\n".encode(errors="replace"))
            os._exit(126)

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
            if all(_is_zombie(pid) for pid in pids):
                return


def _is_zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except OSError:
        return True


class Supervisor:
    """Serves one workspace over its control socket."""

    def __init__(self, config: Spec, control: socket.socket) -> None:
        self.config = config
        self.control = control
        self.poller = select.poll()
        self.poller.register(control.fileno(), select.POLLIN)
        self.running: dict[int, tuple[int, int, int]] = {}
        """pidfd -> (id, pid of the keeper, read end of its report)."""
        self.pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY)

    def serve(self) -> None:
        """Work until the other side of the socket is closed, then end every guest."""
        self._say({"event": "ready", "pid": os.getpid()})
        ending = False
        while self.running or not ending:
            for number, _ in self.poller.poll():
                if number in self.running:
                    self._ended(number, tell=not ending)
                elif not ending and not self._request():
                    ending = True
                    self.poller.unregister(self.control.fileno())
                    for _, pid, _ in self.running.values():
                        self._kill(pid)

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

    def _run(self, number: int, descriptors: list[int]) -> None:
        *streams, command = descriptors
        spec = json.loads(os.pread(command, os.fstat(command).st_size, 0))
        read, write = os.pipe()
        if self.config["namespaces"]:
            check(libc.unshare(CLONE_NEWPID), "unshare PIDs")
        pid = os.fork()
        if pid == 0:
            Keeper(self.config, spec, write).run(streams)
        if self.config["namespaces"]:
            check(libc.setns(self.pid_namespace, CLONE_NEWPID), "return to our PID namespace")
        for descriptor in (*descriptors, write):
            os.close(descriptor)
        pidfd = os.pidfd_open(pid)
        self.running[pidfd] = (number, pid, read)
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
        """Kill what a keeper that died unexpectedly left behind; without a PID namespace it became our child."""
        kept = {pid for _, keeper, _ in self.running.values() for pid in (keeper, *descendants(keeper))}
        while strays := [pid for pid in descendants(os.getpid()) if pid not in kept and not _is_zombie(pid)]:
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


def loopback_up() -> None:
    """Switch on the loopback of a fresh network namespace (SIOCSIFFLAGS with IFF_UP)."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = b"lo".ljust(16, b"\0") + (1).to_bytes(2, sys.byteorder) + bytes(22)
        fcntl.ioctl(any_socket, 0x8914, request)


def enter_namespaces() -> None:
    """Leave the host's users, PIDs, network, IPC and mounts, as an ordinary user and without any help.

    Returns in a child that is PID 1 of the new namespace; the caller only waits for it, so that either's end is both's.

    Raises:
        OSError: the machine does not allow it.
    """
    uid, gid = os.geteuid(), os.getegid()
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
    loopback_up()
    own_proc()
    check(libc.mount(b"none", b"/dev/shm", b"tmpfs", MS_NOSUID | MS_NODEV, b"size=64m,mode=1777"), "mount /dev/shm")


def forget_keys() -> None:
    """Start an empty session keyring: the one we inherit may hold the person's keys, and guests would inherit it."""
    number = {"x86_64": 250, "aarch64": 219, "riscv64": 219}.get(os.uname().machine)
    if number is not None:
        libc.syscall(ctypes.c_long(number), ctypes.c_long(1), None)  # refused in a default container: none to inherit


def main() -> None:
    """Read the configuration from the first argument and serve."""
    config = json.loads(sys.argv[1])
    check(prctl(PR_SET_DUMPABLE, 0), "dumpable")
    forget_keys()
    control = socket.socket(fileno=config["control"])
    control.set_inheritable(False)
    if config["confine"] == "sandlock":
        sys.path.append(config["packages"])
        import sandlock  # noqa: F401  (once, before the first fork)

        if config["namespaces"]:
            enter_namespaces()
        else:
            signal.signal(signal.SIGTERM, lambda *_: control.shutdown(socket.SHUT_RDWR))
            check(prctl(PR_SET_PDEATHSIG, signal.SIGTERM), "pdeathsig")
            check(prctl(PR_SET_CHILD_SUBREAPER, 1), "subreaper")
    Supervisor(config, control).serve()


if __name__ == "__main__":
    main()
