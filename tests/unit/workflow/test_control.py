"""A process knows when nothing more can happen without a person."""

from __future__ import annotations

import asyncio

from sixfold.workflow.control import Control


def test_a_run_is_stuck_only_when_everything_alive_waits() -> None:
    control = Control()
    assert not control.stuck()
    with control.working("run"):
        assert not control.stuck()
        with control.waiting_for_human("run", "question:Q1"), control.waiting_for_human("run", "question:Q2"):
            assert control.stuck()
            assert control.subjects() == ("question:Q1", "question:Q2")
        assert not control.stuck()


def test_waiting_for_a_child_that_works_is_not_stuck() -> None:
    control = Control()
    with control.working("run"), control.waiting_for_children("run", ["a", "b"]):
        assert not control.stuck()  # the children have not been picked up yet
        with control.working("a"), control.waiting_for_human("a", "x"):
            assert not control.stuck()  # b is still to come
            with control.working("b"):
                assert not control.stuck()
                with control.waiting_for_human("b", "y"):
                    assert control.stuck()


async def test_a_parked_workflow_never_comes_back_and_names_the_reason() -> None:
    control = Control()
    with control.working("run"):
        parked = asyncio.ensure_future(control.park("run", ValueError("no money")))
        await asyncio.sleep(0)
        assert control.stuck()
        assert str(control.reason()) == "no money"
        assert not parked.done()
        parked.cancel()
