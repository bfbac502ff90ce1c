"""Talks to the board."""

import http.client
import json
from typing import Any


class Unreachable(Exception):
    """The board does not answer."""


class Client:
    """The board on a port."""

    def __init__(self, port: int) -> None:
        self._port = port

    def notices(self) -> list[dict[str, Any]]:
        """All notices in the board's order."""
        return self._ask("GET", "/notices", None)[1]

    def add(self, text: str, urgent: bool) -> str:
        """Post a notice; empty, or why the board refused."""
        status, value = self._ask("POST", "/notices", {"text": text, "urgent": urgent})
        return "" if status == 201 else str(value["error"])

    def _ask(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, ValueError) as error:
            raise Unreachable(str(error)) from error
        finally:
            connection.close()
