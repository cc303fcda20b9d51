"""The table of two runs side by side."""

from __future__ import annotations

from collections.abc import Sequence

from inferbench.numerals import MISSING, ratio, significant
from inferbench.render.table import Column, Table
from inferbench.runs.comparison.compare_runs import PointComparison


def comparison_table(points: Sequence[PointComparison]) -> Table:
    """A row per sweep point and figure: both values and candidate over baseline."""
    rows = []
    for point in points:
        if point.not_compared is not None:
            rows.append((point.point, point.not_compared, "", MISSING, MISSING, MISSING))
        for metric in point.metrics:
            values = significant(metric.a), significant(metric.b), ratio(metric.ratio)
            rows.append((point.point, metric.metric, metric.unit, *values))
    return Table(
        title="Candidate against baseline",
        columns=(
            Column("sweep point", align="left"),
            Column("figure", align="left"),
            Column("unit", align="left", priority=1),
            Column("baseline"),
            Column("candidate"),
            Column("ratio"),
        ),
        rows=tuple(rows),
        note=f"Basis {points[0].basis.value}. Ratios are candidate / baseline of one run each: not a verdict."
        if points
        else "",
    )
