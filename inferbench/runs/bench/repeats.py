"""What several runs of one load say together. The run is the unit: requests within a run share batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inferbench.comparison.usable_points import why_unusable
from inferbench.metrics.families import REPEATED
from inferbench.metrics.summary import Basis, PointSummary


@dataclass(frozen=True, slots=True)
class Repeated:
    """One figure over several runs."""

    metric: str
    unit: str
    values: tuple[float, ...]
    mean: float
    low: float | None
    high: float | None
    """Student's t interval of the mean; None below two runs."""


def repeated(summaries: Sequence[PointSummary], confidence: float = 0.95) -> tuple[Repeated, ...]:
    """Figures of the whole run over repeats, each with the interval of its mean.

    Runs that must not be compared (INVALID, stopped early) do not count, nor does a figure that a run lacks.
    """
    usable = [summary for summary in summaries if why_unusable(summary, Basis.WHOLE_RUN) is None]
    found = []
    for metric in REPEATED:
        read = (metric.read(summary, Basis.WHOLE_RUN) for summary in usable)
        values = tuple(float(value) for value in read if value is not None)
        if values:
            interval = _interval(values, confidence)
            found.append(Repeated(metric.label, metric.unit, values, float(np.mean(values)), *interval))
    return tuple(found)


def _interval(values: Sequence[float], confidence: float) -> tuple[float, float] | tuple[None, None]:
    from scipy.special import stdtrit  # after the load: it takes longer to import than all else here

    n = len(values)
    if n < 2:
        return None, None
    half = float(stdtrit(n - 1, (1 + confidence) / 2) * np.std(values, ddof=1) / np.sqrt(n))
    mean = float(np.mean(values))
    return mean - half, mean + half
