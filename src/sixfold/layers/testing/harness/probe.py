"""Starts each entry of a product once, the way a user would, and says what happened. Runs inside the sandbox."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from sixfold.layers.testing.harness.channel import print_result
from sixfold.layers.testing.harness.product import Product, Running, Service, Services, lasting, processes
from sixfold.layers.testing.harness.supervisor import close_memory

PR_SET_CHILD_SUBREAPER = 36
CRASH = "Traceback (most recent call last)"
IMPORT = "import importlib, sys; print(getattr(importlib.import_module(sys.argv[1]), '__file__', None) or '')"


def main(job: dict[str, Any], folder: str) -> None:
    """Probe all entries and print the sealed list of `{name, ok, detail}`."""
    nonce = job.pop("nonce")
    close_memory()
    if sys.platform == "linux":
        # What a service leaves behind in a session of its own becomes our child then, and is seen.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    product = Product(job["folder"], job["entries"], job["path"])
    found = []
    for entry in job["entries"]:
        with tempfile.TemporaryDirectory() as data:
            try:
                detail = PROBES[entry["kind"]](product, entry, data, job)
                found.append({"name": entry["name"], "ok": True, "detail": detail})
            except (RuntimeError, OSError, LookupError) as error:
                found.append({"name": entry["name"], "ok": False, "detail": str(error)[:4000]})
    print_result(found, nonce)


def _library(product: Product, entry: Mapping[str, Any], data: str, job: Mapping[str, Any]) -> str:
    done = subprocess.run(
        (sys.executable, "-P", "-s", "-c", IMPORT, entry["module"]),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=data,
        env=product.environment(),
        timeout=30,
        check=False,
    )
    place = done.stdout.decode(errors="replace").strip().splitlines()[-1:] or [""]
    if done.returncode != 0:
        raise RuntimeError(f"import {entry['module']} failed: {done.stderr.decode(errors='replace')[-1500:]}")
    if job["installed"] and not os.path.realpath(place[0]).startswith(os.path.realpath(product.path[0]) + os.sep):
        raise RuntimeError(f"import {entry['module']} did not come from the installed place; is it packaged?")
    return "imports in a clean interpreter"


def _cli(product: Product, entry: Mapping[str, Any], data: str, job: Mapping[str, Any]) -> str:
    said = []
    for arguments in (["--help"], []):
        result = product.run(*arguments, data=data, entry=entry["name"])
        shown = " ".join(arguments) or "no arguments"
        if CRASH in result.stderr or result.exit < 0 or result.exit in (126, 127):
            raise RuntimeError(f"crashed with {shown} (exit {result.exit}): {result.stderr[-1500:]}")
        said.append(f"{shown}: exit {result.exit}")
        if result.exit == 0:
            break
    return ", ".join(said)


def _service(product: Product, entry: Mapping[str, Any], data: str, job: Mapping[str, Any]) -> str:
    services = Services(product, data)
    try:
        service = services[entry["name"]]
        for again in (True, False):
            if not service.stop():
                raise RuntimeError(f"did not stop within seconds of SIGTERM\n{service.log()[-1000:]}")
            _nothing_left(service, services.pids)
            if again:
                service.start()
    finally:
        services.stop()
    return "started, healthy, stopped on SIGTERM with nothing left behind, started again on the same data"


def _nothing_left(service: Service, own: set[int]) -> None:
    """Raise when something of a stopped service lives on: in its group, in a session of its own, or on its port."""

    def strays() -> list[Running]:
        return [one for one in processes() if one.parent == os.getpid() and one.pid not in own]

    left = [*service.left, *lasting(strays)]
    for one in strays():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(one.pid, signal.SIGKILL)
    if left:
        told = "; ".join(command[:120] for command in left[:3])
        raise RuntimeError(f"stopped on SIGTERM and left {len(left)} processes behind: {told}")
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", service.port), timeout=1):
        raise RuntimeError("stopped on SIGTERM, but its port still takes connections")


PROBES = {"library": _library, "cli": _cli, "service": _service}
