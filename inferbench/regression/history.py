"""The history of a metric over a store of runs."""

from __future__ import annotations

from pathlib import Path

from inferbench.errors import UsageError
from inferbench.files.spelling import unknown
from inferbench.regression.history_values import History
from inferbench.regression.level_changes import history as history_of
from inferbench.regression.policy import RegressionMetric, RegressionPolicy
from inferbench.store.index import refresh
from inferbench.store.run_directory import DEFAULT_STORE
from inferbench.store.storage_backends import open_backend


def history(
    metric: RegressionMetric | str,
    scenario: str,
    *,
    store: str | Path = DEFAULT_STORE,
    policy: RegressionPolicy | None = None,
) -> History:
    """Where a metric of a scenario changed its level, over all runs of a store, in the order in which they began.

    `metric` is the name of a regression metric, in its own unit (docs/glossary.md); `scenario` is a scenario's name;
    `store` is a directory or a URL; `policy` says how small a change is none. The change points are those of
    docs/regression.md, with the source of the method. Raises UsageError for a metric or scenario that is not there.
    """
    names = [m.value for m in RegressionMetric]
    if metric not in names:
        raise UsageError(unknown("metric", metric, names))
    rows = refresh(open_backend(store)).table.to_pylist()
    scenarios = {row["scenario"] for row in rows}
    if scenario not in scenarios:
        raise UsageError(f"{store}: {unknown('scenario', scenario, scenarios)}")
    return history_of(rows, RegressionMetric(metric), scenario, (policy or RegressionPolicy()).effects)
