"""Distributions: mean, deviation and percentiles of a metric."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from inferbench.arrays import Floats, Ints
from inferbench.metrics.summary import Distribution

QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)


def distribution(values: Floats, counts: Ints | None = None) -> Distribution | None:
    """Describe values (each occurring `counts` times); None where there is none. NaN values do not count.

    Percentiles are linear between order statistics, as numpy's default; std is of the population.
    """
    present = ~np.isnan(values)
    values, counts = values[present], None if counts is None else counts[present]
    if not len(values) or (counts is not None and not counts.any()):
        return None
    if counts is None or (counts == 1).all():  # as mostly: to sort values alone is several times quicker
        return _each_once(np.sort(values))
    order = np.argsort(values)
    values, weights = values[order], counts[order]
    reached = np.cumsum(weights)
    mean = float(np.average(values, weights=weights))
    std = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
    return _describe(int(reached[-1]), mean, std, lambda rank: values[np.searchsorted(reached, rank, side="right")])


def _each_once(ordered: Floats) -> Distribution:
    return _describe(len(ordered), float(ordered.mean()), float(ordered.std()), lambda rank: ordered[rank])


def _describe(n: int, mean: float, std: float, at: Callable[[int], float]) -> Distribution:
    """Percentiles out of n values of which `at` gives the one of a rank, from 0."""
    p50, p90, p95, p99, p999 = (_quantile(n, q, at) for q in QUANTILES)
    return Distribution(n=n, mean=mean, std=std, p50=p50, p90=p90, p95=p95, p99=p99, p999=p999)


def _quantile(n: int, q: float, at: Callable[[int], float]) -> float:
    position = (n - 1) * q
    below = int(position)
    low, high = at(below), at(min(below + 1, n - 1))
    return float(low + (high - low) * (position - below))
