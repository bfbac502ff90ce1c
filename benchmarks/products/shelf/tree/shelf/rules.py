"""Who may borrow what."""

from typing import Any

MOST_BOOKS = 2


class Refused(Exception):
    """An order against the rules; `status` is its HTTP status."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def lend(store: Any, id: int, reader: str) -> Any:
    """Lend a book to a reader."""
    book = store.book(id)
    if book is None:
        raise Refused(404, "no such book")
    if book.lent_to is not None:
        raise Refused(409, "lent already")
    if len(store.held(reader)) >= MOST_BOOKS:
        raise Refused(409, "too many books")
    store.lend(id, reader)
    return book._replace(lent_to=reader)


def give_back(store: Any, id: int) -> None:
    """Take a book back."""
    book = store.book(id)
    if book is None:
        raise Refused(404, "no such book")
    if book.lent_to is None:
        raise Refused(409, "not lent")
    store.lend(id, None)
