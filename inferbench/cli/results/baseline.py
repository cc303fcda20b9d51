"""`inferbench baseline`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inferbench.cli.output import line
from inferbench.store.run_directory import DEFAULT_STORE

app = typer.Typer(
    name="baseline", help="Name the runs that candidates are held against.", no_args_is_help=True, rich_markup_mode=None
)

Store = Annotated[Path, typer.Option(help="Where runs lie.")]


@app.command("set")
def set_(
    name: Annotated[str, typer.Argument(help="What to call it, such as main.")],
    run: Annotated[list[str], typer.Argument(help="Runs, or directories of runs.")],
    store: Store = DEFAULT_STORE,
) -> None:
    """Set a baseline, in place of the last one of that name."""
    from inferbench.regression.check import set_baseline

    baseline = set_baseline(name, run, store)
    line(f"{baseline.name}: {len(baseline.runs)} runs")


@app.command("show")
def show(
    name: Annotated[str | None, typer.Argument(help="A baseline; without it, all of them.")] = None,
    store: Store = DEFAULT_STORE,
) -> None:
    """Show what baselines stand for, a run per line."""
    from inferbench.errors import UsageError
    from inferbench.files.spelling import unknown
    from inferbench.regression.baselines import read_baselines
    from inferbench.render.format import utc

    baselines = read_baselines(store)
    if name is not None and name not in baselines:
        raise UsageError(unknown("baseline", name, baselines))
    for baseline in baselines.values():
        if name in (None, baseline.name):
            line(f"{baseline.name}, set {utc(baseline.set_unix)}")
            for run in baseline.runs:
                line(f"  {run}")
