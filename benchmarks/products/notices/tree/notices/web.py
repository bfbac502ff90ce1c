"""The HTML service: `python -m notices.web PORT BOARD_PORT`."""

import sys
from html import escape
from typing import Any
from urllib.parse import parse_qs

from notices.client import Client, Unreachable
from notices.page import render
from notices.serving import Answer, serve


def answers(client: Client) -> Any:
    """The routes on a client of the board."""

    def answer(method: str, path: str, body: bytes) -> Answer:
        if path == "/health":
            return 200, "text/plain", "ok"
        if path != "/":
            return 404, "text/plain", "no such page"
        try:
            if method == "GET":
                return 200, "text/html; charset=utf-8", render(client.notices())
            form = parse_qs(body.decode(errors="replace"))
            refused = client.add(form.get("text", [""])[0], "urgent" in form)
        except Unreachable:
            return 502, "text/plain", "The board does not answer."
        return (400, "text/html; charset=utf-8", escape(refused)) if refused else (303, "/", "")

    return answer


if __name__ == "__main__":
    serve(int(sys.argv[1]), answers(Client(int(sys.argv[2]))))
