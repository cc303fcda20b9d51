"""`inferbench history`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inferbench.cli.options import shared
from inferbench.cli.output import put
from inferbench.regression.policy import RegressionMetric
from inferbench.store.run_directory import DEFAULT_STORE


def history(
    metric: Annotated[RegressionMetric, typer.Argument(help="What to follow.")],
    scenario: Annotated[str, typer.Option(help="Whose runs.")],
    store: Annotated[str, typer.Option(help="Where runs lie: a directory, or a URL.")] = str(DEFAULT_STORE),
    policy: Annotated[Path | None, typer.Option(help="Which effects matter.")] = None,
    json: shared.Json = False,
) -> None:
    """Say where a metric changed its level over all runs of a scenario.

    A stable history is given a change with a chance of at most 1 %. It is an answer, not a gate: exit code 0.
    """
    from inferbench.cli.console import show
    from inferbench.regression.check import load_policy
    from inferbench.regression.history import history as find
    from inferbench.regression.report.history_table import history_table

    found = find(metric, scenario, store=store, policy=load_policy(policy))
    if json:
        put(found.model_dump_json(indent=2).encode() + b"\n")
    else:
        show(history_table(found))
