"""When a point was run, as far as its software differs from today's."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Sequence

from ..twin.eras import EraName
from .points import Point

AGGREGATED_ERAS = ("2026-01-10", "2026-04-10")
ERAS = {
    ("mi355x sglang", "fp4"): ("2026-02-28", "2026-05-20"),
    ("mi355x sglang", "fp8"): ("2026-02-09", "2026-02-13", "2026-02-28"),
    ("b200 dynamo-sglang", "fp4"): ("2026-03-31",),
    ("b200 dynamo-sglang", "fp8"): ("2026-02-28",),
    ("gb200 dynamo-sglang", "fp4"): ("2025-12-31",),
    ("gb200 dynamo-sglang", "fp8"): ("2025-12-31",),
    ("gb200 dynamo-trtllm", "fp4"): ("2025-12-31",),
    ("b200 dynamo-trtllm", "fp8"): ("2026-02-28",),
}
"""Last days of earlier software: the images change between them. Which of the changes count was chosen with the
points in view; 2026-02-13 has only residuals for it."""
MIXED = "mixed"


def era_of(point: Point) -> str | None:
    """Name of the time whose software a dated point ran; None: today's."""
    assert point.date is not None
    day = point.date.isoformat()
    bounds = ERAS.get((point.stack, point.precision), ()) if point.disaggregated else AGGREGATED_ERAS
    return next((bound for bound in bounds if day <= bound), None)


def eras_of_topologies(points: Sequence[Point]) -> dict[tuple[object, ...], EraName]:
    """Of what time the median over a topology's runs is, where some of its runs are dated.

    Today's, where most of its dated points are: the medians reach beyond the last date. Otherwise that of the middle
    one of the days on which its workers ran these lengths, or between the middle two.
    """
    counts: dict[tuple[object, ...], Counter[str | None]] = defaultdict(Counter)
    days: dict[tuple[object, ...], dict[datetime.date, str | None]] = defaultdict(dict)
    lengths: dict[tuple[object, ...], tuple[object, ...]] = {}
    for point in sorted(points, key=lambda point: point.date or datetime.date.min, reverse=True):
        lengths[point.topology] = *point.shape, point.isl, point.osl
        if point.date is not None:
            era = era_of(point)
            counts[point.topology][era] += 1
            days[lengths[point.topology]][point.date] = era
    found: dict[tuple[object, ...], EraName] = {}
    for topology, own in lengths.items():
        if topology in counts and counts[topology].most_common(1)[0][0] is None:
            found[topology] = None
        elif days[own]:
            found[topology] = _middle([days[own][day] for day in sorted(days[own])])
    return found


def _middle(eras: Sequence[str | None]) -> EraName:
    lower, upper = eras[(len(eras) - 1) // 2], eras[len(eras) // 2]
    return lower if lower == upper else (lower, upper)
