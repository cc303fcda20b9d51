"""`inferbench export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inferbench.cli.options import shared
from inferbench.cli.output import line, put
from inferbench.errors import UsageError
from inferbench.runs.interchange.export_format import ExportFormat


def export(
    format: Annotated[ExportFormat, typer.Argument(help="Whose format to write.")],
    run: shared.RunDirectory,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder to write into; without it, stdout.")] = None,
) -> None:
    """Write a run's points in another tool's format, marked Unofficial."""
    from inferbench.cli.files import write_below
    from inferbench.runs.interchange.export import export as export_run
    from inferbench.runs.opened_run import open_run

    files = export_run(open_run(run), format)
    if out is not None:
        for name, content in files.items():
            line(write_below(out, name, content))
    elif format is ExportFormat.PARQUET or len(files) > 1:
        raise UsageError(f"{format.value} gives {'binary' if len(files) == 1 else 'several'} files; give --out DIR")
    else:
        put(next(iter(files.values()), b""))
