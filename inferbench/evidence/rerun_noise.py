"""How far apart two runs of one configuration land, so that less than that is no observation.

p90 of |log ratio| between runs of the same configuration and concurrency at most 4 days apart, over InferenceX's
published rows; software may have changed between them, so these are upper bounds on noise. Held to 2..14 %: below, a
class had too few pairs to tell; above, a few broken runs made the figure.
"""

from __future__ import annotations

from collections.abc import Callable

from inferbench.evidence.measured_point import MeasuredPoint
from inferbench.uncertainty.combine import run_to_run

Reader = Callable[[MeasuredPoint], float]
"""A figure of a point."""

LEAST, MOST = 0.02, 0.14
INTERACTIVITY = {"mori-sglang": 0.139, "dynamo-sglang": 0.047, "dynamo-trt": 0.14, "sglang": 0.02, "trt": 0.024}
THROUGHPUT = {"mori-sglang": 0.082, "dynamo-sglang": 0.039, "dynamo-trt": 0.14, "sglang": 0.02, "trt": 0.025}
WIDE_GPUS = ("mi300x", "mi325x", "mi355x")
"""On these, aggregated SGLang spread far more than on others."""
SOURCE = "p90 of |log ratio| between re-runs within 4 days, over the rows that InferenceX published"


def rerun_half_width(framework: str, gpu: str) -> float | None:
    """Relative half-width of one published throughput, from how far re-runs land apart; None for a class without one.

    Of a class that was held to LEAST or MOST it is as wide as that.
    """
    if framework not in THROUGHPUT:
        return None
    return run_to_run("throughput", _floor(THROUGHPUT, framework, gpu), SOURCE).high - 1


def interactivity_floor(point: MeasuredPoint) -> float:
    """Relative change of interactivity that a second run may show."""
    return _floor(INTERACTIVITY, point.framework, point.gpu)


def throughput_floor(point: MeasuredPoint) -> float:
    """Relative change of throughput that a second run may show."""
    return _floor(THROUGHPUT, point.framework, point.gpu)


def _floor(table: dict[str, float], framework: str, gpu: str) -> float:
    if framework == "sglang" and gpu in WIDE_GPUS:
        return MOST
    return min(max(table.get(framework, MOST), LEAST), MOST)
