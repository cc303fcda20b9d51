"""Scores of predictions against measured points, and the spread between repeats of the same measurement."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np

from inferbench.simulator.calibration.configuration import Configuration
from inferbench.simulator.validation.prediction import METRICS, Prediction
from inferbench.values import Value

DISTINCT = math.log(1.05)
"""Pairs that differ by less as measured have no order to get right."""
RERUN_DAYS = 4


class Score(Value):
    """Errors of one metric over some points, in percent of the measured value; bias > 0: predicted too high."""

    n: int
    mape: float
    median: float
    p90: float
    bias: float
    """Median signed error."""
    tau: float | None
    """Kendall's tau over pairs of one stack, lengths and precision that differ by more than 5 % as measured."""
    coverage: float | None
    """Share of points inside their 90 % interval, percent."""
    half_width: float | None
    """Median half-width of the intervals, percent."""


class Floor(Value):
    """Spread between repeats of the same configuration and concurrency within RERUN_DAYS days, percent."""

    pairs: int
    median: float
    p90: float


def score(predictions: Sequence[Prediction], metric: str) -> Score | None:
    """Score one metric; None where no point has it."""
    pairs = [(p, e) for p in predictions if (e := p.log_error(metric)) is not None]
    if not pairs:
        return None
    errors = np.expm1([e for _, e in pairs]) * 100
    inside = [abs(e) <= p.half_width[metric] for p, e in pairs if metric in p.half_width]
    widths = [math.expm1(p.half_width[metric]) * 100 for p, _ in pairs if metric in p.half_width]
    return Score(
        n=round(sum(p.share for p, _ in pairs)),
        mape=_rounded(float(np.abs(errors).mean())),
        median=_rounded(np.median(np.abs(errors))),
        p90=_rounded(np.quantile(np.abs(errors), 0.9)),
        bias=_rounded(np.median(errors)),
        tau=tau([p for p, _ in pairs], metric),
        coverage=_rounded(float(np.mean(inside)) * 100) if inside else None,
        half_width=_rounded(np.median(widths)) if widths else None,
    )


def tau(predictions: Sequence[Prediction], metric: str) -> float | None:
    """Kendall's tau: ordered pairs less disordered ones, over their number; None without a pair to order."""
    groups: dict[tuple[object, ...], list[tuple[float, float]]] = defaultdict(list)
    for p in predictions:
        error = p.log_error(metric)
        measured = p.point.figure(metric)
        if error is not None and measured is not None:
            key = p.point.stack, p.point.isl, p.point.osl, p.point.precision
            groups[key].append((math.log(measured), math.log(measured) + error))
    right = wrong = 0
    for members in groups.values():
        for (m1, p1), (m2, p2) in combinations(members, 2):
            if abs(m1 - m2) > DISTINCT:
                ordered = (m1 - m2) * (p1 - p2) > 0
                right, wrong = right + ordered, wrong + (not ordered)
    return round((right - wrong) / (right + wrong), 3) if right + wrong else None


def rerun_floor(configurations: Sequence[Configuration], metric: str) -> Floor | None:
    """Spread between consecutive repeats on different days; None where there is none."""
    runs: dict[tuple[object, ...], list[tuple[int, float]]] = defaultdict(list)
    for c in configurations:
        value = c.point.figure(metric)
        if c.point.date is not None and value is not None:
            runs[*c.point.topology, c.point.concurrency].append((c.point.date.toordinal(), value))
    spreads = []
    for repeats in runs.values():
        for (day1, value1), (day2, value2) in pairwise(sorted(repeats)):
            if 0 < day2 - day1 <= RERUN_DAYS:
                spreads.append(abs(math.log(value2 / value1)))
    if not spreads:
        return None
    return Floor(
        pairs=len(spreads),
        median=_rounded(np.median(spreads) * 100),
        p90=_rounded(np.quantile(spreads, 0.9) * 100),
    )


def scores(predictions: Sequence[Prediction]) -> dict[str, Score]:
    """Scores of every metric that was measured."""
    return {metric: found for metric in METRICS if (found := score(predictions, metric)) is not None}


def _rounded(value: float) -> float:
    return round(float(value), 1)
