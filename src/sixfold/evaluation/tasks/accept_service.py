"""A product that is a web service, started as its interface says and talked to as a visitor (or an attacker) does.

Loaded by `conftest.py` beside it; the fixture `serve` starts a module of the product with any options.
"""

import contextlib
import http.client
import json
import os
import select
import socket
import subprocess
import sys
import time
import urllib.parse

import pytest


class Answer:
    """What came back."""

    def __init__(self, answer):
        self.status = answer.status
        self.headers = answer.msg
        self.body = answer.read()

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.body)

    def header(self, name):
        return self.headers.get(name) or ""

    @property
    def cookies(self):
        """Name to value, as a browser would keep them."""
        pairs = [line.partition(";")[0] for line in self.headers.get_all("Set-Cookie") or ()]
        return {name.strip(): value.strip() for name, _, value in (pair.partition("=") for pair in pairs)}


class Service:
    """One started product."""

    def __init__(self, module, options):
        self.module = module
        self.options = [str(option) for option in options]
        self.port = 0
        self.process = None

    def start(self):
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.module, "--port", str(self.port), *self.options],
            cwd=os.environ["SUT_DIR"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(300):
            try:
                if self.send("GET", "/health", wait_s=2).status == 200:
                    return self
            except (OSError, http.client.HTTPException):
                assert self.process.poll() is None, "the service ended by itself"
            time.sleep(0.05)
        raise AssertionError("the service does not answer /health")

    def stop(self):
        """End it; returns the most memory it ever held, in bytes (0 where the system does not tell)."""
        peak = self.peak_bytes()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return peak

    def restart(self):
        self.stop()
        return self.start()

    def peak_bytes(self):
        try:
            with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
                return next((int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM")), 0)
        except OSError:
            return 0

    def send(self, method, path, body=None, headers=None, wait_s=20):
        """One request; the path goes out exactly as it is written."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=wait_s)
        connection._validate_path = lambda url: None  # attackers do not use well-behaved clients
        try:
            connection.request(method, path, body=body, headers=headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def flood(self, path, start, kind, announced=8 << 30, most=256 << 20):
        """Announce a gigantic body and send the beginning of it, until the service answers, hangs up or has it all."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest("POST", path)
            connection.putheader("Content-Type", kind)
            connection.putheader("Content-Length", str(announced))
            connection.endheaders(start)
            for _ in range(most >> 20):
                if select.select([connection.sock], [], [], 0)[0]:
                    return
                connection.send(bytes(1 << 20))
        except OSError:
            return
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.send("GET", path, headers=_named(headers))

    def post(self, path, value, **headers):
        """JSON."""
        kind = {"Content-Type": "application/json", **_named(headers)}
        return self.send("POST", path, json.dumps(value).encode(), kind)

    def form(self, path, fields, **headers):
        kind = {"Content-Type": "application/x-www-form-urlencoded", **_named(headers)}
        return self.send("POST", path, urllib.parse.urlencode(fields).encode(), kind)

    def upload(self, path, name, content, field="file", kind="application/octet-stream"):
        """multipart/form-data, the name exactly as it is written."""
        edge = "sixfold-edge-7d1f"
        part = f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: {kind}'
        body = f"--{edge}\r\n{part}\r\n\r\n".encode() + content + f"\r\n--{edge}--\r\n".encode()
        return self.send("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={edge}"})


def _named(headers):
    return {name.replace("_", "-"): value for name, value in headers.items()}


def size_of(folder):
    """Bytes of all files below a folder; one that goes while we look has none."""
    sizes = []
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            sizes.append(path.stat().st_size)
    return sum(sizes)


def free_port():
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def exploited(succeeded, what):
    """Fail with the words that make a vulnerability of it, when an attack succeeded."""
    if succeeded:
        pytest.fail(f"exploited: {what}", pytrace=False)


@pytest.fixture
def serve():
    """`serve("module", "--data", folder)`: a started service; all are stopped at the end."""
    started = []

    def start(module, *options):
        service = Service(module, options)
        started.append(service)
        return service.start()

    yield start
    for service in started:
        if service.process is not None and service.process.poll() is None:
            service.stop()
