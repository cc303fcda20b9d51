"""What the points of a store can be drawn against: the axes, their units, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass

from inferbench.metrics import catalog
from inferbench.metrics.families import SIDEWAYS
from inferbench.metrics.metric import CostMetric, MetricEntry


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis."""

    title: str
    unit: str
    sign: int
    """1: more is better; -1: less is."""
    priced: bool = False
    """Whether it takes a price or a power of a price book."""

    @property
    def label(self) -> str:
        """Title and unit, as it stands at the axis."""
        return f"{self.title}, {self.unit}"


def _axis(metric: MetricEntry, unit: str = "") -> Axis:
    """The axis of a metric; `unit` where an axis has room for more words than a table."""
    return Axis(metric.title, unit or metric.unit, metric.sign, priced=isinstance(metric, CostMetric))


X_AXES = {metric.name: _axis(metric) for metric in SIDEWAYS}
"""By the column of the store's points that holds them."""

Y_AXES = {
    "throughput": _axis(catalog.TPUT_PER_GPU),
    "cost": _axis(catalog.USD_PER_MTOK_TOTAL, "$ per million tokens"),
    "per_mw": _axis(catalog.TOKENS_PER_S_PER_MW, "tok/s per provisioned MW"),
    "energy": _axis(catalog.JOULES_PER_TOKEN_PROVISIONED, "J per token"),
    "gpu_energy": _axis(catalog.JOULES_PER_TOTAL_TOKEN, "J per token"),
}

TOKENS = {
    "total": catalog.TPUT_PER_GPU.name,
    "output": catalog.OUTPUT_TPUT_PER_GPU.name,
    "input": catalog.INPUT_TPUT_PER_GPU.name,
}
"""Which tokens count, and the column of their throughput; all GPUs are charged to whichever are asked about."""
