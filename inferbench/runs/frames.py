"""Values as data frames, for notebooks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from inferbench.loadgen.health.remedies import why_invalid
from inferbench.metrics.failure_kinds import listing
from inferbench.metrics.families import LATENCIES
from inferbench.metrics.summary import BasisSummary, PointSummary
from inferbench.records.reader import read_table
from inferbench.token_cost.cost import Cost


def points_frame(summaries: Iterable[PointSummary]) -> pd.DataFrame:
    """One row per sweep point; columns of the steady-state window start with `window_`.

    `valid` is whether the client could be believed; where not, `invalid` says why and what helps. `failures` names the
    requests that failed by kind.
    """
    rows = []
    for summary in summaries:
        row: dict[str, object] = {**summary.point.model_dump(), "gpus": summary.point.gpus}
        row |= {"origin": summary.origin.value, "ok": summary.counts.ok, "planned": summary.counts.planned}
        row |= {"failed": summary.counts.failed, "failures": listing(summary.failures) or None}
        invalid = why_invalid(summary.client)
        row |= {"partial": summary.partial, "valid": invalid is None, "invalid": invalid}
        row |= _figures(summary.whole_run, "") | _figures(summary.window, "window_")
        rows.append(row)
    return pd.DataFrame(rows)


def _figures(figures: BasisSummary | None, prefix: str) -> dict[str, object]:
    if figures is None:
        return {}
    out: dict[str, object] = {prefix + k: v for k, v in figures.throughput.model_dump().items()}
    out[f"{prefix}interactivity_p50"] = figures.interactivity_p50
    for metric in LATENCIES:
        if (values := metric.of(figures)) is not None:
            out |= {f"{prefix}{metric.at(q).name}_{metric.unit}": getattr(values, q) for q in ("mean", "p50", "p99")}
    return out


def costs_frame(costs: Iterable[Cost]) -> pd.DataFrame:
    """One row per sweep point, price book and tier."""
    rows = [{**c.point.model_dump(), **c.model_dump(mode="json", exclude={"point", "lines"})} for c in costs]
    return pd.DataFrame(rows)


def records_frame(directory: Path) -> pd.DataFrame:
    """All records of a sweep point, as they are on disk: ns on the run's clock, NA for what did not happen."""
    frame: pd.DataFrame = read_table(directory).to_pandas()
    return frame
