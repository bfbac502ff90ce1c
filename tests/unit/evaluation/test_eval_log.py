"""The eval log goes on where it stopped, and only there."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from sixfold.domain.errors import StorageError, UsageError
from sixfold.domain.model import Usage
from sixfold.domain.run import Budget
from sixfold.evaluation.attempt import Attempt, write
from sixfold.evaluation.eval_log import EvalLog, Header, header_of
from sixfold.evaluation.runner import cap
from sixfold.evaluation.sample import Row, Sample
from sixfold.evaluation.solvers import named

SAMPLE = Sample(id="notes", request="keep notes", rows=(Row(id="R1", text="newest first"),))
MODELS = (("*", "command:true"),)


def header(sample: Sample = SAMPLE, arms: tuple[str, ...] = ("guess",), name: str = "experiment clarity") -> Header:
    return header_of(name, "0", MODELS, named(arms), (sample,))


def test_a_log_takes_further_arms_and_keeps_what_it_has(tmp_path: Path) -> None:
    log = EvalLog(tmp_path)
    log.open(header())
    assert log.open(header(arms=("plain",))).solvers == ("guess", "plain")


def test_a_log_refuses_another_evaluation_or_a_changed_task(tmp_path: Path) -> None:
    log = EvalLog(tmp_path)
    log.open(header())
    with pytest.raises(UsageError, match="experiment clarity"):
        log.open(header(name="eval systems"))
    with pytest.raises(UsageError, match="notes changed"):
        log.open(header(msgspec.structs.replace(SAMPLE, request="keep my notes")))


def test_a_done_attempt_is_found_again_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    log = EvalLog(tmp_path)
    place = log.place(SAMPLE, named(["guess"])[0])
    assert log.done(place) is None
    place.mkdir(parents=True)
    write(place / "result.json", Attempt(sample="notes", version=SAMPLE.digest, solver="guess", state="done"))
    assert [attempt.solver for attempt in log.attempts()] == ["guess"]
    (place / "result.json").write_text("{")
    with pytest.raises(StorageError, match=r"result\.json"):
        log.attempts()


def test_a_budget_is_shared_among_what_is_left_and_never_passed() -> None:
    budget = Budget(tokens=1000, usd=1.0)
    spent = Usage(calls=1, input_tokens=300, output_tokens=100, cost_usd=0.4)
    share = cap(budget, spent, [Budget(tokens=200, usd=0.2)], 2)
    assert (share.tokens, round(share.usd or 0, 6)) == (200, 0.2)
    assert cap(budget, spent, [Budget(tokens=900, usd=1.0)], 1) == Budget(tokens=0, usd=0.0)
    assert cap(Budget(), spent, [], 3) == Budget()


def test_an_unknown_solver_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError) as refused:
        named(["magic"])
    assert "clarity" in refused.value.next
