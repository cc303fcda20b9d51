"""`inferbench import`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..store.rundir import DEFAULT_STORE

app = typer.Typer(help="Bring published results into the store.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Bring published results into the store."""


@app.command("inferencex")
def inferencex(
    path: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="API rows, agg_*.json, client results or CSV.")],
    store: Annotated[Path, typer.Option(help="Where runs are kept.")] = DEFAULT_STORE,
    gpu: Annotated[str | None, typer.Option(help="GPU of a client's own result, which does not say it.")] = None,
    gpus: Annotated[int | None, typer.Option(min=1, help="Its number of GPUs.")] = None,
    framework: Annotated[str | None, typer.Option(help="Its framework.")] = None,
    precision: Annotated[str | None, typer.Option(help="Its precision.")] = None,
) -> None:
    """Import InferenceX's results as a run without records, over the whole run, and audit every point.

    A row that cannot be used is left out and named by its number.
    """
    from ..api.importing import import_inferencex
    from ..report.tables_audit import audit_table
    from .console import show

    given = {"gpu": gpu, "gpus": gpus, "framework": framework, "precision": precision}
    said = {key: str(value) for key, value in given.items() if value is not None}
    run = import_inferencex(path, store=store, said=said, command=sys.argv)
    audit = run.directory.audit()
    if audit is not None:
        show(audit_table(audit))
        for note in audit.notes:
            print(note)
    print(f"{len(run.summaries)} points imported: {run.path}")
