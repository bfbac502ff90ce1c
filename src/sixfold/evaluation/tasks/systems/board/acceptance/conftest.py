"""Starts the board and talks to it as a browser and as a program."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse

import pytest

NOW = "2030-05-06T09:00:00"
CODE = "s3cret-code"


class Board:
    """The board with a data folder of its own."""

    def __init__(self, data):
        self.data = data
        self.process = None
        self.port = 0

    def start(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "board", "--port", str(self.port), "--data", str(self.data), "--code", CODE],
            cwd=os.environ["SUT_DIR"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            try:
                if self.send("GET", "/health")[0] == 200:
                    return self
            except OSError:
                assert self.process.poll() is None, "the board ended by itself"
            time.sleep(0.05)
        raise AssertionError("the board does not answer")

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

    def send(self, method, path, body=b"", kind="", now=NOW):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            headers = {"X-Now": now, **({"Content-Type": kind} if kind else {})}
            connection.request(method, path, body=body or None, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace"), answer
        finally:
            connection.close()

    def form(self, path, now=NOW, **fields):
        body = urllib.parse.urlencode(fields).encode()
        return self.send("POST", path, body, "application/x-www-form-urlencoded", now)

    def pin(self, text="Hello", *, name="Ana", flat="1", now=NOW):
        body = json.dumps({"name": name, "flat": flat, "text": text}).encode()
        status, answer, _ = self.send("POST", "/api/notices", body, "application/json", now)
        return status, json.loads(answer)

    def pinned(self, *words, **more):
        status, notice = self.pin(*words, **more)
        assert status == 201, notice
        return notice

    def notices(self, now=NOW):
        status, text, _ = self.send("GET", "/api/notices", now=now)
        assert status == 200
        return json.loads(text)

    def texts(self, now=NOW):
        return [notice["text"] for notice in self.notices(now)]

    def page(self, path="/", now=NOW):
        status, text, _ = self.send("GET", path, now=now)
        assert status == 200
        return text

    def remove(self, id, code=CODE, now=NOW):
        return self.form(f"/notices/{id}/remove", now, code=code)[0]


@pytest.fixture
def board(tmp_path):
    (tmp_path / "data").mkdir()
    board = Board(tmp_path / "data")
    board.start()
    try:
        yield board
    finally:
        board.stop()
