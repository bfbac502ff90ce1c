"""Finding the increment that changed a verdict, with as few executions as the history allows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Verdict = bool | None
"""True: passes. False: fails. None: cannot be told here (as exit code 125 says to `git bisect run`)."""


async def first_change(
    count: int, verdict: Callable[[int], Awaitable[Verdict]]
) -> tuple[int | None, dict[int, Verdict]]:
    """The first of `count` states, oldest first, from which on the verdict is what it is at the last.

    When the oldest state and the last differ, the search halves; when they agree, it goes back from the last state, one
    by one, to the latest that differs (a feature that is absent before it is right, then broken, fails at both ends).

    Returns:
        The place (None: nothing changes, or the last state cannot be told) and every verdict that was asked for.
    """
    asked: dict[int, Verdict] = {}

    async def ask(place: int) -> Verdict:
        if place not in asked:
            asked[place] = await verdict(place)
        return asked[place]

    end = count - 1
    if count < 2 or (last := await ask(end)) is None:
        return None, asked
    start = 0
    if await ask(0) in (last, None):
        place = end - 1
        while place > 0 and await ask(place) in (last, None):
            place -= 1
        if place == 0 and asked[0] in (last, None):
            return None, asked
        start, end = place, min((p for p in asked if p > place and asked[p] == last), default=end)
    while end - start > 1:
        # A state that cannot be told is passed over towards the nearest that can.
        middle = sorted(range(start + 1, end), key=lambda place: abs(2 * place - start - end))
        told = None
        for place in middle:
            if (found := await ask(place)) is not None:
                told = place
                start, end = (start, place) if found == last else (place, end)
                break
        if told is None:
            break
    return end, asked
