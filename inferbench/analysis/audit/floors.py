"""How far apart two runs of one configuration land, so that less than that is no observation.

p90 of |log ratio| between runs of the same configuration and concurrency at most 4 days apart, over InferenceX's
published rows; software may have changed between them, so these are upper bounds on noise. Held to 2..14 %: below, a
class had too few pairs to tell; above, a few broken runs made the figure.
"""

from __future__ import annotations

from collections.abc import Callable

from ...domain.measured import MeasuredPoint

Reader = Callable[[MeasuredPoint], float]
"""A figure of a point."""

LEAST, MOST = 0.02, 0.14
INTERACTIVITY = {"mori-sglang": 0.139, "dynamo-sglang": 0.047, "dynamo-trt": 0.14, "sglang": 0.02, "trt": 0.024}
THROUGHPUT = {"mori-sglang": 0.082, "dynamo-sglang": 0.039, "dynamo-trt": 0.14, "sglang": 0.02, "trt": 0.025}
WIDE_GPUS = ("mi300x", "mi325x", "mi355x")
"""On these, aggregated SGLang spread far more than on others."""
SOURCE = "p90 of |log ratio| between re-runs within 4 days, over the rows that InferenceX published"


def interactivity_floor(point: MeasuredPoint) -> float:
    """Relative change of interactivity that a second run may show."""
    return _floor(INTERACTIVITY, point)


def throughput_floor(point: MeasuredPoint) -> float:
    """Relative change of throughput that a second run may show."""
    return _floor(THROUGHPUT, point)


def _floor(table: dict[str, float], point: MeasuredPoint) -> float:
    if point.framework == "sglang" and point.gpu in WIDE_GPUS:
        return MOST
    return min(max(table.get(point.framework, MOST), LEAST), MOST)
