"""All commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from . import bench, compare, dashboard, report, run, twin, validate

app = typer.Typer(
    name="inferbench",
    help="How fast and at what cost a deployment serves a large language model, and how sure that is.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        from ..api.identity import own_version

        typer.echo(f"inferbench {own_version()}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options that come before a command."""


app.command("run")(run.run)
app.command("bench")(bench.bench)
app.command("report")(report.report)
app.command("compare")(compare.compare)
app.command("validate")(validate.validate)
app.command("dashboard")(dashboard.dashboard)
app.add_typer(twin.app, name="twin")
