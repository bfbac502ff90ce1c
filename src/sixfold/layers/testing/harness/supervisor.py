"""Watches a pytest process from outside it: the product's code never runs in this process.

The child streams signed records (see `channel`); this process bounds its output, its time and its silence, checks that
the story is complete, and prints one signed line for the host. A child that dies, exits early, forges a record or
reports tests it did not run gives a problem, never a pass.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

from sixfold.layers.testing.harness.channel import Opener, print_result
from sixfold.layers.testing.harness.listing import is_test_file, list_tests

OUTPUT_TAIL_BYTES = 64 << 10
PR_SET_DUMPABLE = 4


def main(job: dict[str, Any], folder: str) -> None:
    """Run the job's suite and print the sealed result."""
    nonce = job.pop("nonce")
    close_memory()
    if job["pinned"] is None and job["pin_all"]:
        job["pinned"] = _standing_tests(job["paths"])
    watched = _watch(job, folder)
    print_result({**watched, "pinned": job["pinned"], "temporary": tempfile.gettempdir()}, nonce)


def close_memory() -> None:
    """Keep other processes of the same user out of this one's memory (Linux)."""
    # A process of the same user could otherwise read our nonce through /proc/PID/mem or attach a debugger.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def _standing_tests(paths: list[str]) -> list[str]:
    files: dict[str, bytes] = {}
    for start in paths or ["."]:
        names = [start] if os.path.isfile(start) else sorted(_walk(start))
        for name in names:
            path = os.path.relpath(name).replace(os.sep, "/")
            with open(name, "rb") as file:
                files[path] = file.read()
    return list(list_tests(files))


def _walk(start: str) -> list[str]:
    found = []
    for folder, folders, names in os.walk(start):
        # The folders pytest does not enter by default.
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and name not in ("build", "dist", "node_modules", "venv", "_darcs", "CVS")
        ]
        found += [os.path.join(folder, name) for name in names if is_test_file(name)]
    return found


def _watch(job: dict[str, Any], folder: str) -> dict[str, Any]:
    key = secrets.token_bytes(32)
    place = _apart(job.get("files"))
    reading, writing = os.pipe()
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "COV_"))}
    environ.pop("CI", None)  # pytest cuts its messages differently there
    environ |= {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "COLUMNS": "120"}
    environ |= job["env"]
    child = subprocess.Popen(
        (sys.executable, "-s", os.path.join(folder, "sixfold_suite.py")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environ,
        cwd=place,
        pass_fds=(writing,),
        start_new_session=True,
    )
    os.close(writing)
    if child.stdin is None or child.stdout is None:
        raise ChildProcessError("the test process was started without pipes")
    child.stdin.write(json.dumps({**job, "key": key.hex(), "descriptor": writing}).encode())
    child.stdin.close()
    opener, records = Opener(key), []
    tail, stopped = b"", ""
    now = time.monotonic()
    deadline, last_sign = now + job["wall_s"], now
    with selectors.DefaultSelector() as selector:
        selector.register(reading, selectors.EVENT_READ)
        selector.register(child.stdout, selectors.EVENT_READ)
        while not stopped:
            now = time.monotonic()
            limit = min(deadline, last_sign + job["silence_s"]) if job["silence_s"] else deadline
            if now >= limit:
                stopped = "wall" if limit == deadline else "silence"
                break
            ready = selector.select(min(limit - now, 0.2))
            for entry, _ in ready:
                last_sign = time.monotonic()
                chunk = os.read(entry.fd, 1 << 16)
                if not chunk:
                    selector.unregister(entry.fileobj)
                elif entry.fd == reading:
                    records += opener.feed(chunk)
                else:
                    tail = (tail + chunk)[-OUTPUT_TAIL_BYTES:]
            if not ready and child.poll() is not None:
                break  # descendants may keep the pipes open; what the child itself had to say is read
            if not selector.get_map():
                break
    if child.poll() is None and not stopped:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            stopped = "wall"
    _end(child)
    os.close(reading)
    return {
        "records": records,
        "forged": opener.forged,
        "exit": child.returncode,
        "stopped": stopped,
        "output": tail.decode(errors="replace"),
    }


def _apart(files: dict[str, str] | None) -> str | None:
    """A folder of their own for tests the product may not see; they are gone from it once they are collected."""
    if files is None:
        return None
    place = tempfile.mkdtemp(prefix="blind-")
    for path, text in files.items():
        target = os.path.join(place, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)
    return place


def _end(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
