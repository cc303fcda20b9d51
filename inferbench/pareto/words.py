"""The points of a store in words: the fronts as a table, and what is known of one point."""

from __future__ import annotations

import numpy as np

from inferbench.comparison.axes import Axis
from inferbench.numerals import MISSING, significant
from inferbench.pareto.plot import ShownPoints
from inferbench.render.format import interval
from inferbench.render.table import Column, Table


def cloud_table(shown: ShownPoints, x: Axis, y: Axis) -> Table:
    """A row per point of a front, series by series, by rising x."""
    at = np.flatnonzero(shown.front)
    at = at[np.lexsort((shown.x[at], shown.series[at]))]
    return Table(
        title="The best points of each series",
        columns=(
            Column("series", align="left"),
            Column(x.title, x.unit),
            Column(y.title, y.unit),
            Column("interval", y.unit),
            Column("topology", align="left"),
            Column("concurrency"),
            Column("GPUs"),
            Column("launch", align="left"),
            Column("run", align="left"),
        ),
        rows=tuple(_row(shown, int(i)) for i in at),
    )


def _row(shown: ShownPoints, i: int) -> tuple[str, ...]:
    facts = shown.facts
    exact = shown.low[i] == shown.high[i]
    return (
        shown.label(int(shown.series[i])),
        significant(float(shown.x[i])),
        significant(float(shown.y[i])),
        MISSING if exact else interval(float(shown.low[i]), float(shown.high[i])),
        str(facts["topology"][i]),
        f"{facts['concurrency'][i]:,}",
        str(facts["gpus"][i]),
        facts["launch"][i] or MISSING,
        str(facts["name"][i]),
    )


def point_facts(shown: ShownPoints, i: int) -> tuple[tuple[str, str], ...]:
    """Name and value of what is known of one point."""
    names = ("series", "sideways", "upwards", "interval", "topology", "concurrency", "GPUs", "launch", "run")
    return tuple((name, value) for name, value in zip(names, _row(shown, i), strict=True) if value != MISSING)
