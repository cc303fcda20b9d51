"""The table of a metric's history."""

from __future__ import annotations

from inferbench.numerals import significant
from inferbench.regression.history_values import History
from inferbench.render.format import percent, utc
from inferbench.render.table import Column, Table

NAMED = 3
"""Runs that were INVALID which a note gives the reasons of, the latest."""


def history_table(history: History) -> Table:
    """A row per change of level, oldest first; the note says what the history holds."""
    why = "; ".join(f"{run}: {reasons}" for run, reasons in sorted(history.invalid.items())[-NAMED:])
    skipped = ", ".join(f"{count} {why}" for why, count in sorted(history.left_out.items()))
    changes = f"{len(history.changes)} change{'' if len(history.changes) == 1 else 's'}"
    return Table(
        title=f"{history.scenario}, {history.metric.value}: {changes} in {len(history.runs)} runs",
        columns=(
            Column("since run", align="left"),
            Column("began", align="left", priority=1),
            Column("before", history.unit),
            Column("after", history.unit),
            Column("change"),
            Column("", align="left"),
        ),
        rows=tuple(
            (
                c.run_id,
                utc(c.began_unix),
                significant(c.before),
                significant(c.after),
                percent(c.change),
                ("worse" if c.worse else "better") + ("" if c.matters else ", within the effect that matters"),
            )
            for c in history.changes
        ),
        note=f"Geometric means over {len(history.points)} sweep points, basis whole_run."
        + (f" Left out: {skipped}." if skipped else "")
        + (f" The client of {why}." if why else ""),
    )
