"""What client, servers and GPUs did over the time of a sweep point, on one axis."""

from __future__ import annotations

from inferbench.metrics.summary import SweepPoint
from inferbench.telemetry.bottleneck_values import Bottleneck
from inferbench.values import Value


class TimelineCurve(Value):
    """One curve: a value for each instant of the timeline, None where there is none."""

    name: str
    values: tuple[float | None, ...]


class Lane(Value):
    """Curves of one unit, drawn above each other with all other lanes."""

    title: str
    unit: str
    traces: tuple[TimelineCurve, ...]


class WatchedPoint(Value):
    """A sweep point whose servers were watched."""

    point: SweepPoint
    seconds: tuple[float, ...]
    """Instants, s from the first request: the middles of equal steps."""
    lanes: tuple[Lane, ...]
    window: tuple[float, float] | None
    """Begin and end of the steady state, s; None where there was none."""
    bottleneck: Bottleneck
    gaps: tuple[str, ...]
    """What could not be read, one line each."""
