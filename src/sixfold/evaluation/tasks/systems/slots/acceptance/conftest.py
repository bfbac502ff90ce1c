"""Starts the service and talks to it over HTTP."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

NOW = "2030-05-06T09:00"


class Service:
    """The service with a data folder of its own."""

    def __init__(self, data):
        self.data = data
        self.process = None
        self.port = 0

    def start(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "slots", "--port", str(self.port), "--data", str(self.data)],
            cwd=os.environ["SUT_DIR"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            try:
                if self.call("GET", "/health")[0] == 200:
                    return self
            except OSError:
                assert self.process.poll() is None, "the service ended by itself"
            time.sleep(0.05)
        raise AssertionError("the service does not answer")

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def restart(self):
        self.stop()
        self.start()

    def call(self, method, path, body=None, *, user="", now=NOW, raw=None):
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data, method=method)
        request.add_header("Content-Type", "application/json")
        if user:
            request.add_header("X-User", user)
        if now:
            request.add_header("X-Now", now)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text[:1] in (b"{", b"[") else None

    def machine(self, name):
        status, body = self.call("POST", "/machines", {"name": name}, user="ana")
        assert status == 201, body

    def book(self, begin, end, *, machine="laser", user="ana", now=NOW, **more):
        return self.call(
            "POST", "/bookings", {"machine": machine, "from": begin, "to": end, **more}, user=user, now=now
        )

    def booked(self, begin, end, **more):
        status, body = self.book(begin, end, **more)
        assert status == 201, body
        return body

    def bookings(self, user="ana", **query):
        status, body = self.call("GET", "/bookings" + _query(query), user=user)
        assert status == 200, body
        return body

    def free(self, day, machine="laser", now=NOW):
        status, body = self.call("GET", "/free" + _query({"machine": machine, "day": day}), now=now)
        assert status == 200, body
        return [(gap["from"][11:], gap["to"][11:]) for gap in body]


def _query(query):
    return "?" + urllib.parse.urlencode(query) if query else ""


@pytest.fixture
def service(tmp_path):
    service = Service(tmp_path / "data")
    (tmp_path / "data").mkdir()
    service.start()
    try:
        service.machine("laser")
        yield service
    finally:
        service.stop()
