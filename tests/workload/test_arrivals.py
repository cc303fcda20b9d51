"""Due times and slot openings against their closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from inferbench.arrays import Ints
from inferbench.errors import UsageError
from inferbench.units import NS_PER_S
from inferbench.workload.arrivals import RampStrategy, RateRamp, due_times, slot_openings
from inferbench.workload.plan import Arrival


def due(arrival: Arrival, n: int, ramp: RateRamp | None = None, rate: float = 10.0, seed: int = 0) -> Ints:
    made = due_times(arrival, n, rate, 1.0, np.random.default_rng(seed), ramp)
    assert made is not None
    return made


def vllm_rate(strategy: RampStrategy, start: float, end: float, i: int, n: int) -> float:
    """The rate of request i as `vllm bench serve` has it."""
    progress = i / max(n - 1, 1)
    return start + (end - start) * progress if strategy is RampStrategy.LINEAR else start * (end / start) ** progress


@pytest.mark.parametrize("strategy", list(RampStrategy))
@pytest.mark.parametrize(("start", "end"), [(1.0, 50.0), (50.0, 1.0), (20.0, 20.0), (20.0, 20.0001)])
def test_a_ramp_is_the_sum_of_vllms_gaps(strategy: RampStrategy, start: float, end: float) -> None:
    n = 5000
    gaps = np.array([1 / vllm_rate(strategy, start, end, i, n) for i in range(n)])
    found = due(Arrival.CONSTANT, n, RateRamp(strategy, start, end)) / NS_PER_S
    # The integral of 1/rate and its sum over n terms are apart by half the first and last gap, at most.
    assert np.abs(found[1:] - np.cumsum(gaps)[:-1]).max() <= abs(gaps[0] - gaps[-1]) / 2 + gaps.max() * 2 / n + 1e-8
    assert np.all(np.diff(found) > 0)


@pytest.mark.parametrize(
    ("strategy", "seconds"),
    [(RampStrategy.LINEAR, math.log(8) / 7 * 100), (RampStrategy.EXPONENTIAL, 100 / math.log(8) * (1 - 1 / 8))],
)
def test_random_arrivals_take_as_long_as_the_ramp(strategy: RampStrategy, seconds: float) -> None:
    """1 to 8 requests/s over 100 requests: by hand."""
    found = due(Arrival.POISSON, 100, RateRamp(strategy, 1.0, 8.0))
    assert found[-1] / NS_PER_S == pytest.approx(seconds)


def test_random_arrivals_follow_the_rate_of_the_ramp() -> None:
    n, ramp = 40_000, RateRamp(RampStrategy.LINEAR, 10.0, 100.0)
    found = due(Arrival.POISSON, n, ramp) / NS_PER_S
    for at in (0.25, 0.5, 0.75):
        around = found[int(n * at) - 1000 : int(n * at) + 1000]
        # 2,000 Poisson gaps: their mean is off by 2.2 %; three of those.
        assert 2000 / (around[-1] - around[0]) == pytest.approx(10 + 90 * at, rel=0.07)


def test_constant_arrivals_do_not_drift() -> None:
    found = due(Arrival.CONSTANT, 100_000, rate=3.0)
    assert np.abs(found - np.arange(100_000) / 3 * NS_PER_S).max() <= 1


@pytest.mark.parametrize("rate", [0.0, -1.0, math.inf, math.nan])
def test_a_ramp_from_nowhere_is_refused(rate: float) -> None:
    with pytest.raises(UsageError, match=r"rate_ramp\.start"):
        RateRamp(RampStrategy.LINEAR, rate, 10.0)


def test_slots_open_evenly() -> None:
    assert slot_openings(8, 0.0) is None
    opened = slot_openings(5, 10.0)
    assert opened is not None
    assert opened.tolist() == [i * 2 * NS_PER_S for i in range(5)]
    with pytest.raises(UsageError, match="at least 0"):
        slot_openings(5, -1.0)
