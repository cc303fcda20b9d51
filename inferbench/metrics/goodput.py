"""Goodput: requests per second that a service-level objective would count as served."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inferbench.errors import UsageError
from inferbench.files.spelling import unknown
from inferbench.metrics.families import OF_A_POINT, OF_ONE_REQUEST
from inferbench.metrics.metric import DistributionMetric
from inferbench.metrics.ttft_tpot import Latencies
from inferbench.scenario.scenario import Slo

STATISTIC = "p99"
"""What of a latency over requests the limits are on."""


LIMITS = {metric.name: f"{metric.at(STATISTIC).name}_{metric.unit}" for metric in OF_A_POINT}
"""By the name of a metric, the field that holds its limit, and in a point of a front its value."""


def limits(slo: Slo) -> tuple[tuple[DistributionMetric, float], ...]:
    """Return the limits that an SLO gives, each with its metric, in the metric's unit."""
    given = ((metric, getattr(slo, LIMITS[metric.name])) for metric in OF_A_POINT)
    return tuple((metric, limit) for metric, limit in given if limit is not None)


METRICS = tuple(metric.name for metric in OF_ONE_REQUEST)


@dataclass(frozen=True, slots=True)
class GoodputSlo:
    """Limits on the latencies of a single request, ms; None: no limit."""

    ttft: float | None = None
    tpot: float | None = None
    e2el: float | None = None

    def kept(self, lat: Latencies) -> NDArray[np.bool_]:
        """Which requests succeeded within every limit, shape (n,).

        A request with no token after its first chunk has no TPOT, and keeps any limit on it, as in vLLM.
        """
        kept = lat.ok.copy()
        for name in METRICS:
            if (limit := getattr(self, name)) is not None:
                kept &= ~(getattr(lat, name) > limit)
        return kept


def parse_clause(text: str) -> tuple[str, float]:
    """Parse one clause of `vllm bench serve --goodput`: `ttft:2000`, in ms.

    Raises ValueError where it is no NAME:MS at all, UsageError for an unknown metric or a limit not above 0.
    """
    name, separator, limit = text.partition(":")
    value = float(limit) if separator else math.nan
    if math.isnan(value):
        raise ValueError(text)
    if name not in METRICS:
        raise UsageError(unknown("goodput metric", name, METRICS))
    if value <= 0:
        raise UsageError(f"the goodput limit {text} must be above 0 ms")
    return name, value


def goodput_slo(clauses: Iterable[tuple[str, float]]) -> GoodputSlo | None:
    """Put clauses together; None for none. Raises UsageError for a metric given twice."""
    limits: dict[str, float] = {}
    for name, limit in clauses:
        if name in limits:
            raise UsageError(f"the goodput limit on {name} is given twice")
        limits[name] = limit
    return GoodputSlo(**limits) if limits else None
