"""Where a history of runs changed its level: E-divisive candidates, accepted by a t-test.

Matteson and James (Journal of the American Statistical Association 109, 2014) split a series where the energy distance
between the two sides is largest. Hunter (Fleming et al., ICPE 2023, arXiv 2301.03034) replaced their permutation test
by a t-test, so that the same history always gives the same changes. Here the t-test's level is divided by the number of
splits that were looked at, so that a stable series of any length has a change with a chance of at most ALPHA.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inferbench.regression.intervals import Floats

ALPHA = 0.01
"""Chance that a series without any change is given one."""
SHORTEST = 2
"""Fewest runs on either side of a change: a change can be seen at the second run of the new level."""


def change_points(values: Sequence[float] | Floats, alpha: float = ALPHA) -> tuple[int, ...]:
    """Indices at which a new level begins, in order; `values` in the order of the runs, best as logarithms."""
    series = np.asarray(values, dtype=np.float64)
    found: list[int] = []
    segments = [(0, len(series))]
    while segments:
        begin, end = segments.pop()
        split = _split(series[begin:end], alpha)
        if split is not None:
            found.append(begin + split)
            segments += [(begin, begin + split), (begin + split, end)]
    return tuple(sorted(found))


def _split(segment: Floats, alpha: float) -> int | None:
    """Where a segment changes its level; None where it is one level."""
    candidates = np.arange(SHORTEST, len(segment) - SHORTEST + 1)
    if len(candidates) == 0:
        return None
    at = int(candidates[np.argmax(_divergence(segment)[candidates])])
    return at if _p_equal(segment[:at], segment[at:]) <= alpha / len(candidates) else None


def _divergence(segment: Floats) -> Floats:
    """The energy distance between the two sides of every split, scaled by n m / (n + m); shape (len + 1,).

    With S(A, B) the sum of |a - b|: 2 S(X, Y) / (n m) - S(X, X) / n^2 - S(Y, Y) / m^2. Its sums are prefix sums of
    the matrix of distances, so all splits together cost what the matrix costs.
    """
    size = len(segment)
    distances = np.abs(segment[:, None] - segment[None, :])
    sums = np.zeros((size + 1, size + 1))
    sums[1:, 1:] = distances.cumsum(axis=0).cumsum(axis=1)
    n = np.arange(size + 1)
    left = sums[n, n]
    across = sums[n, size] - left
    right = sums[size, size] - left - 2 * across
    m = size - n
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = 2 * across / (n * m) - left / n**2 - right / m**2
        scaled = distance * n * m / size
    return np.asarray(np.nan_to_num(scaled, nan=-np.inf, posinf=-np.inf))


def _p_equal(left: Floats, right: Floats) -> float:
    """Two-sided p-value of Student's t-test with a pooled variance: a level of two runs has none of its own."""
    n, m = len(left), len(right)
    pooled = (left.var() * n + right.var() * m) / (n + m - 2)
    gap = abs(float(left.mean() - right.mean()))
    if pooled == 0:
        return 0.0 if gap > 0 else 1.0
    from scipy.special import stdtr  # where it is used: it takes longer to import than all else here

    return float(2 * stdtr(n + m - 2, -gap / np.sqrt(pooled * (1 / n + 1 / m))))
