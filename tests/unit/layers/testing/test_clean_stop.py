"""Services that do not go when they are told to: what they leave behind is seen."""

from __future__ import annotations

import pytest
from plain_folders import Folders

from sixfold.domain.evidence import Check
from sixfold.domain.ports import Environment, Sandbox
from sixfold.domain.requirements import Entry, Specification
from sixfold.layers.testing.system import validate_product

pytestmark = pytest.mark.slow

SERVICE = """\
import os, signal, subprocess, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

def leave(*_):
    BEFORE
    os._exit(0)

server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
signal.signal(signal.SIGTERM, leave)
START
server.serve_forever()
"""
SLEEPER = '(sys.executable, "-c", "import time; time.sleep(60)")'
KINDS = {
    "ends its worker": (f"worker = subprocess.Popen({SLEEPER})", "worker.kill()", True, "nothing left behind"),
    "leaves a worker": (f"subprocess.Popen({SLEEPER})", "pass", False, "left 1 processes behind"),
    "leaves a session of its own": (
        f"subprocess.Popen({SLEEPER}, start_new_session=True)",
        "pass",
        False,
        "left 1 processes behind",
    ),
    "leaves its port bound": (
        "",
        "server.socket.set_inheritable(True); os.fork() or os.setsid() or __import__('time').sleep(60)",
        False,
        "processes behind",
    ),
    "ignores the signal": ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", "pass", False, "did not stop"),
}


@pytest.mark.parametrize(("start", "before", "ok", "told"), KINDS.values(), ids=KINDS)
async def test_service_that_leaves_something_behind_has_not_stopped(
    folders: Folders, sandbox: Sandbox, environment: Environment, start: str, before: str, ok: bool, told: str
) -> None:
    tree = folders.add({"service.py": SERVICE.replace("BEFORE", before).replace("START", start)})
    entry = Entry(name="api", kind="service", start=("python", "service.py", "{port}"))
    specification = Specification(title="t", entries=(entry,))
    seen = await validate_product(sandbox, tree, specification, {}, environment, planted_faults=0)
    [check] = [check for check in seen.checks if check.name == "start:api"]
    assert isinstance(check, Check)
    assert (check.ok, told in check.detail) == (ok, True), check.detail
