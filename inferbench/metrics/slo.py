"""The limits of an SLO on a sweep point, each with the metric that it is on."""

from __future__ import annotations

from inferbench.metrics.families import OF_A_POINT
from inferbench.metrics.metric import DistributionMetric
from inferbench.scenario.scenario import Slo

STATISTIC = "p99"
"""What of a latency over requests the limits are on."""
LIMITS = {metric.name: f"{metric.at(STATISTIC).name}_{metric.unit}" for metric in OF_A_POINT}
"""By the name of a metric, the field that holds its limit, and in a point of a front its value."""


def limits(slo: Slo) -> tuple[tuple[DistributionMetric, float], ...]:
    """Return the limits that an SLO gives, each with its metric, in the metric's unit."""
    given = ((metric, getattr(slo, LIMITS[metric.name])) for metric in OF_A_POINT)
    return tuple((metric, limit) for metric, limit in given if limit is not None)
