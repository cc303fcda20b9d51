"""The table of several runs of one load."""

from __future__ import annotations

from collections.abc import Sequence

from inferbench.comparison.usable_points import why_unusable
from inferbench.metrics.summary import Basis, PointSummary
from inferbench.render.format import MISSING, significant
from inferbench.render.table import Column, Table
from inferbench.runs.bench.repeats import repeated


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
