"""The increment that changed a verdict is found, with few executions, also where some states cannot be told."""

from __future__ import annotations

import pytest

from sixfold.layers.refinement.bisection import Verdict, first_change


async def found(*states: Verdict) -> tuple[int | None, int]:
    async def verdict(place: int) -> Verdict:
        return states[place]

    place, asked = await first_change(len(states), verdict)
    return place, len(asked)


@pytest.mark.parametrize("bad", range(1, 16))
async def test_the_first_bad_state_is_found_by_halving(bad: int) -> None:
    place, asked = await found(*[True] * bad, *[False] * (16 - bad))
    assert place == bad
    assert asked <= 2 + 4


async def test_a_feature_absent_then_right_then_broken_is_found_from_the_end() -> None:
    assert (await found(False, False, True, True, False, False))[0] == 4


async def test_when_a_test_began_to_pass_is_found_too() -> None:
    assert (await found(False, False, True))[0] == 2


async def test_states_that_cannot_be_told_are_passed_over() -> None:
    assert (await found(True, None, True, None, False))[0] == 4
    assert (await found(True, None, None, False, False))[0] == 3
    assert (await found(None, True, False))[0] == 2


async def test_nothing_is_found_where_nothing_changes() -> None:
    assert (await found(False, False, False))[0] is None
    assert (await found(True, None))[0] is None
    assert (await found(True))[0] is None
