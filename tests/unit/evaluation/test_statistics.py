"""Intervals that stay honest when little is known."""

from __future__ import annotations

import random

import pytest

from sixfold.evaluation.statistics import mcnemar, mean, paired, share


def test_a_share_keeps_a_wide_interval_at_the_ends() -> None:
    nothing, everything = share(0, 5), share(5, 5)
    assert nothing.low == 0.0
    assert nothing.high == pytest.approx(0.434, abs=0.001)
    assert everything.high == 1.0
    assert everything.low == pytest.approx(0.566, abs=0.001)


def test_wilson_agrees_with_the_published_example() -> None:
    figure = share(15, 20)  # Wilson score without continuity correction
    assert (figure.low, figure.high) == (pytest.approx(0.531, abs=0.001), pytest.approx(0.888, abs=0.001))


def test_nothing_measured_has_no_value_and_one_value_no_interval() -> None:
    assert mean([]).value is None
    assert share(0, 0).value is None
    one = mean([0.7])
    assert (one.value, one.low, one.n) == (0.7, None, 1)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = [0.137, 0.512, 0.781, 0.943, 0.426, 0.333, 0.25, 0.871, 0.619, 0.055]
    assert mean(values, seed=3) == mean(values, seed=3)
    assert mean(values, seed=3) != mean(values, seed=4)


def test_two_values_span_their_whole_range() -> None:
    figure = mean([0.2, 0.8])
    assert (figure.low, figure.high) == (0.2, 0.8)


def test_the_interval_of_a_mean_covers_at_small_n() -> None:
    rng = random.Random(1)
    covered = 0
    for trial in range(60):
        figure = mean([rng.gauss(0.5, 0.2) for _ in range(6)], seed=trial)
        assert figure.low is not None
        assert figure.high is not None
        covered += figure.low <= 0.5 <= figure.high
    assert covered >= 52  # 95% nominal; the plain percentile bootstrap covers about 86% at n = 6


def test_pairs_are_compared_task_by_task() -> None:
    comparison = paired([0.9, 0.8, 0.7, 0.9, 0.6, 0.8], [0.8, 0.7, 0.6, 0.8, 0.5, 0.7])
    assert comparison.difference.value == pytest.approx(0.1)
    assert (comparison.better, comparison.worse) == (6, 0)
    assert comparison.p == pytest.approx(2 / 2**6)


def test_no_difference_is_no_evidence() -> None:
    assert paired([0.5, 0.5], [0.5, 0.5]).p == 1.0
    assert paired([], []).p is None


def test_mcnemar_counts_only_the_pairs_that_differ() -> None:
    first = [True] * 8 + [True] * 5
    second = [False] * 8 + [True] * 5
    assert mcnemar(first, second).p == pytest.approx(2 / 2**8)
    assert mcnemar([True, False], [True, False]).p == 1.0
