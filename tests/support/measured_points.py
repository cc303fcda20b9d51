"""Small measured points for tests, self-consistent by default."""

from __future__ import annotations

import datetime
from typing import Any

from inferbench.evidence.measured_point import Latency, MeasuredPoint, RoleWorkers

DAY = datetime.date(2026, 5, 27)
TP8 = RoleWorkers(workers=1, gpus=8, tp=8)


def point(**changes: Any) -> MeasuredPoint:
    """An aggregated FP8 point on 8 H200: 64 requests of 1,024 + 1,024 tokens take 20 s, by Little's law."""
    fields: dict[str, Any] = {
        "date": DAY,
        "gpu": "h200",
        "framework": "sglang",
        "model": "deepseek-r1-0528",
        "precision": "fp8",
        "isl": 1024,
        "osl": 1024,
        "concurrency": 64,
        "decode": TP8,
        "tput_per_gpu": 0.9 * 64 * 2048 / 20 / 8,
        "interactivity": 50.0,
        "e2el_ms": Latency(mean=20_000, p50=20_000),
    }
    return MeasuredPoint(**(fields | changes))


def curve(paces: dict[int, float], tputs: dict[int, float] | None = None, **changes: Any) -> list[MeasuredPoint]:
    """One topology on one day: interactivity by concurrency, throughput 10 tok/s/GPU per request unless given."""
    return [
        point(concurrency=c, interactivity=pace, tput_per_gpu=(tputs or {}).get(c, 10.0 * c), e2el_ms=None, **changes)
        for c, pace in paces.items()
    ]
