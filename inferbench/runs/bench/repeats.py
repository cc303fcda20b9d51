"""What several runs of one load say together. The run is the unit: requests within a run share batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inferbench.comparison.usable_points import why_unusable
from inferbench.metrics.families import REPEATED
from inferbench.metrics.summary import Basis, PointSummary
from inferbench.numerals import MISSING, significant
from inferbench.render.table import Column, Table


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


def repeats_table(runs: Sequence[PointSummary], what: str) -> Table:
    """A row per figure: its mean over the runs, the interval of that mean, and the lowest and highest run.

    Runs that do not count are named by their numbers, with why.
    """
    left_out = "".join(f" Run {number} is left out: {why}." for number, run in enumerate(runs, 1) if (why := _why(run)))
    rows = tuple(
        (
            figure.metric,
            figure.unit,
            significant(figure.mean),
            MISSING if figure.low is None else f"{significant(figure.low)} to {significant(figure.high)}",
            significant(min(figure.values)),
            significant(max(figure.values)),
        )
        for figure in repeated(runs)
    )
    return Table(
        title=what,
        columns=(
            Column("figure", align="left"),
            Column("unit", align="left"),
            Column("mean"),
            Column("95% of the mean"),
            Column("lowest", priority=1),
            Column("highest", priority=1),
        ),
        rows=rows,
        note=f"Whole run. The run is the unit; the interval is Student's t over runs.{left_out}",
    )


def _why(run: PointSummary) -> str | None:
    """Why a run does not count; the reasons of one that is INVALID were said where it ended."""
    invalid = run.client is not None and not run.client.valid
    return "INVALID" if invalid else why_unusable(run, Basis.WHOLE_RUN)
