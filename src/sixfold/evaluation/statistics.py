"""Figures with intervals, honest at small n. Everything is deterministic under a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from statistics import NormalDist, fmean

from sixfold.domain.data import Data

DRAWS = 10_000
_T_975 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
"""Student's t, 97.5 %, by degrees of freedom from 1."""


class Figure(Data, frozen=True, kw_only=True):
    """A mean or a share with its 95 % interval."""

    value: float | None
    """None when there is nothing to take it from."""
    low: float | None = None
    high: float | None = None
    """Bounds; None when n is too small to say anything about the spread."""
    n: int = 0
    """Samples it rests on."""


class Comparison(Data, frozen=True, kw_only=True):
    """Two solvers on the same samples: the mean difference, first minus second."""

    difference: Figure
    p: float | None = None
    """Exact McNemar for pass or fail, exact sign-flip (up to 16 pairs, else sampled) for shares; two-sided."""
    better: int = 0
    """Pairs in which the first is higher."""
    worse: int = 0
    """Pairs in which it is lower."""


def share(hits: int, n: int) -> Figure:
    """A share with Wilson's score interval (Wilson 1927); it behaves at 0, at 1 and at small n."""
    if n == 0:
        return Figure(value=None)
    z, p = NormalDist().inv_cdf(0.975), hits / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    high = 1.0 if hits == n else min(1.0, centre + half)
    return Figure(value=p, low=low, high=high, n=n)


def mean(values: Sequence[float], *, seed: int = 0) -> Figure:
    """A mean over samples with the expanded percentile bootstrap.

    The plain percentile bootstrap is too narrow at small n; the tail probability is moved out to Φ(-sqrt(n/(n-1)) · t),
    as Hesterberg (2015, "What Teachers Should Know About the Bootstrap") does. One value has no interval.
    """
    n = len(values)
    if n == 0:
        return Figure(value=None)
    if n == 1:
        return Figure(value=values[0], n=1)
    rng = random.Random(f"bootstrap/{seed}/{n}")  # noqa: S311 - resampling, not secrecy
    draws = sorted(fmean(rng.choices(values, k=n)) for _ in range(DRAWS))
    t = _T_975[n - 2] if n - 2 < len(_T_975) else 1.96 + 2.4 / (n - 1)
    tail = NormalDist().cdf(-math.sqrt(n / (n - 1)) * t)
    at = max(0, min(DRAWS // 2, int(tail * DRAWS)))
    return Figure(value=fmean(values), low=draws[at], high=draws[DRAWS - 1 - at], n=n)


def paired(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> Comparison:
    """The mean difference of two solvers on the same samples, in the same order."""
    differences = [a - b for a, b in zip(first, second, strict=True)]
    return Comparison(
        difference=mean(differences, seed=seed),
        p=_sign_flip(differences, seed),
        better=sum(1 for difference in differences if difference > 0),
        worse=sum(1 for difference in differences if difference < 0),
    )


def mcnemar(first: Sequence[bool], second: Sequence[bool], *, seed: int = 0) -> Comparison:
    """Pass or fail on the same samples: the exact test looks only at the pairs that differ (McNemar 1947)."""
    better = sum(1 for a, b in zip(first, second, strict=True) if a and not b)
    worse = sum(1 for a, b in zip(first, second, strict=True) if b and not a)
    unequal = better + worse
    tail = sum(math.comb(unequal, k) for k in range(min(better, worse) + 1)) / 2**unequal
    return Comparison(
        difference=mean([float(a) - float(b) for a, b in zip(first, second, strict=True)], seed=seed),
        p=min(1.0, 2 * tail) if first else None,
        better=better,
        worse=worse,
    )


def _sign_flip(differences: Sequence[float], seed: int) -> float | None:
    """Two-sided p of the null hypothesis that every difference is as likely to be negative."""
    unequal = [difference for difference in differences if difference]
    if not differences:
        return None
    if not unequal:
        return 1.0
    seen = abs(sum(unequal)) - 1e-12
    if len(unequal) <= 16:
        signs = range(2 ** len(unequal))
        extreme = sum(
            1 for bits in signs if abs(sum(d if bits >> i & 1 else -d for i, d in enumerate(unequal))) >= seen
        )
        return extreme / float(2 ** len(unequal))
    rng = random.Random(f"sign-flip/{seed}/{len(unequal)}")  # noqa: S311 - resampling, not secrecy
    extreme = sum(1 for _ in range(DRAWS) if abs(sum(rng.choice((d, -d)) for d in unequal)) >= seen)
    return (extreme + 1) / (DRAWS + 1)
