"""Who is working and who is waiting, so that a process can tell when nothing more can happen without a person."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sixfold.domain.errors import SixfoldError


class Control:
    """Book-keeping of one process that drives one run."""

    def __init__(self) -> None:
        self._humans: dict[str, list[str]] = {}
        """Workflow id → subjects a human owes a decision on; a workflow may ask several things at once."""
        self.parked: dict[str, BaseException] = {}
        """Workflow id → why it cannot go on for now."""
        self._working: set[str] = set()
        self._waiting: dict[str, tuple[str, ...]] = {}
        self._ended: set[str] = set()
        self.changed = asyncio.Event()

    @contextmanager
    def working(self, id: str) -> Iterator[None]:
        """A workflow is alive in this process."""
        self._working.add(id)
        try:
            yield
        finally:
            self._working.discard(id)
            self._ended.add(id)
            self.changed.set()

    @contextmanager
    def waiting_for_children(self, id: str, children: Sequence[str]) -> Iterator[None]:
        """A workflow waits for children only."""
        self._waiting[id] = tuple(children)
        self.changed.set()
        try:
            yield
        finally:
            self._waiting.pop(id, None)

    @contextmanager
    def waiting_for_human(self, id: str, subject: str) -> Iterator[None]:
        """A workflow waits for a decision only."""
        self._humans.setdefault(id, []).append(subject)
        self.changed.set()
        try:
            yield
        finally:
            self._humans[id].remove(subject)
            if not self._humans[id]:
                del self._humans[id]

    def subjects(self) -> tuple[str, ...]:
        """What humans owe decisions on, in the order it was asked."""
        return tuple(subject for asked in self._humans.values() for subject in asked)

    async def park(self, id: str, reason: BaseException) -> None:
        """Never return: this workflow stays exactly where it is until another process resumes the run."""
        self.parked[id] = reason
        self.changed.set()
        await asyncio.Event().wait()

    def stuck(self) -> bool:
        """True when every live workflow waits for a human, is parked, or waits only for such children."""
        return bool(self._working) and all(self._blocked(id) for id in self._working)

    def _blocked(self, id: str) -> bool:
        if id in self._humans or id in self.parked:
            return True
        children = self._waiting.get(id)
        # A child that is neither alive here nor ended has not been picked up yet: something will still happen.
        return children is not None and all(child in self._working and self._blocked(child) for child in children)

    def reason(self) -> SixfoldError | BaseException | None:
        """The first parking reason; None when humans alone are awaited."""
        return next(iter(self.parked.values()), None)
