"""Distributions: mean, deviation and percentiles of a metric."""

from __future__ import annotations

import numpy as np

from ..domain.records import Floats, Ints
from ..domain.summary import Distribution

QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)


def distribution(values: Floats, counts: Ints | None = None) -> Distribution | None:
    """Describe values (each occurring `counts` times); None where there is none. NaN values do not count.

    Percentiles are linear between order statistics, as numpy's default; std is of the population.
    """
    present = ~np.isnan(values)
    values = values[present]
    weights = np.ones(len(values), dtype=np.int64) if counts is None else counts[present]
    n = int(weights.sum())
    if n == 0:
        return None
    if n == len(values):  # each once, as mostly: to sort values alone is several times quicker than to sort both
        values, reached = np.sort(values), np.arange(1, n + 1)
    else:
        order = np.argsort(values)
        values, weights = values[order], weights[order]
        reached = np.cumsum(weights)
    mean = float(np.average(values, weights=weights))
    std = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
    p50, p90, p95, p99, p999 = (_quantile(values, reached, n, q) for q in QUANTILES)
    return Distribution(n=n, mean=mean, std=std, p50=p50, p90=p90, p95=p95, p99=p99, p999=p999)


def _quantile(ordered: Floats, reached: Ints, n: int, q: float) -> float:
    """Quantile of values in order, where `reached[i]` of the n occurrences lie at or below value i."""
    position = (n - 1) * q
    below = int(position)
    low = ordered[np.searchsorted(reached, below, side="right")]
    high = ordered[np.searchsorted(reached, min(below + 1, n - 1), side="right")]
    return float(low + (high - low) * (position - below))
