"""`inferbench runs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from inferbench.cli.options import shared
from inferbench.cli.output import line, put
from inferbench.errors import ExitCode
from inferbench.secrets.redact import redact
from inferbench.store.run_directory import DEFAULT_STORE

app = typer.Typer(
    name="runs", help="The runs of a store: a directory, or an object store.", no_args_is_help=True,
    rich_markup_mode=None,
)  # fmt: skip

Store = Annotated[str, typer.Option(help="Where runs lie: a directory, or a URL such as s3://bucket/prefix.")]


@app.command("list")
def list_(
    store: Store = str(DEFAULT_STORE),
    last: Annotated[int, typer.Option(min=1, help="Show so many, the latest; --json prints all.")] = 50,
    rebuild: Annotated[bool, typer.Option(help="Make the index anew from the run directories.")] = False,
    json: shared.Json = False,
) -> None:
    """List runs, from the index: directories are opened only where it does not know them."""
    from inferbench.cli.console import show
    from inferbench.store.operations import list_runs
    from inferbench.store.tables import runs_table

    rows, index = list_runs(store, rebuild=rebuild)
    for note in index.notes:
        line(f"inferbench: {note}", error=True)
    if json:
        _print_json(rows)
    else:
        show(runs_table(rows, last))


@app.command("show")
def show_run(
    run: Annotated[str, typer.Argument(help="A run by <scenario>/<run_id>, or its run_id.")],
    store: Store = str(DEFAULT_STORE),
    json: shared.Json = False,
) -> None:
    """Show what the index holds of one run, a row per sweep point."""
    from inferbench.cli.console import show
    from inferbench.store.index import row_of
    from inferbench.store.operations import find_run
    from inferbench.store.storage_backends import open_backend
    from inferbench.store.tables import run_table

    row = row_of(open_backend(store), find_run(run, store))
    if json:
        _print_json(row)
    else:
        show(run_table(row))


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="A query over the tables runs and points.")],
    store: Store = str(DEFAULT_STORE),
    json: shared.Json = False,
) -> None:
    """Ask the index in SQL (DuckDB: pip install 'inferbench-serving[store]')."""
    from inferbench.cli.console import show
    from inferbench.store.operations import query_runs
    from inferbench.store.tables import answer_table

    columns, rows = query_runs(sql, store)
    if json:
        _print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        show(answer_table(columns, rows))


@app.command()
def verify(
    run: Annotated[list[str] | None, typer.Argument(help="Runs to check; without any, all of them.")] = None,
    store: Store = str(DEFAULT_STORE),
) -> None:
    """Check the files of runs against their checksums. Exits with 2 where one does not hold."""
    from inferbench.store.operations import verify_runs

    checked = wrong = 0
    for name, problems in verify_runs(store, run or []):
        checked += 1
        wrong += bool(problems)
        for problem in problems:
            line(f"{name}: {problem}")
    line(f"{checked} runs checked, {wrong} with something wrong")
    raise typer.Exit(ExitCode.USAGE if wrong else ExitCode.OK)


@app.command()
def gc(
    store: Store = str(DEFAULT_STORE),
    delete: Annotated[bool, typer.Option("--delete", help="Remove it; without this, it is only listed.")] = False,
) -> None:
    """List what no run needs: leftovers of attempts, of writes that broke off, of runs that never began."""
    from inferbench.store.operations import collect

    found = collect(store, delete=delete)
    for sweeping in found:
        line(f"{sweeping.path}: {sweeping.reason}")
    what = "removed" if delete else "to remove with --delete"
    line(f"{len(found)} {what}, {sum(s.size for s in found):,} bytes")


@app.command()
def push(
    run: Annotated[list[Path], typer.Argument(help="Run directories.")],
    store: Store,
) -> None:
    """Copy runs to another store, the manifest of each last."""
    from inferbench.store.operations import push_run

    for path in run:
        line(f"{redact(store.split('?')[0].rstrip('/'))}/{push_run(path, store)}")


@app.command()
def pull(
    run: Annotated[list[str], typer.Argument(help="Runs by <scenario>/<run_id>, or by run_id.")],
    store: Store,
    into: Annotated[Path, typer.Option(help="The store to copy to.")] = DEFAULT_STORE,
) -> None:
    """Copy runs from another store into a directory."""
    from inferbench.store.operations import pull_run

    for name in run:
        line(pull_run(name, store, into))


def _print_json(value: Any) -> None:
    put(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2) + b"\n")
