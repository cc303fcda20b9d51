"""Whether an open loop asks for more than the server can do: its backlog then grows without end."""

from __future__ import annotations

import numpy as np

from inferbench.arrays import Floats, Ints
from inferbench.units import NS_PER_S

SLICES = 12
"""Equal parts of the run; the mean backlog of each is one point of the regression."""

T_99 = 3.169
"""Student's t for SLICES - 2 degrees of freedom, two-sided 99 %."""

MIN_GROWTH = 0.02
"""Growth, as a share of the arrival rate, that counts: a queue near its limit wanders, and slowly, without growing."""


def growth(start_ns: Ints, end_ns: Ints, begin_ns: int, until_ns: int) -> float | None:
    """Return by how many requests a second the backlog grows from `begin_ns` to `until_ns`; None where it does not.

    The backlog is the number of requests that have started and not ended. A line is fitted through its means over
    SLICES parts, which are far less correlated than its values; it grows where even the lower end of the slope's 99 %
    interval is above MIN_GROWTH of the arrival rate. The first part is left out, since every run begins empty.
    """
    edges = np.linspace(begin_ns, until_ns, SLICES + 2)[1:]
    means = _mean_backlog(start_ns, end_ns, edges)
    middles = (edges[1:] + edges[:-1]) / 2 / NS_PER_S
    slope, half_width = _slope(middles, means)
    arrivals = len(start_ns) / ((until_ns - begin_ns) / NS_PER_S)
    return slope if slope - half_width > MIN_GROWTH * arrivals else None


def _mean_backlog(start_ns: Ints, end_ns: Ints, edges: Floats) -> Floats:
    """Mean number in flight between neighbouring edges: request-time within each part over its length."""

    def time_before(edge: float) -> float:
        return float(np.maximum(np.minimum(end_ns, edge) - start_ns, 0).sum())

    means: Floats = np.diff([time_before(edge) for edge in edges]) / np.diff(edges)
    return means


def _slope(x: Floats, y: Floats) -> tuple[float, float]:
    """Slope of the least-squares line, and half the width of its 99 % interval."""
    x = x - x.mean()
    spread = float((x**2).sum())
    slope = float((x * y).sum()) / spread
    residual = y - y.mean() - slope * x
    error = float(np.sqrt((residual**2).sum() / (len(x) - 2) / spread))
    return slope, T_99 * error
