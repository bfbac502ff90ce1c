"""The JSON service: `python -m notices.board PORT FOLDER`."""

import json
import re
import sys
from typing import Any

from notices.serving import Answer, serve
from notices.store import Store

MOST_CHARS = 200


def fields(body: bytes) -> tuple[str, bool]:
    """Text and urgency of a posted notice.

    Raises:
        ValueError: malformed; the message is for the sender.
    """
    try:
        given = json.loads(body)
    except ValueError:
        raise ValueError("not JSON") from None
    text = given.get("text") if isinstance(given, dict) else None
    if not isinstance(text, str) or not text.strip() or len(text) > MOST_CHARS:
        raise ValueError(f"text must have 1 to {MOST_CHARS} characters")
    urgent = given.get("urgent", False)
    if not isinstance(urgent, bool):
        raise ValueError("urgent must be true or false")
    return text, urgent


def answers(store: Store) -> Any:
    """The routes on a store."""

    def answer(method: str, path: str, body: bytes) -> Answer:
        if (method, path) == ("GET", "/health"):
            return _json(200, {"status": "ok"})
        if (method, path) == ("GET", "/notices"):
            return _json(200, store.all())
        if (method, path) == ("POST", "/notices"):
            try:
                return _json(201, store.add(*fields(body)))
            except ValueError as error:
                return _json(400, {"error": str(error)})
        found = re.fullmatch(r"/notices/(\d{1,9})", path)
        if method == "DELETE" and found:
            return (204, "text/plain", "") if store.remove(int(found[1])) else _json(404, {"error": "no such notice"})
        return _json(404, {"error": "no such path"})

    return answer


def _json(status: int, value: Any) -> Answer:
    return status, "application/json", json.dumps(value)


if __name__ == "__main__":
    serve(int(sys.argv[1]), answers(Store(sys.argv[2])))
