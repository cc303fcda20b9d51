"""One sweep point of two runs side by side: figures and their ratios, without a verdict on them."""

from __future__ import annotations

from inferbench.metrics.summary import Basis
from inferbench.values import Value


class MetricRatio(Value):
    """One figure in both runs."""

    metric: str
    unit: str
    a: float | None
    """None where the run has no such figure."""
    b: float | None
    ratio: float | None
    """b over a; None where either is missing or a is 0."""


class PointComparison(Value):
    """A sweep point that both runs have, on one basis."""

    point: str
    """Key of the sweep point."""
    basis: Basis
    metrics: tuple[MetricRatio, ...]
    """Empty where the point cannot be compared."""
    not_compared: str | None = None
    """Why the point cannot be compared although both runs have it."""
