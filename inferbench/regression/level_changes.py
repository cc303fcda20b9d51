"""The history of a metric: which runs of a store belong in it, and where its level changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from inferbench.errors import UsageError
from inferbench.regression.change_points import change_points
from inferbench.regression.history_values import History, HistoryRun, LevelChange
from inferbench.regression.intervals import geometric_mean
from inferbench.regression.judge import FAMILY
from inferbench.regression.policy import Effects, RegressionMetric

Row = Mapping[str, Any]
"""A run as the store's index knows it."""
INVALID = "client INVALID"


def history(rows: Sequence[Row], metric: RegressionMetric, scenario: str, effects: Effects) -> History:
    """Find the changes of level over the complete, valid runs of a scenario that are like the latest one.

    Runs of another version of the scenario, of another origin, or without one of the latest run's sweep points are
    left out and counted. Raises UsageError where no run is left.
    """
    own = sorted((r for r in rows if r["scenario"] == scenario), key=lambda r: (r["began_unix"] or 0.0, r["name"]))
    fit = [r for r in own if not _why_unfit(r)]
    left_out = Counter(why for r in own if (why := _why_unfit(r)))
    if not fit:
        reasons = "; ".join(f"{n} {why}" for why, n in left_out.items()) or "none was made"
        raise UsageError(f"history: no run of {scenario!r} can be used: {reasons}")
    latest = fit[-1]
    alike = [r for r in fit if not _why_unlike(r, latest, metric)]
    left_out.update(why for r in fit if (why := _why_unlike(r, latest, metric)))
    if not alike:
        raise UsageError(f"history: the latest run of {scenario!r} has no figure of {metric.value}")
    keys = _keys(latest)
    runs = tuple(
        HistoryRun(
            run_id=r["run_id"], began_unix=r["began_unix"] or 0.0, value=geometric_mean(_figures(r, metric, keys))
        )
        for r in alike
    )
    return History(
        scenario=scenario,
        metric=metric,
        unit=FAMILY[metric].unit,
        points=tuple(sorted(keys)),
        runs=runs,
        changes=_changes(runs, metric, getattr(effects, metric)),
        left_out=dict(left_out),
        invalid={str(r["run_id"]): _invalid(r) for r in own if _why_unfit(r) == INVALID},
    )


def _why_unfit(row: Row) -> str | None:
    if row["state"] != "complete":
        return str(row["state"])
    if not row["points"]:
        return "without sweep points"
    return None if all(p["client_valid"] for p in row["points"]) else INVALID


def _invalid(row: Row) -> str:
    """Why the client of a run could not be believed, each reason once."""
    reasons = (p["client_reasons"] for p in row["points"] if not p["client_valid"])
    return "; ".join(dict.fromkeys(reason for reason in reasons if reason))


def _why_unlike(row: Row, latest: Row, metric: RegressionMetric) -> str | None:
    if row["scenario_sha256"] != latest["scenario_sha256"]:
        return "of another version of the scenario"
    if row["simulated"] != latest["simulated"]:
        return "simulated" if row["simulated"] else "measured"
    keys = _keys(latest)
    if not keys <= _keys(row):
        return "without a sweep point of the latest run"
    return None if all(_figures(row, metric, keys)) else f"without a figure of {metric.value}"


def _keys(row: Row) -> set[str]:
    return {point["point"] for point in row["points"]}


def _figures(row: Row, metric: RegressionMetric, keys: set[str]) -> list[float]:
    return [point[metric.value] or 0.0 for point in row["points"] if point["point"] in keys]


def _changes(runs: Sequence[HistoryRun], metric: RegressionMetric, effect: float) -> tuple[LevelChange, ...]:
    values = [run.value for run in runs]
    begins = change_points(np.log(values))
    edges = (0, *begins, len(runs))
    levels = [geometric_mean(values[a:b]) for a, b in pairwise(edges)]
    sign, limit = FAMILY[metric].sign, FAMILY[metric].limit(effect)
    return tuple(
        LevelChange(
            run_id=runs[at].run_id,
            began_unix=runs[at].began_unix,
            before=before,
            after=after,
            change=after / before - 1,
            worse=bool(sign * np.log(after / before) > 0),
            matters=bool(abs(np.log(after / before)) > limit),
        )
        for at, (before, after) in zip(begins, pairwise(levels), strict=True)
    )
