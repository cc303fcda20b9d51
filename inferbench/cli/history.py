"""`inferbench history`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..domain.policy import RegressionMetric
from ..store.rundir import DEFAULT_STORE
from .output import put


def history(
    metric: Annotated[RegressionMetric, typer.Argument(help="What to follow.")],
    scenario: Annotated[str, typer.Option(help="Whose runs.")],
    store: Annotated[str, typer.Option(help="Where runs lie: a directory, or a URL.")] = str(DEFAULT_STORE),
    policy: Annotated[Path | None, typer.Option(help="Which effects matter.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print machine-readable results.")] = False,
) -> None:
    """Say where a metric changed its level over all runs of a scenario.

    A stable history is given a change with a chance of at most 1 %. It is an answer, not a gate: exit code 0.
    """
    from ..api.history import history as find
    from ..api.regress import load_policy
    from ..report.regression_history import history_table
    from .console import show

    found = find(metric, scenario, store=store, policy=load_policy(policy))
    if json:
        put(found.model_dump_json(indent=2).encode() + b"\n")
    else:
        show(history_table(found))
