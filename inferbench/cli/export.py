"""`inferbench export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..api.export_format import ExportFormat
from ..domain.errors import UsageError
from .output import line, put


def export(
    format: Annotated[ExportFormat, typer.Argument(help="Whose format to write.")],
    run: Annotated[Path, typer.Argument(help="A run directory.")],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder to write into; without it, stdout.")] = None,
) -> None:
    """Write a run's points in another tool's format, marked Unofficial."""
    from ..api.exporting import export as export_run
    from ..api.runs import open_run
    from .files import write_below

    files = export_run(open_run(run), format)
    if out is not None:
        for name, content in files.items():
            line(write_below(out, name, content))
    elif format is ExportFormat.PARQUET or len(files) > 1:
        raise UsageError(f"{format.value} gives {'binary' if len(files) == 1 else 'several'} files; give --out DIR")
    else:
        put(next(iter(files.values()), b""))
