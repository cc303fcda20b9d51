"""Tables of a store's runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inferbench.metrics.families import LISTED
from inferbench.numerals import MISSING, significant
from inferbench.render.format import utc
from inferbench.render.table import Column, Table


def runs_table(rows: Sequence[Mapping[str, Any]], last: int) -> Table:
    """The `last` runs, oldest first, as the index knows them; those that cannot be read have no date and come last."""
    shown = sorted(rows, key=lambda row: (row["began_unix"] is None, row["began_unix"] or 0.0, row["name"]))[-last:]
    return Table(
        title=f"{len(rows):,} runs" + (f", the latest {last:,}" if len(rows) > last else ""),
        columns=(
            Column("run", align="left", whole=True),
            Column("state", align="left"),
            Column("began", align="left", priority=1, whole=True),
            Column("points"),
            Column("seed", priority=2),
            Column("origin", align="left", priority=2),
        ),
        rows=tuple(
            (
                row["name"],
                _state(row),
                utc(row["began_unix"]),
                str(row["n_points"]),
                _text(row["seed"]),
                {True: "simulated", False: "measured"}.get(row["simulated"], MISSING),
            )
            for row in shown
        ),
    )


def _state(row: Mapping[str, Any]) -> str:
    """How far a run got and why no further, and how many of its points an INVALID client measured."""
    bad = row.get("n_invalid")
    return f"{row['state']}{f': {reason}' if (reason := row['reason']) else ''}{f'; {bad} INVALID' if bad else ''}"


def run_table(row: Mapping[str, Any]) -> Table:
    """A row per sweep point of one run; why one is INVALID stands in the note."""
    why = [f"{p['point']} is INVALID: {p['client_reasons']}." for p in row["points"] if not p["client_valid"]]
    return Table(
        title=f"{row['name']}: {_state(row)}",
        columns=(
            Column("sweep point", align="left"),
            Column("ok"),
            Column("output", LISTED[0].unit),
            *(Column(one.name.replace("_", " "), one.unit, priority=i // 2) for i, one in enumerate(LISTED[1:])),
        ),
        rows=tuple(
            (point["point"], f"{point['ok']}/{point['planned']}", *(significant(point.get(one.name)) for one in LISTED))
            for point in row["points"]
        ),
        note=" ".join(["Basis whole_run.", *why]),
    )


def answer_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """What a query answered."""
    return Table(
        title=f"{len(rows):,} rows",
        columns=tuple(Column(name, align="left") for name in columns),
        rows=tuple(tuple(_text(cell) for cell in row) for row in rows),
    )


def _text(cell: Any) -> str:
    if cell is None:
        return MISSING
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)
