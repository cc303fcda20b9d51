"""Intervals for quantiles that assume nothing of the distribution."""

from __future__ import annotations

import numpy as np

from inferbench.arrays import Floats


def percentile_interval(values: Floats, q: float, confidence: float = 0.95) -> tuple[float, float] | None:
    """Two order statistics that hold the q-quantile between them with at least `confidence`; None: n is too small.

    The number of n independent values below the quantile is binomial (n, q), whatever their distribution, so ranks
    l < u with P(X < l) and P(X >= u) at most half of what is left each will do (David and Nagaraja, Order Statistics,
    section 7.1). NaN values do not count.

    Requests of one run are not independent: they share batches and queues. Over the requests of a run the interval is
    too narrow; it holds for independent runs, and says at best how much a single run's figure is worth. Raises
    ValueError for a q or a confidence that does not lie between 0 and 1.
    """
    if not (0 < q < 1 and 0 < confidence < 1):
        raise ValueError(f"q {q} and confidence {confidence} must lie between 0 and 1")
    ordered = np.sort(values[~np.isnan(values)])
    n, tail = len(ordered), (1 - confidence) / 2
    at_most = np.cumsum(_binomial(n, q))  # at_most[k] = P(X <= k)
    low = int(np.searchsorted(at_most, tail, side="right"))  # largest l with P(X < l) <= tail
    high = int(np.searchsorted(at_most, 1 - tail, side="left")) + 1  # smallest u with P(X >= u) <= tail
    if low < 1 or high > n:
        return None
    return float(ordered[low - 1]), float(ordered[high - 1])


def _binomial(n: int, q: float) -> Floats:
    """Probabilities of 0 .. n successes of n, through logarithms, so that a large n does not underflow."""
    k = np.arange(1, n + 1)
    log = np.concatenate([[0.0], np.cumsum(np.log((n - k + 1) / k))])
    probability: Floats = np.exp(log + np.arange(n + 1) * np.log(q) + (n - np.arange(n + 1)) * np.log1p(-q))
    return probability
