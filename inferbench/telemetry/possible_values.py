"""What a metric can be at all: what lies outside is no reading, whatever number a tool writes for "I do not know".

Tools and drivers write their blanks as numbers: -1, 0xFFFF, 0xFFFFFFFF, NVML's and DCGM's 0x7FFFFFF0 and
0x7FFFFFFFFFFFFFF0 (dcgm_structs.h, DCGM_INT32_BLANK and DCGM_INT64_BLANK) and 140737488355328.0 (DCGM_FP64_BLANK). A
bound on what the thing itself can be meets all of them, in each unit, and a value in the wrong unit too.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from inferbench.telemetry.series import Metric

HIGHEST_POWER_W = 20_000.0
"""More than any GPU or module of GPUs draws (1.4 kW in 2026), less than any blank, and less than an idle GPU's mW."""
HIGHEST_SHARE = 1.05
"""Some tools round up."""

LIMITS: Mapping[Metric, tuple[float, float]] = {
    Metric.POWER: (0.0, HIGHEST_POWER_W),
    Metric.ENERGY: (0.0, 1e11),  # three years at 1 kW
    Metric.GPU_CLOCK: (0.0, 20_000.0),
    Metric.MEMORY_CLOCK: (0.0, 60_000.0),
    Metric.TEMPERATURE: (-60.0, 250.0),
    Metric.MEMORY_TEMPERATURE: (-60.0, 250.0),
    Metric.MEMORY_USED: (0.0, 2.0**50),
}
"""Lowest and highest value of what GPUs tell, in the vocabulary's units."""


def limits(metric: Metric) -> tuple[float, float]:
    """Lowest and highest value that a metric can have, in the vocabulary's unit. Nothing is NaN or infinite."""
    return LIMITS.get(metric, (0.0, HIGHEST_SHARE if metric.unit == "share" else sys.float_info.max))


def possible(metric: Metric, value: float) -> bool:
    """Whether a value can be one of that metric."""
    low, high = limits(metric)
    return low <= value <= high
