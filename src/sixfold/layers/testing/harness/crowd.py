"""Many visitors at once: what works for one must work for eight, and what was confirmed must be there afterwards.

Runs inside the sandbox. It only reports; what is good enough is decided outside (`sixfold.layers.testing.boundaries`).
"""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sixfold.layers.testing.harness.product import Service

CROWD = 8
"""Requests under way at once."""
ADDITIONS = 2
"""Kinds of addition that are counted before and after."""
IDENTIFIER = re.compile(r"(?i)(.*_)?(id|uuid|key|token|code|number|nr)")


class Answer(NamedTuple):
    """What came back; status 0 when the connection was dropped or nothing came in time."""

    status: int
    value: Any = None
    """The JSON of the body, if it is any."""


def ask(service: Service, method: str, path: str, **options: Any) -> Answer:
    """One request, whatever comes of it."""
    try:
        got = service.request(method, path, **{"timeout": 5, **options})
    except (OSError, http.client.HTTPException, ValueError):
        return Answer(0)
    try:
        return Answer(got.status, got.json())
    except (ValueError, RecursionError):
        return Answer(got.status)


def crowd(service: Service, steps: Sequence[Mapping[str, Any]], reads: Sequence[str]) -> dict[str, Any]:
    """The same requests one after another and at once: those that broke only at once, and what got lost."""
    requests = [(step["method"], step["path"], step["body"]) for step in steps]
    requests += [("GET", path, None) for path in reads]
    alone = [ask(service, method, path, json=body).status for method, path, body in requests]
    sound = [request for request, status in zip(requests, alone, strict=True) if 0 < status < 500]
    if not sound:
        return {"requests": 0, "broken": [], "lost": []}
    work: list[Any] = (sound * (4 * CROWD))[: max(len(sound), 4 * CROWD)]
    broken: list[str] = []

    def one(number: int) -> None:
        method, path, body = work[number]
        status = ask(service, method, path, json=body, timeout=20).status
        if status == 0 or status >= 500:
            broken.append(f"{method} {path} answered {status or 'nothing'}")

    at_once(one, len(work))
    added = list(dict.fromkeys(path for method, path, body in sound if method == "POST" and body is not None))
    bodies = {path: body for method, path, body in reversed(sound) if method == "POST"}
    lost = [_lost(service, path, bodies[path]) for path in added[:ADDITIONS]] if not broken else []
    return {"requests": len(work), "broken": sorted(set(broken)), "lost": [one for one in lost if one]}


def at_once(do: Callable[[int], None], times: int, workers: int = CROWD) -> None:
    """Do it for every number below `times`, `workers` of them side by side."""

    def worker(first: int) -> None:
        for number in range(first, times, workers):
            do(number)

    threads = [threading.Thread(target=worker, args=(first,)) for first in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _lost(service: Service, path: str, body: Any) -> str:
    """What became of additions made at once; empty when all are there, or when it cannot be counted.

    Counted is only what counts plainly: alone, two additions with the same status make the list at the same path two
    longer, and one more does so after the crowd. So limits, pages and what is there only once are no losses.
    """
    place = path.split("?")[0]
    before = _size(service, place)
    first, second = (ask(service, "POST", path, json=body) for _ in range(2))
    start = _size(service, place)
    if before is None or start != before + 2 or first.status != second.status or not 200 <= first.status < 300:
        return ""
    answers: list[Answer] = []
    at_once(lambda _: answers.append(ask(service, "POST", path, json=body, timeout=20)), 2 * CROWD)
    accepted = [answer for answer in answers if answer.status == first.status]
    end = _size(service, place)
    last = ask(service, "POST", path, json=body)
    if end is None or last.status != first.status or _size(service, place) != end + 1:
        return ""
    if end - start < len(accepted):
        return f"POST {path}: {len(accepted)} additions were confirmed at once and {max(0, end - start)} are there"
    for name in _fresh(first.value, second.value):
        given = [answer.value[name] for answer in accepted if isinstance(answer.value, dict) and name in answer.value]
        if len({repr(value) for value in given}) < len(given):
            return f"POST {path}: several visitors at once got the same {name}"
    return ""


def _size(service: Service, path: str) -> int | None:
    """Entries of the list at a path; None when there is not exactly one list."""
    answer = ask(service, "GET", path)
    parts = list(answer.value.values()) if isinstance(answer.value, dict) else [answer.value]
    lists = [part for part in parts if isinstance(part, list)]
    return len(lists[0]) if answer.status == 200 and len(lists) == 1 else None


def _fresh(one: Any, other: Any) -> list[str]:
    """Names of identifiers that differ between two answers to the same request."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return []
    return [name for name in one if IDENTIFIER.fullmatch(name) and name in other and one[name] != other[name]]
