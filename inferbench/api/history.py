"""The history of a metric over a store of runs."""

from __future__ import annotations

from pathlib import Path

from ..analysis.changepoints_history import history as history_of
from ..domain.errors import UsageError
from ..domain.history import History
from ..domain.names import unknown
from ..domain.policy import RegressionMetric, RegressionPolicy
from ..store.index import refresh
from ..store.places import open_place
from ..store.rundir import DEFAULT_STORE


def history(
    metric: RegressionMetric | str,
    scenario: str,
    *,
    store: str | Path = DEFAULT_STORE,
    policy: RegressionPolicy | None = None,
) -> History:
    """Where a metric of a scenario changed its level, over all runs of a store, which is a directory or a URL.

    Raises UsageError for a metric or scenario that is not there.
    """
    names = [m.value for m in RegressionMetric]
    if metric not in names:
        raise UsageError(unknown("metric", metric, names))
    rows = refresh(open_place(store)).table.to_pylist()
    scenarios = {row["scenario"] for row in rows}
    if scenario not in scenarios:
        raise UsageError(f"{store}: {unknown('scenario', scenario, scenarios)}")
    return history_of(rows, RegressionMetric(metric), scenario, (policy or RegressionPolicy()).effects)
