"""When requests are due, ns from the start of the run."""

from __future__ import annotations

import numpy as np

from ..domain.plan import Arrival
from ..domain.records import Ints
from ..domain.units import NS_PER_S


def due_times(arrival: Arrival, n: int, rate: float, burstiness: float, rng: np.random.Generator) -> Ints | None:
    """Due times of n requests at `rate` requests/s; shape (n,), rising, from 0. None for a closed loop.

    Gaps are gamma distributed with shape `burstiness` and mean 1/rate: 1 is Poisson, below 1 bursts, above 1
    evens out. They are scaled so that the last request is due at n/rate, as `vllm bench serve` does: the offered
    rate is then the asked one in every run, and not one draw of it.
    """
    if not arrival.is_open:
        return None
    if arrival is Arrival.CONSTANT:
        return (np.arange(n) * (NS_PER_S / rate)).astype(np.int64)
    shape = 1.0 if arrival is Arrival.POISSON else burstiness
    due = np.cumsum(rng.gamma(shape, 1 / (rate * shape), size=n))
    due *= (n / rate) / due[-1]
    return (due * NS_PER_S).astype(np.int64)
