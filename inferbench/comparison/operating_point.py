"""What a deployment reaches at an operating point."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np

from inferbench.comparison.frontier import curve_of, front_of
from inferbench.comparison.interpolation import interpolate
from inferbench.comparison.verdict import FrontierPoint, Reading
from inferbench.metrics.goodput import LIMITS, limits
from inferbench.scenario.scenario import OperatingPoint, Slo
from inferbench.token_cost.per_token import usd_per_mtok


def read_at(points: Sequence[FrontierPoint], deployment: str, operating_point: OperatingPoint) -> Reading:
    """Read one deployment's throughput at an operating point.

    `points` are all its usable points, not only its front: a point off the front may be the one that keeps a
    TTFT limit. At an interactivity the front is interpolated and never left; under an SLO the point of the highest
    throughput per GPU that keeps every limit counts, without interpolation, since a p99 between two measured
    loads is not known. Raises ValueError for points of another deployment.
    """
    if strangers := {point.deployment for point in points} - {deployment}:
        raise ValueError(f"points of {', '.join(sorted(strangers))}, not of {deployment}")
    if not points:
        return Reading(deployment=deployment, tput_per_gpu=None, unreachable="no usable point")
    if operating_point.slo is not None:
        return _under_slo(points, deployment, operating_point.slo)
    assert operating_point.interactivity is not None, "an operating point has an SLO or an interactivity"
    return _at_interactivity(front_of(points), deployment, operating_point.interactivity)


def spline_cost(front: Sequence[FrontierPoint], usd_per_gpu_hour: float, target: float) -> float:
    """Return $/Mtok at an interactivity with the cost of each front point interpolated by itself.

    InferenceX read published costs so until mid-2026. The reciprocal of a curve is not the curve of the reciprocals,
    so it differs from price over interpolated throughput, by 2-3 % in a wide gap. Raises ValueError outside the front.
    """
    x, y = curve_of(front)
    return float(interpolate(x, np.array([usd_per_mtok(usd_per_gpu_hour, tput) for tput in y]), target))


def distances(reading: Reading, target: float) -> tuple[float, float] | None:
    """Return how far below and above `target` the nearest measured points lie, tok/s/user; None where unreached."""
    if reading.below is None or reading.above is None:
        return None
    return target - reading.below.interactivity, reading.above.interactivity - target


def _at_interactivity(front: Sequence[FrontierPoint], deployment: str, target: float) -> Reading:
    x, y = curve_of(front)
    if not x[0] <= target <= x[-1]:
        reached = f"{x[0]:.4g} to {x[-1]:.4g}" if len(x) > 1 else f"{x[0]:.4g}"
        return Reading(deployment=deployment, tput_per_gpu=None, unreachable=f"reaches {reached} tok/s/user")
    return Reading(
        deployment=deployment,
        tput_per_gpu=float(interpolate(x, y, target)),
        below=front[bisect_right(x, target) - 1],
        above=front[bisect_left(x, target)],
    )


def _under_slo(points: Sequence[FrontierPoint], deployment: str, slo: Slo) -> Reading:
    kept = [point for point in points if not _misses(point, slo)]
    if not kept:
        return Reading(deployment=deployment, tput_per_gpu=None, unreachable=_closest(points, slo))
    best = max(kept, key=lambda point: point.tput_per_gpu)
    return Reading(deployment=deployment, tput_per_gpu=best.tput_per_gpu, below=best, above=best)


def _misses(point: FrontierPoint, slo: Slo) -> list[tuple[str, float, float]]:
    """The limits that a point breaks: what, its value and the limit, ms."""
    clauses = ((metric.label, getattr(point, LIMITS[metric.name]), limit) for metric, limit in limits(slo))
    known = ((what, math.inf if value is None else value, limit) for what, value, limit in clauses)
    return [(what, value, limit) for what, value, limit in known if value > limit]


def _closest(points: Sequence[FrontierPoint], slo: Slo) -> str:
    """Describe the point that breaks its worst limit by the smallest factor, and by what it breaks each."""
    closest = min(points, key=lambda point: max(value / limit for _, value, limit in _misses(point, slo)))
    broken = " and ".join(
        f"p99 {what} {'not published' if value == math.inf else f'{value:.4g} ms'} over {limit:g} ms"
        for what, value, limit in _misses(closest, slo)
    )
    return f"closest is {closest.topology} at concurrency {closest.concurrency}: {broken}"
