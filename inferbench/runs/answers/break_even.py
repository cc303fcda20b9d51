"""Where two deployments cost the same: the price ratio at every pace that both reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from inferbench.comparison.frontier import usable_by_deployment
from inferbench.comparison.judge import throughput
from inferbench.comparison.operating_point import read_at
from inferbench.comparison.verdict import BreakEven, FrontierPoint
from inferbench.metrics.summary import Origin
from inferbench.runs.answers.judge import BASIS
from inferbench.runs.answers.what_if import scenario_of
from inferbench.runs.opened_run import Run
from inferbench.runs.prediction_interval import half_width_at
from inferbench.scenario.scenario import OperatingPoint, Scenario
from inferbench.uncertainty.interval import Interval

STEPS = 60
"""Paces at which the break-even map is read."""


def break_even(run: Run, first: str, second: str) -> BreakEven | None:
    """Read both at every pace that both reach; None where there is none.

    Prices are taken as exact: they are what the map has on its axis.
    """
    scenario = scenario_of(run)
    usable = usable_by_deployment(run.summaries, BASIS)
    points = {name: usable.get(name, ()) for name in (first, second)}
    if not all(points.values()):
        return None
    paces = [[point.interactivity for point in own] for own in points.values()]
    low, high = max(map(min, paces)), min(map(max, paces))
    if not low < high:
        return None
    exact = all(s.origin is not Origin.SIMULATED for s in run.summaries)
    rows = [_even(scenario, points, float(at), exact) for at in np.linspace(low, high, STEPS)]
    at, ratios = zip(*(row for row in rows if row is not None), strict=True)
    return BreakEven(
        first=first,
        second=second,
        interactivity=at,
        price_ratio=tuple(ratio.central for ratio in ratios),
        low=tuple(ratio.low for ratio in ratios),
        high=tuple(ratio.high for ratio in ratios),
    )


def _even(
    scenario: Scenario, points: Mapping[str, Sequence[FrontierPoint]], at: float, exact: bool
) -> tuple[float, Interval] | None:
    point = OperatingPoint(name="at", interactivity=at)
    a, b = (read_at(own, name, point) for name, own in points.items())
    if a.tput_per_gpu is None or b.tput_per_gpu is None:
        return None
    widths = [0.0 if exact else half_width_at(scenario, reading) for reading in (a, b)]
    first = throughput(a.deployment, a.tput_per_gpu, widths[0])
    return at, (first / throughput(b.deployment, b.tput_per_gpu, widths[1])).interval()
