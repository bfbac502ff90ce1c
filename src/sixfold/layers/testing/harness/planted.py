"""Runs suites once for every planted fault, each run in a fork of one warm interpreter and on a copy of its own.

A suite takes a tenth of a second to run and half a second to start; forks of a process that has loaded pytest start at
once. The last trials plant nothing and go to every suite that noticed something, side by side as the others were: only
a suite that passes then was right, and a trial that spoilt the ground for others is found out; then all is tried again,
one after another. A suite that noticed next to nothing is asked again alone, so that a busy machine is not taken for a
test that can fail. What a run leaves behind is killed before the next begins. Product code runs in the forks alone; the
verdict is the exit status that the kernel gives to their parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

from sixfold.layers.testing.harness.channel import print_result
from sixfold.layers.testing.harness.supervisor import PR_SET_DUMPABLE, close_memory

PR_SET_CHILD_SUBREAPER = 36
RUN_BYTES = 2 << 30
EXAMPLES = 25
"""Examples a property gets under a fault."""
DOUBTFUL = 2
"""Faults up to which a suite's noticing may be chance."""
LEFT_OUT = (".git", ".sixfold", "__pycache__", "node_modules", ".venv")


def main(job: dict[str, Any], folder: str) -> None:
    """Run the job's trials in a process that sees the same variables as a suite, and print the sealed result."""
    nonce = job.pop("nonce")
    close_memory()
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "COV_"))}
    environ.pop("CI", None)
    environ |= {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "COLUMNS": "120"}
    reading, writing = os.pipe()
    words = (sys.executable, "-s", os.path.join(folder, "sixfold_planted.py"), str(writing))
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, env=environ, pass_fds=(writing,), start_new_session=True
    ) as warm:
        os.close(writing)
        if warm.stdin is None:
            raise ChildProcessError("the warm process was started without input")
        warm.stdin.write(json.dumps(job).encode())
        warm.stdin.close()
        with open(reading, "rb") as results:
            text = results.read()
    print_result(json.loads(text) if text else None, nonce)


def warm_up(results: int) -> None:
    """Load pytest, share the trials out among forks, and run the last control when they are done."""
    job = json.loads(sys.stdin.buffer.read())
    os.set_inheritable(results, False)
    _hide()
    folder = os.path.dirname(os.path.abspath(__file__))
    judge, _ = (importlib.import_module(name) for name in ("sixfold_suite", "sixfold_plugin"))
    judge.settle_hypothesis([f"{job['folder']}/{path}" for suite in job["suites"] for path in suite["paths"]], EXAMPLES)
    for name in importlib.import_module("_pytest.config").default_plugins:
        importlib.import_module(f"_pytest.{name}")
    sys.path.remove(folder)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    found, failing = _tried(folder, job)
    if failing and job["workers"] > 1:
        found, failing = _tried(folder, {**job, "workers": 1, "wall_s": job["wall_s"] / 2})
    os.write(results, json.dumps({"trials": found, "failing": failing}).encode())


def _tried(folder: str, job: dict[str, Any]) -> tuple[list[tuple[int, list[int]]], list[int]]:
    """Trials by number, each with the statuses of its suites, and the suites that fail without a fault, too."""
    deadline = time.monotonic() + job["wall_s"]
    trials = [(number, fault, job) for number, fault in enumerate(job["faults"])]
    found = {number: codes for number, codes, _ in _shared_out(folder, trials, job, deadline)}
    noticing = [suite for suite in range(len(job["suites"])) if _noticed_by(suite, found)]
    controls = [(suite, None, {**job, "suites": [job["suites"][suite]]}) for suite in noticing]
    # The product's own tests may share a port or a file: they are asked twice at the same time.
    controls += [one for one in controls if job["workers"] > 1 and not job["suites"][one[0]]["isolated"]]
    control = _shared_out(folder, sorted(controls, key=lambda one: one[0]), job, None)
    failing = [suite for suite, codes, _ in control if codes[-1]]
    if failing:
        return list(found.items()), failing
    took_s = {suite: took_s for suite, _, took_s in control}
    for number, codes in list(found.items()):
        suite = len(codes) - 1
        if codes[-1] < 0 and took_s[suite] > job["suites"][suite]["test_s"] / 3:
            del found[number]  # it was out of time, and so would nearly have been a suite without a fault
    for number in _doubtful(job, noticing, found):
        first = len(found[number]) - 1
        alone = [(number, job["faults"][number], {**job, "suites": job["suites"][first:]})]
        for _, codes, _ in _shared_out(folder, alone, {**job, "workers": 1}, None):
            found[number] = [*found[number][:first], *codes]
    return list(found.items()), []


def _doubtful(job: dict[str, Any], noticing: list[int], found: dict[int, list[int]]) -> list[int]:
    """Faults whose noticing decides whether tests can fail at all: the few of the product's own suite, or of all."""
    by_suite = {suite: _noticed_by(suite, found) for suite in noticing}
    few = min(DOUBTFUL, len(found) - 1)
    if sum(map(len, by_suite.values())) <= few:
        return [number for numbers in by_suite.values() for number in numbers]
    own = [numbers for suite, numbers in by_suite.items() if not job["suites"][suite]["isolated"]]
    return [number for numbers in own if len(numbers) <= few for number in numbers]


def _noticed_by(suite: int, found: dict[int, list[int]]) -> list[int]:
    return [number for number, codes in found.items() if codes[-1] and len(codes) - 1 == suite]


def _shared_out(
    folder: str, trials: list[tuple[int, Any, dict[str, Any]]], job: dict[str, Any], deadline: float | None
) -> list[tuple[int, list[int], float]]:
    """Do (number, fault, job) trials in some forks side by side; each number with its suites' statuses and seconds."""
    workers = {}
    for first in range(min(job["workers"], len(trials))):
        told = os.memfd_create("results", os.MFD_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            _work(folder, trials[first :: job["workers"]], told, deadline)
        workers[pid] = told
    found: list[tuple[int, list[int], float]] = []
    for pid, told in workers.items():
        os.waitpid(pid, 0)
        with open(told, "rb") as file:
            file.seek(0)
            found += [(number, codes, took_s) for number, codes, took_s in map(json.loads, file)]
    return found


def _hide() -> None:
    """Close this process's memory to its forks, where that leaves it able to open files (sandlock reads its guests)."""
    close_memory()
    try:
        with open(__file__, "rb"):
            pass
    except OSError:
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


def _work(folder: str, trials: list[tuple[int, Any, dict[str, Any]]], results: int, deadline: float | None) -> None:
    """Do some trials, one after another; each result is written as soon as it is there. Does not return."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number, fault, job in trials:
        if deadline is not None and time.monotonic() > deadline:
            break
        began = time.monotonic()
        codes = _trial(job, folder, fault)
        os.write(results, json.dumps([number, codes, time.monotonic() - began]).encode() + b"\n")
    os._exit(0)


def _trial(job: dict[str, Any], folder: str, fault: Any) -> list[int]:
    """Exit statuses of the suites, up to the first that noticed."""
    codes: list[int] = []
    place = tempfile.mkdtemp(prefix="planted-")
    try:
        copy = os.path.join(place, os.path.basename(job["folder"]))
        shutil.copytree(job["folder"], copy, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
        if fault is not None:
            _plant(copy, fault)
        for suite in job["suites"]:
            codes.append(_run(_nearest_first(suite, fault), folder, job["folder"], copy, suite["run_s"]))
            if codes[-1]:
                break
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return codes


def _nearest_first(suite: dict[str, Any], fault: Any) -> dict[str, Any]:
    """The suite with the test files named after the changed module in front: they notice soonest."""
    if fault is None:
        return suite
    stem = os.path.splitext(os.path.basename(fault["path"]))[0].strip("_")
    return {**suite, "paths": sorted(suite["paths"], key=lambda path: stem not in os.path.basename(path))}


def _plant(copy: str, fault: dict[str, str]) -> None:
    path = os.path.join(copy, fault["path"])
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # a link is replaced, not followed
    with open(path, "w", encoding="utf-8") as file:
        file.write(fault["content"])


def _run(suite: dict[str, Any], folder: str, original: str, copy: str, run_s: float) -> int:
    pid = os.fork()
    if pid == 0:
        _be_suite(suite, folder, original, copy)
    pidfd = os.pidfd_open(pid)
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    poller.poll(run_s * 1000)
    os.close(pidfd)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    _end_orphans()
    return status


def _be_suite(suite: dict[str, Any], folder: str, original: str, copy: str) -> None:
    """The life of one fork: pytest on the copy. Does not return."""
    code = 1
    try:
        os.setsid()
        os.closerange(3, 256)
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # a process as any other again
        resource.setrlimit(resource.RLIMIT_AS, (RUN_BYTES, RUN_BYTES))  # a fault that eats memory ends its own run only
        os.chdir(copy)
        temporary = os.path.join(os.path.dirname(copy), "tmp")
        os.makedirs(temporary, exist_ok=True)
        os.environ["TMPDIR"] = tempfile.tempdir = temporary
        path = [os.path.join(original if name.startswith(LEFT_OUT) else copy, name) for name in suite["path"]]
        suite = {**suite, "path": path, "stop_early": True}
        plugins: list[Any] = [Trial(suite["test_s"])]
        if suite["isolated"]:
            product = {"entries": suite["entries"], "folder": copy, "path": path}
            os.environ["SIXFOLD_PRODUCT"] = json.dumps(product)
            sys.path.append(folder)
            plugins.append(sys.modules["sixfold_plugin"])
        judge: Any = sys.modules["sixfold_suite"]
        code = int(judge.pytest.main(judge.arguments(suite), plugins=plugins))
    finally:
        os._exit(code)


class Trial:
    """The pytest plugin that knows the marks of the harness and that a trial shall be short."""

    def __init__(self, test_s: float) -> None:
        self._test_s = test_s

    def pytest_configure(self, config: Any) -> None:
        """Declare them."""
        config.addinivalue_line("markers", "req(*ids): requirement ids this test gives evidence for")
        config.addinivalue_line("markers", "security(cwe): weakness this test attacks")

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A fault that makes one test hang is noticed then, and not when the whole suite's time is over."""
        signal.setitimer(signal.ITIMER_REAL, self._test_s)

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Properties come last: they cost a hundred examples, and mostly a plain test notices first."""
        items.sort(key=lambda item: hasattr(getattr(item, "obj", None), "is_hypothesis_test"))


def _end_orphans() -> None:
    """Kill what a run left: orphans became our children, because we are their subreaper."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return
        for pid in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)


def _children() -> list[int]:
    found, me = [], str(os.getpid())
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
                if file.read().rpartition(")")[2].split()[1] == me:
                    found.append(int(name))
    return found


if __name__ == "__main__":
    warm_up(int(sys.argv[1]))
