"""When a point was run, as far as its software differs from today's."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Sequence

from inferbench.evidence.points_csv import Point
from inferbench.simulator.parameters.software_versions import SoftwareName

AGGREGATED_ERAS = ("2026-01-10", "2026-04-10")
SOFTWARE_DATES = {
    ("mi355x sglang", "fp4"): ("2026-02-28", "2026-05-20"),
    ("mi355x sglang", "fp8"): ("2026-02-09", "2026-02-13", "2026-02-28"),
    ("b200 dynamo-sglang", "fp4"): ("2026-03-31",),
    ("b200 dynamo-sglang", "fp8"): ("2026-02-28",),
    ("gb200 dynamo-sglang", "fp4"): ("2025-12-31",),
    ("gb200 dynamo-sglang", "fp8"): ("2025-12-31",),
    ("gb200 dynamo-trtllm", "fp4"): ("2025-12-31",),
    ("b200 dynamo-trtllm", "fp8"): ("2026-02-28",),
}
"""Last days of earlier software: images and recipes change between them (on MI355X with InferenceX's pull requests 674,
700, 823 and 1566). Which of the changes count was chosen with the points in view."""
MIXED = "mixed"
Days = tuple[datetime.date, datetime.date]
"""Of a point, or the middle two of those that a median is of."""


def software_versions_of(point: Point, day: datetime.date) -> str | None:
    """Name of the time whose software a point ran on that day; None: today's."""
    bounds = SOFTWARE_DATES.get((point.stack, point.precision), ()) if point.disaggregated else AGGREGATED_ERAS
    return next((bound for bound in bounds if day.isoformat() <= bound), None)


def software_versions_between(point: Point, days: Days | None) -> SoftwareName:
    """Name of the time of a point of those days: two names, half-way between, where they differ."""
    if days is None:
        return MIXED
    lower, upper = (software_versions_of(point, day) for day in days)
    return lower if lower == upper else (lower, upper)


def settled_days(points: Sequence[Point]) -> dict[tuple[object, ...], Days]:
    """Of what days the median over a topology's runs is, where some of its runs are dated.

    The last, where most of its dated points ran today's software: the medians reach beyond the last date. Otherwise
    the middle one of the days on which its workers ran these lengths, or the middle two.
    """
    current: dict[tuple[object, ...], Counter[bool]] = defaultdict(Counter)
    days: dict[tuple[object, ...], set[datetime.date]] = defaultdict(set)
    lengths: dict[tuple[object, ...], tuple[object, ...]] = {}
    for point in points:
        lengths[point.topology] = own = *point.shape, point.isl, point.osl
        if point.date is not None:
            current[point.topology][software_versions_of(point, point.date) is None] += 1
            days[own].add(point.date)
    found: dict[tuple[object, ...], Days] = {}
    for topology, own in lengths.items():
        ran = sorted(days[own])
        if current[topology][True] > current[topology][False]:
            found[topology] = ran[-1], ran[-1]
        elif ran:
            found[topology] = ran[(len(ran) - 1) // 2], ran[len(ran) // 2]
    return found
