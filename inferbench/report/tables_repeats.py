"""The table of several runs of one load."""

from __future__ import annotations

from collections.abc import Sequence

from ..analysis.repeats import repeated
from ..domain.summary import PointSummary
from .format import MISSING, significant
from .table import Column, Table


def repeats_table(runs: Sequence[PointSummary], what: str) -> Table:
    """A row per figure: its mean over the runs, the interval of that mean, and the lowest and highest run."""
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
        note="Whole run. The run is the unit; the interval is Student's t over runs.",
    )
