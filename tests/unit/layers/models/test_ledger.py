"""Money is reserved before a call and settled after, also when the process dies in between."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.domain.errors import BudgetExceeded, StorageError
from sixfold.domain.model import Usage
from sixfold.domain.run import Budget
from sixfold.layers.models.ledger import Ledger


def usage(tokens: int, usd: float | None = 0.0) -> Usage:
    return Usage(calls=1, input_tokens=tokens, cost_usd=usd)


async def test_a_settled_call_counts_at_its_real_amount_in_its_scope(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    first = await ledger.reserve("a", "T1", usage(100, 1.0))
    ledger.settle(first, usage(10, 0.1))
    ledger.settle(await ledger.reserve("b", "T2", usage(100, 1.0)), usage(20, 0.2))
    assert ledger.spent("T1") == usage(10, 0.1)
    assert ledger.spent().input_tokens == 30
    assert ledger.spent().cost_usd == pytest.approx(0.3)
    assert ledger.spent("T9") == Usage(cost_usd=0.0)


async def test_a_cap_refuses_before_anything_is_reserved(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl", budget=Budget(usd=1.0))
    ledger.settle(await ledger.reserve("a", "", usage(1, 0.9)), usage(1, 0.9))
    before = ledger.path.read_bytes()
    with pytest.raises(BudgetExceeded) as caught:
        await ledger.reserve("b", "", usage(1, 0.2))
    assert (caught.value.cap, caught.value.spent, caught.value.reserved, caught.value.allowed) == (
        "run:usd",
        0.9,
        0.2,
        1.0,
    )
    assert "--budget-usd" in caught.value.next
    assert ledger.path.read_bytes() == before


async def test_caps_nest_by_scope(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l", budget=Budget(tokens=1000), scope_budget=Budget(tokens=100))
    ledger.settle(await ledger.reserve("a", "T1", usage(90)), usage(90))
    with pytest.raises(BudgetExceeded, match="task:T1:tokens"):
        await ledger.reserve("b", "T1", usage(20))
    ledger.settle(await ledger.reserve("c", "T2", usage(20)), usage(20))
    ledger.settle(await ledger.reserve("d", "", usage(800)), usage(800))
    with pytest.raises(BudgetExceeded, match="run:tokens"):
        await ledger.reserve("e", "T3", usage(91))


async def test_a_call_waits_for_room_that_calls_under_way_may_give_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l", budget=Budget(tokens=100))
    first = await ledger.reserve("a", "", usage(80))
    second = asyncio.create_task(ledger.reserve("b", "", usage(80)))
    await asyncio.sleep(0)
    assert not second.done()
    ledger.settle(first, usage(5))
    assert (await second).most == usage(80)


async def test_a_waiting_call_is_refused_when_the_room_was_used_up(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l", budget=Budget(tokens=100))
    first = await ledger.reserve("a", "", usage(80))
    second = asyncio.create_task(ledger.reserve("b", "", usage(80)))
    await asyncio.sleep(0)
    ledger.settle(first, usage(70))
    with pytest.raises(BudgetExceeded):
        await second


async def test_a_reservation_cut_off_by_a_crash_counts_in_full(tmp_path: Path) -> None:
    path = tmp_path / "l"
    await Ledger(path).reserve("a", "T1", usage(80, 0.8))
    again = Ledger(path, budget=Budget(usd=1.0))
    assert again.spent("T1") == usage(80, 0.8)
    with pytest.raises(BudgetExceeded):
        await again.reserve("b", "", usage(1, 0.3))


async def test_a_crash_after_the_reply_was_recorded_counts_the_recorded_amount_once(tmp_path: Path) -> None:
    path = tmp_path / "l"
    await Ledger(path).reserve("a", "T1", usage(80, 0.8))
    recorded = {"a": usage(8, 0.08)}
    assert Ledger(path, recorded=recorded.get).spent() == usage(8, 0.08)
    assert Ledger(path, recorded=recorded.get).spent() == usage(8, 0.08)


async def test_a_call_that_is_found_again_gives_its_old_reservation_back(tmp_path: Path) -> None:
    path = tmp_path / "l"
    await Ledger(path).reserve("a", "", usage(80))
    again = Ledger(path, budget=Budget(tokens=100))
    again.settle(await again.reserve("a", "", usage(80), replaces=True), usage(7))
    assert again.spent() == usage(7)


async def test_an_interrupted_call_frees_waiting_ones_but_stays_charged(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l", budget=Budget(tokens=100))
    first = await ledger.reserve("a", "", usage(80))
    second = asyncio.create_task(ledger.reserve("b", "", usage(80)))
    await asyncio.sleep(0)
    ledger.abandon(first)
    with pytest.raises(BudgetExceeded):
        await second
    assert ledger.spent() == usage(80)


async def test_an_unknown_price_stays_unknown_in_the_sum(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l")
    ledger.settle(await ledger.reserve("a", "", usage(1, None)), usage(1, None))
    ledger.settle(await ledger.reserve("b", "", usage(1, 0.1)), usage(1, 0.1))
    assert ledger.spent().cost_usd is None


def _whole_ledger(folder: Path) -> bytes:
    async def fill() -> None:
        ledger = Ledger(folder / "whole")
        for number in range(3):
            ledger.settle(await ledger.reserve(f"k{number}", "", usage(100, 1.0)), usage(10, 0.1))

    asyncio.run(fill())
    return (folder / "whole").read_bytes()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_ledger_cut_anywhere_never_forgets_a_call_that_may_have_been_paid(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    whole = _whole_ledger(folder)
    cut = data.draw(st.integers(0, len(whole)))
    (folder / "cut").write_bytes(whole[:cut])
    complete = whole[:cut].split(b"\n")[:-1]
    reserved = sum(b'"reserve"' in line for line in complete)
    settled = sum(b'"settle"' in line for line in complete)
    ledger = Ledger(folder / "cut")
    assert ledger.spent().input_tokens == settled * 10 + (reserved - settled) * 100

    async def go_on() -> None:
        ledger.settle(await ledger.reserve("next", "", usage(100)), usage(5))

    asyncio.run(go_on())
    assert Ledger(folder / "cut").spent().input_tokens == ledger.spent().input_tokens


async def test_a_damaged_line_is_an_error_and_not_a_forgotten_cost(tmp_path: Path) -> None:
    path = tmp_path / "l"
    ledger = Ledger(path)
    ledger.settle(await ledger.reserve("a", "", usage(80)), usage(80))
    path.write_bytes(b"{" + path.read_bytes())
    with pytest.raises(StorageError, match="line 1"):
        Ledger(path)


@settings(max_examples=100, deadline=None)
@given(place=st.integers(0), bit=st.integers(0, 7))
def test_a_flipped_bit_in_the_ledger_is_found_and_no_amount_believed(
    place: int, bit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    flipped = bytearray(_whole_ledger(folder))
    place %= len(flipped)
    flipped[place] ^= 1 << bit
    (folder / "flipped").write_bytes(flipped)
    if place == len(flipped) - 1:
        return  # the last line end: as if that line was being written when the power went
    with pytest.raises(StorageError, match=r"line \d+ of|written by a newer"):
        Ledger(folder / "flipped")
