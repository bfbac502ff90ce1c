"""Notices in a JSON file."""

import json
import os
import threading
from typing import Any


class Store:
    """All notices; safe to use from several threads."""

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, "notices.json")
        self._lock = threading.Lock()

    def add(self, text: str, urgent: bool) -> dict[str, Any]:
        """A new notice."""
        with self._lock:
            notices = self._read()
            notice = {"id": max((one["id"] for one in notices), default=0) + 1, "text": text, "urgent": urgent}
            self._write([*notices, notice])
            return notice

    def all(self) -> list[dict[str, Any]]:
        """Urgent ones first, then by id."""
        with self._lock:
            return sorted(self._read(), key=lambda one: (not one["urgent"], one["id"]))

    def remove(self, id: int) -> bool:
        """Take one down; False when there is none."""
        with self._lock:
            notices = self._read()
            left = [one for one in notices if one["id"] != id]
            self._write(left)
            return len(left) < len(notices)

    def _read(self) -> list[dict[str, Any]]:
        if not os.path.exists(self._path):
            return []
        with open(self._path, encoding="utf-8") as file:
            return json.load(file)

    def _write(self, notices: list[dict[str, Any]]) -> None:
        with open(self._path + ".new", "w", encoding="utf-8") as file:
            json.dump(notices, file)
        os.replace(self._path + ".new", self._path)
