"""The Pareto front of a deployment: throughput per GPU against interactivity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from inferbench.comparison.interpolation import Floats
from inferbench.comparison.usable_points import why_unusable
from inferbench.comparison.verdict import FrontierPoint
from inferbench.metrics.summary import Basis, PointSummary

Series = tuple[str, str | None, str | None]
"""Deployment, precision, kind of speculation."""


def pareto(x: Floats, y: Floats) -> NDArray[np.int64]:
    """Return the indices of the points that no other beats in both x and y (more is better), by rising x.

    A point that another equals in one and beats in the other is beaten; of points equal in both, the first stays.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    falling = np.lexsort((-y, -x))
    best_before = np.concatenate([[-np.inf], np.fmax.accumulate(y[falling])[:-1]]) if len(y) else y
    return np.asarray(falling[y[falling] > best_before][::-1], dtype=np.int64)


def usable_points(summaries: Sequence[PointSummary], basis: Basis) -> tuple[FrontierPoint, ...]:
    """Return the points that can be trusted on `basis`, in the order given.

    Left out are partial points, points whose client was INVALID, and points without figures on `basis` or
    without a TPOT (a single token has none).
    """
    points = (_point(summary, basis) for summary in summaries if why_unusable(summary, basis) is None)
    return tuple(point for point in points if point is not None)


def usable_by_deployment(summaries: Iterable[PointSummary], basis: Basis) -> dict[str, tuple[FrontierPoint, ...]]:
    """Return the usable points of every deployment that has summaries, in the order in which they first appear."""
    groups: dict[str, list[PointSummary]] = {}
    for summary in summaries:
        groups.setdefault(summary.point.deployment, []).append(summary)
    return {name: usable_points(own, basis) for name, own in groups.items()}


def front_of(points: Sequence[FrontierPoint]) -> tuple[FrontierPoint, ...]:
    """Return the Pareto front of one deployment's points, by rising interactivity (and so falling throughput).

    Raises ValueError for points of several deployments, precisions or kinds of speculation: a front over both would
    belong to neither.
    """
    if len({series_of(point) for point in points}) > 1:
        raise ValueError("a front belongs to one deployment, precision and kind of speculation")
    return tuple(points[index] for index in pareto(*curve_of(points)))


def series_of(point: FrontierPoint) -> Series:
    """Return what a point may share a front with: its deployment, precision and kind of speculation."""
    return point.deployment, point.precision, point.speculation


def fronts_of(points: Sequence[FrontierPoint]) -> dict[Series, tuple[FrontierPoint, ...]]:
    """Return the Pareto front of every series, in the order in which the series first appear."""
    groups: dict[Series, list[FrontierPoint]] = {}
    for point in points:
        groups.setdefault(series_of(point), []).append(point)
    return {series: front_of(own) for series, own in groups.items()}


def curve_of(points: Sequence[FrontierPoint]) -> tuple[Floats, Floats]:
    """Return the interactivity (tok/s/user) and the throughput (tok/s/GPU) of points, shape (n,) each."""
    return np.array([p.interactivity for p in points]), np.array([p.tput_per_gpu for p in points])


def _point(summary: PointSummary, basis: Basis) -> FrontierPoint | None:
    figures = summary.on(basis)
    if figures is None or figures.interactivity_p50 is None:
        return None
    return FrontierPoint(
        deployment=summary.point.deployment,
        topology=summary.point.topology,
        concurrency=summary.point.concurrency,
        interactivity=figures.interactivity_p50,
        tput_per_gpu=figures.throughput.tput_per_gpu,
        ttft_p99_ms=figures.ttft_ms.p99 if figures.ttft_ms else None,
        tpot_p99_ms=figures.tpot_ms.p99 if figures.tpot_ms else None,
        gpus=summary.point.gpus,
    )
