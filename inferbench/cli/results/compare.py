"""`inferbench compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from inferbench.cli.lists import parse_list
from inferbench.cli.options import shared
from inferbench.cli.output import put
from inferbench.metrics.summary import Basis


def compare(
    baseline: shared.RunDirectory,
    candidate: Annotated[Path, typer.Argument(help="The run directory to set beside it.")],
    basis: Annotated[Basis, typer.Option(help="Which figures to compare.")] = Basis.WHOLE_RUN,
    allow_different: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Condition that may differ, because it is the question.")
    ] = None,
    json: shared.Json = False,
) -> None:
    """Set two runs side by side, point by point.

    Runs made under different conditions are refused.
    """
    from inferbench.cli.console import show
    from inferbench.runs.comparison.compare import compare as compare_runs
    from inferbench.runs.comparison.table import comparison_table
    from inferbench.runs.opened_run import open_run

    allowed = parse_list("--allow-different", allow_different or [], str, "a key")
    points = compare_runs(open_run(baseline), open_run(candidate), basis=basis, allow_different=allowed)
    if json:
        put(orjson.dumps([p.model_dump(mode="json") for p in points]) + b"\n")
    else:
        show(comparison_table(points))
