"""`inferbench import`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from inferbench.cli.files import write_below, write_file
from inferbench.cli.output import line
from inferbench.errors import FileError, UsageError
from inferbench.store.run_directory import DEFAULT_STORE

app = typer.Typer(help="Bring published results into the store.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Bring published results into the store."""


@app.command("inferencex")
def inferencex(
    path: Annotated[
        Path, typer.Argument(metavar="FILE|DIR", help="API rows, agg_*.json, CSV, or results and sweeps of vllm bench.")
    ],
    store: Annotated[Path, typer.Option(help="Where runs are kept.")] = DEFAULT_STORE,
    gpu: Annotated[str | None, typer.Option(help="GPU of a client's own result, which does not say it.")] = None,
    gpus: Annotated[int | None, typer.Option(min=1, help="Its number of GPUs.")] = None,
    framework: Annotated[str | None, typer.Option(help="Its framework.")] = None,
    precision: Annotated[str | None, typer.Option(help="Its precision.")] = None,
) -> None:
    """Import InferenceX's results as a run without records, over the whole run, and audit every point.

    A row that cannot be used is left out and named by its number.
    """
    from inferbench.audits.tables import audit_table
    from inferbench.cli.console import show
    from inferbench.runs.interchange.import_inferencex import import_inferencex

    given = {"gpu": gpu, "gpus": gpus, "framework": framework, "precision": precision}
    said = {key: str(value) for key, value in given.items() if value is not None}
    run = import_inferencex(path, store=store, said=said, command=sys.argv)
    audit = run.directory.audit()
    if audit is not None:
        show(audit_table(audit))
        for note in audit.notes:
            line(note)
    line(f"{len(run.summaries)} points imported: {run.path}")


@app.command("inferencex-config")
def inferencex_config(
    file: Annotated[Path, typer.Argument(help="A master configuration: amd-master.yaml or nvidia-master.yaml.")],
    entry: Annotated[str | None, typer.Option(help="The entry to turn into a scenario.")] = None,
    shape: Annotated[str | None, typer.Option(metavar="ISLxOSL", help="Of an entry with several lengths.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file that is written, ENTRY.yaml by default; with --all the folder.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Write nothing; say of every entry what it would be.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Turn every entry into a scenario that can be one.")] = False,
) -> None:
    """Turn a sweep of InferenceX into a scenario, with its topologies, its load, and how it is launched.

    An entry that cannot be one is named with the reason, in one line.
    """
    from inferbench.runs.interchange.import_config import import_entries, scenario_text

    if [entry is not None, list_, all_].count(True) != 1:
        raise UsageError("give one of --entry, --list, --all")
    found = import_entries(file, (entry,) if entry is not None else (), shape)
    if entry is not None and found[0].scenario is None:
        raise FileError(f"{file}: {found[0].line}")
    for one in found:
        line(one.line)
        if one.scenario is not None and not list_:
            text = scenario_text(one).encode()
            if all_ or out is None:
                line(write_below(out or Path(), f"{one.name}.yaml", text))
            else:
                write_file(out, text)
                line(out)
