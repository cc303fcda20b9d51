"""A watched sweep point with plausible curves. Nothing here was measured."""

from __future__ import annotations

import math

from inferbench.telemetry.bottleneck_values import Bottleneck, Stage
from inferbench.telemetry.timeline import Lane, TimelineCurve, WatchedPoint
from tests.support.factories import sweep_point


def curve(level: float, swing: float, n: int = 40) -> tuple[float | None, ...]:
    return tuple(None if i == 7 else level + swing * math.sin(i / 4) for i in range(n))


def watched(
    place: Stage | None = Stage.KV_TRANSFER, evidence: str = "Of 32 requests in flight 45% ..."
) -> WatchedPoint:
    lanes = (
        Lane(title="TTFT", unit="ms", traces=(TimelineCurve(name="client, median", values=curve(900, 200)),)),
        Lane(title="TPOT", unit="ms", traces=(TimelineCurve(name="client, median", values=curve(21, 1)),)),
        Lane(
            title="Requests",
            unit="requests",
            traces=(
                TimelineCurve(name="in flight (client)", values=curve(32, 0)),
                TimelineCurve(name="running in engines", values=curve(15, 3)),
                TimelineCurve(name="KV on its way", values=curve(14, 3)),
            ),
        ),
        Lane(title="KV transfer", unit="ms", traces=(TimelineCurve(name="mean time", values=curve(120, 30)),)),
        Lane(title="Power", unit="W", traces=(TimelineCurve(name="all GPUs", values=curve(5200, 400)),)),
    )
    return WatchedPoint(
        point=sweep_point(),
        seconds=tuple(i + 0.5 for i in range(40)),
        lanes=lanes,
        window=(6.0, 34.0),
        bottleneck=Bottleneck(place=place, evidence=(evidence,)),
        gaps=("http://127.0.0.1:1/metrics cannot be reached: Connection refused",),
    )
