"""Intervals for quantiles: coverage, the sizes that they need, and scipy's as an independent computation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from inferbench.metrics.percentile_intervals import percentile_interval

RUNS = 2000


@pytest.mark.parametrize(("q", "n"), [(0.5, 25), (0.5, 400), (0.9, 120), (0.99, 1000)])
def test_the_interval_covers_the_truth_as_often_as_it_says(q: float, n: int) -> None:
    rng = np.random.default_rng(7)
    truth = -math.log(1 - q)  # of an exponential
    found = [percentile_interval(rng.exponential(size=n), q, 0.9) for _ in range(RUNS)]
    covered = np.mean([interval is not None and interval[0] <= truth <= interval[1] for interval in found])
    error = 3 * math.sqrt(0.9 * 0.1 / RUNS)
    assert covered >= 0.9 - error
    # Order statistics come in steps, so it covers more often than asked, but not without end.
    assert covered <= 0.9 + 0.07 + error


@pytest.mark.parametrize(("q", "confidence"), [(0.5, 0.95), (0.99, 0.95), (0.9, 0.99)])
def test_n_too_small_is_none(q: float, confidence: float) -> None:
    # The largest of n lies below the quantile with probability q^n; as (1 - confidence)/2 is allowed, n must be
    # log((1 - confidence)/2) / log q at least (the smallest, for q of a half or more, is reached earlier).
    least = math.ceil(math.log((1 - confidence) / 2) / math.log(q))
    assert percentile_interval(np.arange(least - 1.0), q, confidence) is None
    interval = percentile_interval(np.arange(float(least)), q, confidence)
    assert interval is not None
    assert interval[1] == least - 1


def test_the_ranks_by_hand() -> None:
    # n = 10, the median, 90 %: P(X <= 1) = 11/1024 and P(X <= 2) = 56/1024, so the second and the ninth value.
    assert percentile_interval(np.arange(1, 11.0), 0.5, 0.9) == (2, 9)
    assert percentile_interval(np.array([*range(1, 11), math.nan]), 0.5, 0.9) == (2, 9)


def test_nothing_has_no_interval() -> None:
    assert percentile_interval(np.empty(0), 0.5) is None


@pytest.mark.parametrize(("q", "confidence"), [(0.0, 0.9), (1.0, 0.9), (0.5, 1.0), (0.5, 0.0)])
def test_what_is_no_quantile_is_refused(q: float, confidence: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        percentile_interval(np.arange(5.0), q, confidence)


def test_a_large_n_does_not_underflow() -> None:
    interval = percentile_interval(np.arange(1_000_000.0), 0.99)
    assert interval is not None
    # Normal approximation: 990,000 +- 1.96 sqrt(1e6 x 0.99 x 0.01).
    assert interval == pytest.approx((990_000 - 195, 990_000 + 195), abs=3)
