"""Runs many small Python programs in forks of one warm interpreter. Runs inside the sandbox, as a guest.

Runs as a program, standard library only. Reads one JSON object from standard input (`sources`, `prelude`, limits) and
prints one JSON line a source. The prelude runs once; each source then runs as `__main__` in a fork of its own, which
leaves no trace in the next: its memory is a copy, what it started is killed, and, where the kernel has Landlock, it can
neither write files, nor signal, nor trace anything outside itself. Where the batch asks for it (`scratch`), each may
write in a temporary folder of its own, which goes with it. Without Landlock inputs of one batch share files;
below sandlock, which opens files for its guests, an input can read (not write) the memory of its worker.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import types
from typing import Any

LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446  # the same numbers on every architecture
WRITES_BY_ABI = {1: 0x1FF2, 2: 0x3FF2, 3: 0x7FF2, 4: 0x7FF2, 5: 0xFFF2}
"""Every right to change the file system that an ABI knows: write, remove, make, refer, truncate, device control."""

libc = ctypes.CDLL(None, use_errno=True)


class Ruleset(ctypes.Structure):
    """`struct landlock_ruleset_attr`."""

    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class PathRule(ctypes.Structure):
    """`struct landlock_path_beneath_attr`."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def landlock(scratch: str = "") -> int:
    """A ruleset that forbids every signal to the outside and every write; -1 where there is none.

    Args:
        scratch: a folder below which everything is allowed, besides writing to /dev/null.
    """
    if sys.platform != "linux":
        return -1
    abi = libc.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if abi < 1:
        return -1
    writes = WRITES_BY_ABI[min(abi, max(WRITES_BY_ABI))]
    rules = Ruleset(files=writes, network=0, scoped=3 if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = libc.syscall(LANDLOCK_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    if ruleset >= 0:
        for place, allowed in (("/dev/null", writes & 0x4002), (scratch, writes)):
            with contextlib.suppress(OSError):
                there = os.open(place, os.O_PATH | os.O_CLOEXEC)
                rule = PathRule(allowed=allowed, folder=there)
                libc.syscall(LANDLOCK_ADD, ruleset, ctypes.c_int(1), ctypes.byref(rule), ctypes.c_uint32(0))
                os.close(there)
    return int(ruleset)


def run_source(source: str, number: int) -> int:
    """Run a source as the main program and return the exit code Python would have had."""
    main = types.ModuleType("__main__")
    main.__dict__["__file__"] = f"<input {number}>"
    sys.modules["__main__"] = main
    sys.argv = [f"<input {number}>"]
    code = 0
    try:
        exec(compile(source, f"<input {number}>", "exec"), main.__dict__)  # noqa: S102  (the purpose; inside the sandbox)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        if code == 1 and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
    except BaseException:  # whatever the program raised is its result
        traceback.print_exc()
        code = 1
    with contextlib.suppress(Exception):  # a program may have closed or replaced its streams
        sys.stdout.flush()
        sys.stderr.flush()
    return code & 0xFF


def be_input(source: str, number: int, wanted: dict[str, Any], out: int, err: int, ruleset: int, scratch: str) -> None:
    """The life of one fork. Does not return."""
    os.setsid()
    if scratch:
        os.environ["TMPDIR"] = tempfile.tempdir = scratch
    os.dup2(out, 1)
    os.dup2(err, 2)
    if ruleset >= 0:
        libc.syscall(LANDLOCK_RESTRICT, ruleset, ctypes.c_uint32(0))
    os.closerange(3, 64)
    cpu_s = max(1, int(wanted["cpu_s"] + 0.999))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_AS, (wanted["memory_bytes"],) * 2)
    # Memory files count as files: the limit is what may be printed, and, without Landlock, written.
    resource.setrlimit(resource.RLIMIT_FSIZE, (wanted["output_bytes"],) * 2)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    os._exit(run_source(source, number))


def run_one(source: str, number: int, wanted: dict[str, Any], ruleset: int) -> dict[str, Any]:
    """Fork, wait, kill what is left, and tell what happened."""
    out, err = nameless_file(), nameless_file()
    scratch = tempfile.mkdtemp() if wanted["scratch"] else ""
    own = landlock(scratch) if scratch else ruleset
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        be_input(source, number, wanted, out, err, own, scratch)
    stopped_by = "" if ends_within(pid, wanted["wall_s"]) else "wall"
    if stopped_by:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    wall_s = time.monotonic() - began
    end_orphans(pid)
    if scratch:
        shutil.rmtree(scratch, ignore_errors=True)
        if own >= 0:
            os.close(own)
    if not stopped_by:
        stopped_by = {-signal.SIGXCPU: "cpu", -signal.SIGXFSZ: "output"}.get(code, "")
    result = {"n": number, "code": 128 - code if code < 0 else code, "stopped_by": stopped_by, "wall_s": wall_s}
    for name, file in (("out", out), ("err", err)):
        result[name] = os.pread(file, wanted["output_bytes"], 0).decode(errors="replace")
        os.close(file)
    return result


def nameless_file() -> int:
    """A file that only its descriptor leads to."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("batch", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def ends_within(pid: int, wall_s: float) -> bool:
    """Wait for a child's end without collecting it; False when time is up."""
    if hasattr(os, "pidfd_open"):
        pidfd = os.pidfd_open(pid)
        poller = select.poll()
        poller.register(pidfd, select.POLLIN)
        ended = bool(poller.poll(wall_s * 1000))
        os.close(pidfd)
        return ended
    deadline = time.monotonic() + wall_s
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def end_orphans(group: int) -> None:
    """Kill what an input left running; orphans became our children, because we are their subreaper."""
    while True:
        try:
            ended = os.waitpid(-1, os.WNOHANG)[0]
        except ChildProcessError:
            return
        if ended:
            continue
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        for pid in children():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def children() -> list[int]:
    """Our living children, by the kernel's own list, or by looking at everybody where it keeps none."""
    with contextlib.suppress(FileNotFoundError), open("/proc/thread-self/children") as file:
        return [int(pid) for pid in file.read().split()]
    found, me = [], str(os.getpid())
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
                if file.read().rpartition(")")[2].split()[1] == me:
                    found.append(int(name))
    return found


def work(share: list[int], wanted: dict[str, Any], results: int) -> None:
    """Run a share of the inputs, one after another, each result written as soon as it is there. Does not return."""
    if sys.platform == "linux":
        libc.prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    ruleset = landlock()
    for number in share:
        line = json.dumps(run_one(wanted["sources"][number], number, wanted, ruleset)) + "\n"
        os.write(results, line.encode())
    os._exit(0)


def main() -> None:
    """Read the batch, warm up, share out, print."""
    wanted = json.loads(sys.stdin.buffer.read())
    if not wanted["dumpable"]:
        libc.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: inputs cannot open, trace or read us
    exec(compile(wanted["prelude"], "<prelude>", "exec"), {"__name__": "prelude"})  # noqa: S102
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    gc.collect()
    gc.freeze()
    shares = [list(range(first, len(wanted["sources"]), wanted["workers"])) for first in range(wanted["workers"])]
    running: dict[int, tuple[list[int], int]] = {}
    pending = [share for share in shares if share]
    done: list[bytes] = []
    while pending or running:
        while pending:
            share, results = pending.pop(), nameless_file()
            pid = os.fork()
            if pid == 0:
                work(share, wanted, results)
            running[pid] = (share, results)
        pid, _ = os.wait()
        if pid not in running:
            continue
        share, results = running.pop(pid)
        text = read_all(results)
        lines = text[: text.rfind(b"\n") + 1].splitlines()
        done += lines
        if rest := share[len(lines) :]:
            # An input ended its worker, possible without Landlock: it gets the blame, the others another worker.
            line = {
                "n": rest[0],
                "code": 137,
                "stopped_by": "",
                "wall_s": 0.0,
                "out": "",
                "err": "ended its batch worker",
            }
            done.append(json.dumps(line).encode())
            pending += [rest[1:]] if rest[1:] else []
    sys.stdout.buffer.write(b"\n".join(done))


def read_all(file: int) -> bytes:
    """Everything in a memory file; closes it."""
    with open(file, "rb") as stream:
        stream.seek(0)
        return stream.read()


if __name__ == "__main__":
    main()
