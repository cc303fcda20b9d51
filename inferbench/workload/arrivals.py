"""When requests are due, and when slots open: ns from the start of the run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from inferbench.arrays import Floats, Ints
from inferbench.errors import FieldName, UsageError
from inferbench.units import NS_PER_S
from inferbench.workload.plan import Arrival


class RampStrategy(StrEnum):
    """How a rate rises from one request to the next."""

    LINEAR = "linear"
    EXPONENTIAL = "exponential"


@dataclass(frozen=True, slots=True)
class RateRamp:
    """A request rate that goes from `start` to `end` requests/s over a plan.

    It follows the number of the request, as `vllm bench serve --ramp-up-strategy` has it, and not the time. Raises
    UsageError for rates that are not above 0.
    """

    strategy: RampStrategy
    start: float
    end: float

    def __post_init__(self) -> None:
        for name, rate in {"start": self.start, "end": self.end}.items():
            if not 0 < rate < math.inf:
                raise UsageError(FieldName(f"rate_ramp.{name}"), f" {rate:g} must be above 0 and finite")


def due_times(
    arrival: Arrival, n: int, rate: float, burstiness: float, rng: np.random.Generator, ramp: RateRamp | None = None
) -> Ints | None:
    """Due times of n requests at `rate` requests/s, or along a ramp; shape (n,), rising. None for a closed loop.

    Gaps are gamma distributed with shape `burstiness` and mean 1/rate: 1 is Poisson, below 1 bursts, above 1
    evens out. They are scaled so that the last request is due at n/rate, as `vllm bench serve` does: the offered
    rate is then the asked one in every run, and not one draw of it. Constant arrivals begin at 0.
    """
    if not arrival.is_open:
        return None
    nth = _in_requests(arrival, n, burstiness, rng)
    seconds = nth / rate if ramp is None else _along(ramp, nth, n)
    return (seconds * NS_PER_S).astype(np.int64)


def _in_requests(arrival: Arrival, n: int, burstiness: float, rng: np.random.Generator) -> Floats:
    """Arrival times on a clock that ticks once per mean gap, from 0 to n."""
    if arrival is Arrival.CONSTANT:
        return np.arange(n, dtype=np.float64)
    shape = 1.0 if arrival is Arrival.POISSON else burstiness
    nth: Floats = np.cumsum(rng.gamma(shape, 1 / shape, size=n))
    return nth * (n / nth[-1]) if n else nth


def _along(ramp: RateRamp, nth: Floats, n: int) -> Floats:
    """Time at which a ramp has let `nth` requests through, s: the integral of 1/rate from 0 to nth.

    Linear, rate(x) = a + (b - a) x/n: n/(b - a) ln(rate(x)/a). Exponential, rate(x) = a k^(x/n), k = b/a:
    n/(a ln k) (1 - k^(-x/n)).
    """
    start, end = ramp.start, ramp.end
    if start == end:
        return nth / start
    if ramp.strategy is RampStrategy.LINEAR:
        linear: Floats = n / (end - start) * np.log1p((end - start) / start * nth / n)
        return linear
    log_ratio = math.log(end / start)
    exponential: Floats = -n / (start * log_ratio) * np.expm1(-log_ratio * nth / n)
    return exponential


def slot_openings(max_concurrency: int, ramp_s: float) -> Ints | None:
    """When each slot may first be used, so that they open evenly over `ramp_s` seconds; None where all open at 0."""
    if ramp_s < 0:
        raise UsageError(f"a concurrency ramp of {ramp_s:g} s is not possible; it must be at least 0")
    if ramp_s == 0:
        return None
    return (np.arange(max_concurrency) * (ramp_s * NS_PER_S / max_concurrency)).astype(np.int64)
