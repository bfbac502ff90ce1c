"""Books in an SQLite file."""

import os
import sqlite3
import threading
from typing import Any, NamedTuple


class Book(NamedTuple):
    """A book and who has it."""

    id: int
    title: str
    author: str
    lent_to: str | None


class Store:
    """All books; safe to use from several threads."""

    def __init__(self, folder: str) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(os.path.join(folder, "shelf.sqlite"), check_same_thread=False)
        self._run("CREATE TABLE IF NOT EXISTS books (id INTEGER PRIMARY KEY, title TEXT, author TEXT, lent_to TEXT)")

    def add(self, title: str, author: str) -> Book:
        """A new book."""
        with self._lock, self._db:
            done = self._db.execute("INSERT INTO books (title, author) VALUES (?, ?)", (title, author))
            return Book(int(done.lastrowid or 0), title, author, None)

    def books(self, author: str = "") -> list[Book]:
        """Books by id, all or of one author."""
        rows = self._run("SELECT id, title, author, lent_to FROM books WHERE ? IN ('', author) ORDER BY id", author)
        return [Book(*row) for row in rows]

    def book(self, id: int) -> Book | None:
        """A book; None when unknown."""
        rows = self._run("SELECT id, title, author, lent_to FROM books WHERE id = ?", id)
        return Book(*rows[0]) if rows else None

    def lend(self, id: int, reader: str | None) -> None:
        """Note who has it; None for nobody."""
        self._run("UPDATE books SET lent_to = ? WHERE id = ?", reader, id)

    def held(self, reader: str) -> list[int]:
        """Ids of what a reader has."""
        return [row[0] for row in self._run("SELECT id FROM books WHERE lent_to = ? ORDER BY id", reader)]

    def _run(self, statement: str, *values: Any) -> list[Any]:
        with self._lock, self._db:
            return self._db.execute(statement, values).fetchall()
