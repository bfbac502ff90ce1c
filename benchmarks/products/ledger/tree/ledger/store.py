"""Entries in an SQLite file."""

import sqlite3
from typing import NamedTuple


class Entry(NamedTuple):
    """One line of the ledger."""

    id: int
    date: str
    cents: int
    category: str
    note: str


class Store:
    """The ledger's file."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path)
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS entries "
            "(id INTEGER PRIMARY KEY, date TEXT NOT NULL, cents INTEGER NOT NULL, category TEXT NOT NULL, note TEXT NOT NULL)"
        )

    def add(self, date: str, cents: int, category: str, note: str = "") -> int:
        """Store an entry and return its id."""
        done = self._db.execute(
            "INSERT INTO entries (date, cents, category, note) VALUES (?, ?, ?, ?)", (date, cents, category, note)
        )
        self._db.commit()
        return int(done.lastrowid or 0)

    def entries(self, first: str = "", last: str = "") -> list[Entry]:
        """Entries by date, then id; bounds are inclusive."""
        rows = self._db.execute(
            "SELECT id, date, cents, category, note FROM entries WHERE date >= ? AND date <= ? ORDER BY date, id",
            (first, last or "9999-99-99"),
        )
        return [Entry(*row) for row in rows]

    def remove(self, id: int) -> bool:
        """Delete an entry; False when there is none."""
        done = self._db.execute("DELETE FROM entries WHERE id = ?", (id,))
        self._db.commit()
        return done.rowcount > 0
