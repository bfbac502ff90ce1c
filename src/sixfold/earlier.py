"""What a person decided in earlier runs on the same folder: nobody is asked the same thing twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sixfold.domain.events import Event
from sixfold.domain.fold import fold

MOST_RUNS = 20
_MOST_LINES = 20


def decisions(logs: Iterable[Sequence[Event]], folder: str) -> tuple[str, ...]:
    """Answers and corrections that humans gave, newest first, each question once.

    Args:
        logs: of earlier runs, newest first.
        folder: only runs on this folder count.
    """
    found: dict[str, str] = {}
    for events in logs:
        if not events or events[0].data.get("folder") != folder:
            continue
        view = fold(events)
        humans = {id for id, who in view.answered_by if who.startswith("human:")}
        for question in view.questions:
            if question.id in humans and question.status == "answered":
                found.setdefault(question.text, f"{question.text} {question.answer}")
        for item in view.specification.assumptions if view.specification else ():
            if item.correction:
                found.setdefault(item.correction, item.text if item.correction in item.text else item.correction)
    return tuple(found.values())[:_MOST_LINES]
