"""`sixfold` commands in forks of a process that has loaded everything: each does all it always does but load.

Loading takes seconds, once a command; a test of a whole run gives ten. What the loading itself does is tested elsewhere
(`interfaces/test_command_line.py`, `workflow/test_replay.py`), by commands started from nothing. Run as a program, this
is the process that loads and forks: a job and its three streams come over the socket whose descriptor is the argument.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

JOB_BYTES = 1 << 20
LOADED = (
    "interfaces.cli.app",
    "wiring",
    "pipeline",
    "workflow.dbos_engine",
    "workflow.drive",
    "layers.models.command",
    "layers.models.routing",
    "layers.planning.retrieval.index",
    "layers.refinement.git",
    "layers.testing.environments",
    "layers.testing.sandbox",
    "layers.testing.scanners.bandit",
    "layers.testing.scanners.ruff",
    "evaluation.runner",
)
"""What commands that drive runs load, most of it late."""


def sixfold(
    words: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: str = "", timeout: float = 240
) -> subprocess.CompletedProcess[str]:
    """What `subprocess.run([sys.executable, "-m", "sixfold", *words], …)` gives, sooner.

    Raises:
        subprocess.TimeoutExpired: the command took longer, or something it left behind held its output open; it was
            killed.
    """
    line, _ = _loaded()
    with tempfile.TemporaryFile() as given:
        given.write(stdin.encode())
        given.seek(0)
        said, told = os.pipe(), os.pipe()
        job = json.dumps({"words": list(map(str, words)), "cwd": str(cwd), "env": dict(env)}).encode()
        socket.send_fds(line, [job], [given.fileno(), said[1], told[1]])
    os.close(said[1])
    os.close(told[1])
    process = int(line.recv(64))
    try:
        output, errors = _read([said[0], told[0]], timeout)
    except TimeoutError:
        os.kill(process, signal.SIGKILL)
        raise subprocess.TimeoutExpired(list(words), timeout) from None
    finally:
        code = int(line.recv(64))
    return subprocess.CompletedProcess(list(words), code, output, errors)


def _read(pipes: Sequence[int], timeout: float) -> list[str]:
    """All that comes out of the pipes; closes them."""
    texts = dict.fromkeys(pipes, b"")
    deadline = time.monotonic() + timeout
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        try:
            while selector.get_map():
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise TimeoutError
                for key, _ in ready:
                    chunk = os.read(key.fd, 1 << 16)
                    texts[key.fd] += chunk
                    if not chunk:
                        selector.unregister(key.fd)
        finally:
            for pipe in pipes:
                os.close(pipe)
    return [text.decode().replace("\r\n", "\n") for text in texts.values()]


@functools.cache
def _loaded() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """The line to the process that has loaded everything; it ends with us."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, JOB_BYTES)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, __file__, str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    theirs.close()
    atexit.register(_end, ours, process)
    return ours, process


def _end(line: socket.socket, process: subprocess.Popen[bytes]) -> None:
    line.close()
    process.wait()


def serve(line: socket.socket) -> None:
    """Fork once for every job: tell its process id, then its exit code as `subprocess` has it."""
    for name in LOADED:
        importlib.import_module(f"sixfold.{name}")
    gc.collect()
    gc.freeze()
    while True:
        message, streams, _, _ = socket.recv_fds(line, JOB_BYTES, 3)
        if not message:
            return
        process = os.fork()
        if not process:
            line.close()
            _become(json.loads(message), streams)
        for stream in streams:
            os.close(stream)
        line.send(str(process).encode())
        line.send(str(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])).encode())


def _become(job: dict[str, Any], streams: Sequence[int]) -> NoReturn:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["env"])
    time.tzset()
    sys.argv[:] = ["sixfold", *job["words"]]
    from sixfold.__main__ import main

    sys.exit(main())


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
