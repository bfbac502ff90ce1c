"""Starts the board and talks to it as a browser and as a program."""

import json
import urllib.parse

import pytest
from accept_service import Service

NOW = "2030-05-06T09:00:00"
CODE = "s3cret-code"


class Board(Service):
    """The board with a data folder of its own."""

    def __init__(self, data):
        super().__init__("board", ["--data", data, "--code", CODE])
        self.data = data

    def ask(self, method, path, body=None, kind="", now=NOW):
        """One request at a moment of the board's clock."""
        return self.send(method, path, body, {"X-Now": now, **({"Content-Type": kind} if kind else {})})

    def form(self, path, now=NOW, **fields):
        body = urllib.parse.urlencode(fields).encode()
        return self.ask("POST", path, body, "application/x-www-form-urlencoded", now)

    def pin(self, text="Hello", *, name="Ana", flat="1", now=NOW):
        body = json.dumps({"name": name, "flat": flat, "text": text}).encode()
        answer = self.ask("POST", "/api/notices", body, "application/json", now)
        return answer.status, answer.json

    def pinned(self, *words, **more):
        status, notice = self.pin(*words, **more)
        assert status == 201, notice
        return notice

    def notices(self, now=NOW):
        answer = self.ask("GET", "/api/notices", now=now)
        assert answer.status == 200
        return answer.json

    def texts(self, now=NOW):
        return [notice["text"] for notice in self.notices(now)]

    def page(self, path="/", now=NOW):
        answer = self.ask("GET", path, now=now)
        assert answer.status == 200
        return answer.text

    def remove(self, id, code=CODE, now=NOW):
        return self.form(f"/notices/{id}/remove", now, code=code).status


@pytest.fixture
def board(tmp_path):
    (tmp_path / "data").mkdir()
    board = Board(tmp_path / "data")
    board.start()
    try:
        yield board
    finally:
        board.stop()
