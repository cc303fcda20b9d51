"""The live leg: what the client measured over real sockets, beside what the local server says it did."""

from __future__ import annotations

from inferbench.metrics.metric import DistributionMetric
from inferbench.metrics.summary import PointSummary
from inferbench.values import Value


class LiveStep(Value):
    """One number of streams against a server of known pace."""

    concurrency: int
    summary: PointSummary
    truth_ttft_p50_ms: float
    """Median time from the request's arrival to its first token's departure, by the server's own record."""
    truth_tpot_p50_ms: float
    ttft_error: float
    """Measured over true median TTFT, minus 1."""
    tpot_error: float

    def truth_p50_ms(self, metric: DistributionMetric) -> float:
        """The server's own median of a metric that it is held to. Raises AttributeError for another metric."""
        value: float = getattr(self, f"truth_{metric.name}_p50_ms")
        return value

    def error(self, metric: DistributionMetric) -> float:
        """Measured over true median of such a metric, minus 1."""
        value: float = getattr(self, f"{metric.name}_error")
        return value


class LiveResult(Value):
    """All steps, and the most streams that the client held honestly."""

    steps: tuple[LiveStep, ...]
    held: int | None
    """None where not even the first step was valid."""
