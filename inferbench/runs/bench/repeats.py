"""What several runs of one load say together. The run is the unit: requests within a run share batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from inferbench.comparison.usable_points import why_unusable
from inferbench.metrics.summary import Basis, BasisSummary, PointSummary


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


_FIGURES: tuple[tuple[str, str, Callable[[BasisSummary], float | None]], ...] = (
    ("output_tput", "tok/s", lambda run: run.throughput.output_tput),
    ("total_tput", "tok/s", lambda run: run.throughput.total_tput),
    ("request_tput", "req/s", lambda run: run.throughput.request_tput),
    ("TTFT p50", "ms", lambda run: run.ttft_ms.p50 if run.ttft_ms else None),
    ("TTFT p99", "ms", lambda run: run.ttft_ms.p99 if run.ttft_ms else None),
    ("TPOT p50", "ms", lambda run: run.tpot_ms.p50 if run.tpot_ms else None),
    ("TPOT p99", "ms", lambda run: run.tpot_ms.p99 if run.tpot_ms else None),
    ("goodput", "req/s", lambda run: run.throughput.goodput),
)


def repeated(summaries: Sequence[PointSummary], confidence: float = 0.95) -> tuple[Repeated, ...]:
    """Figures of the whole run over repeats, each with the interval of its mean.

    Runs that must not be compared (INVALID, stopped early) do not count, nor does a figure that a run lacks.
    """
    usable = (summary for summary in summaries if why_unusable(summary, Basis.WHOLE_RUN) is None)
    runs = [summary.whole_run for summary in usable if summary.whole_run is not None]
    found = []
    for name, unit, read in _FIGURES:
        values = tuple(float(value) for run in runs if (value := read(run)) is not None)
        if values:
            found.append(Repeated(name, unit, values, float(np.mean(values)), *_interval(values, confidence)))
    return tuple(found)


def _interval(values: Sequence[float], confidence: float) -> tuple[float, float] | tuple[None, None]:
    from scipy.special import stdtrit  # after the load: it takes longer to import than all else here

    n = len(values)
    if n < 2:
        return None, None
    half = float(stdtrit(n - 1, (1 + confidence) / 2) * np.std(values, ddof=1) / np.sqrt(n))
    mean = float(np.mean(values))
    return mean - half, mean + half
