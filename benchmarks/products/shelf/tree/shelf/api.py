"""The HTTP side."""

import json
import re
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from shelf import rules
from shelf.rules import Refused
from shelf.store import Store

MOST_BYTES = 64_000


def text_field(body: dict[str, Any], name: str) -> str:
    """A text that must be there and not be empty."""
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Refused(400, f"{name} must be a text")
    return value


def handler(store: Store) -> type[BaseHTTPRequestHandler]:
    """The request handler on a store."""

    class Handler(BaseHTTPRequestHandler):
        """Routes requests."""

        def do_GET(self) -> None:
            self._serve("GET")

        def do_POST(self) -> None:
            self._serve("POST")

        def do_DELETE(self) -> None:
            self._serve("DELETE")

        def do_PUT(self) -> None:
            self._serve("PUT")

        def _serve(self, method: str) -> None:
            place = urlsplit(self.path)
            try:
                status, value = self._answer(method, place.path, place.query)
            except Refused as error:
                status, value = error.status, {"error": str(error)}
            content = b"" if status == 204 else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _answer(self, method: str, path: str, query: str) -> tuple[int, Any]:
            for pattern, methods in ROUTES.items():
                found = re.fullmatch(pattern, path)
                if found and method in methods:
                    return getattr(self, methods[method])(*map(unquote, found.groups()), query=query)
                if found:
                    raise Refused(405, "method not allowed")
            raise Refused(404, "no such path")

        def _body(self) -> dict[str, Any]:
            length = int(self.headers.get("Content-Length") or 0)
            if length > MOST_BYTES:
                raise Refused(413, "too large")
            try:
                value = json.loads(self.rfile.read(length))
            except ValueError:
                raise Refused(400, "not JSON") from None
            if not isinstance(value, dict):
                raise Refused(400, "not an object")
            return value

        def _health(self, query: str) -> tuple[int, Any]:
            return 200, {"status": "ok"}

        def _list(self, query: str) -> tuple[int, Any]:
            author = parse_qs(query).get("author", [""])[0]
            return 200, [book._asdict() for book in store.books(author)]

        def _add(self, query: str) -> tuple[int, Any]:
            body = self._body()
            return 201, store.add(text_field(body, "title"), text_field(body, "author"))._asdict()

        def _show(self, id: str, query: str) -> tuple[int, Any]:
            book = store.book(int(id))
            if book is None:
                raise Refused(404, "no such book")
            return 200, book._asdict()

        def _lend(self, id: str, query: str) -> tuple[int, Any]:
            reader = text_field(self._body(), "reader")
            return 200, rules.lend(store, int(id), reader)._asdict()

        def _give_back(self, id: str, query: str) -> tuple[int, Any]:
            rules.give_back(store, int(id))
            return 204, None

        def _reader(self, name: str, query: str) -> tuple[int, Any]:
            return 200, {"reader": name, "books": store.held(name)}

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


ROUTES = {
    "/health": {"GET": "_health"},
    "/books": {"GET": "_list", "POST": "_add"},
    r"/books/(\d{1,9})": {"GET": "_show"},
    r"/books/(\d{1,9})/loan": {"POST": "_lend", "DELETE": "_give_back"},
    "/readers/([^/]+)": {"GET": "_reader"},
}
