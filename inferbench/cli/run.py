"""`inferbench run`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..store.rundir import DEFAULT_STORE


def run(
    scenario: Annotated[str, typer.Argument(help="A scenario file, or the name of one that comes with inferbench.")],
    store: Annotated[Path, typer.Option(help="Where runs are written.")] = DEFAULT_STORE,
    json: Annotated[bool, typer.Option("--json", help="Print machine-readable results instead of tables.")] = False,
    live: Annotated[bool, typer.Option(help="End with a short run over loopback HTTP that checks the client.")] = True,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that share the sweep points; one a core by default.")
    ] = None,
) -> None:
    """Run a scenario: costs, verdicts, and a page of charts.

    Results go to STORE/<scenario>/<run_id>/. A verdict that is UNDECIDED is an answer, not a failure.
    """
    from ..api import run as runner
    from ..api.catalogue import load_scenario
    from ..report import jsonout, tables, tables_points
    from ..report.answers import answers
    from .console import say, show
    from .progress import progress_bars

    spec = load_scenario(scenario)
    per_stream = spec.load.prompts_per_concurrency
    totals = {d.name: per_stream * sum(c for t in d.topologies for c in t.concurrency) for d in spec.deployments}
    with progress_bars(totals) as on_progress:
        finished = runner.run(
            scenario, store=store, live=live, workers=workers, on_progress=on_progress, command=sys.argv
        )
    view = finished.view()
    if json:
        sys.stdout.buffer.write(jsonout.to_json(view))
        return
    show(tables_points.sweep_table(view))
    show(tables.verdict_matrix(view))
    show(tables.conclusions_table(view))
    for answer in answers(view):
        say(answer.sentence)
    print()
    if view.live is not None:
        show(tables_points.live_table(view))
    print(f"Run:  {finished.path}\nPage: {finished.path / 'report.html'}")
