"""All commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from . import (
    audit,
    baseline,
    bench,
    claims,
    compare,
    dashboard,
    export,
    history,
    importing,
    regress,
    report,
    run,
    runs,
    selfcheck,
    size,
    tco,
    twin,
    validate,
)

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
app.command("history")(history.history)
app.command("regress")(regress.regress)
app.command("validate")(validate.validate)
app.command("dashboard")(dashboard.dashboard)
app.command("size")(size.size)
app.command("claims")(claims.claims)
app.command("audit")(audit.audit)
app.command("export")(export.export)
app.command("selfcheck")(selfcheck.selfcheck)
app.add_typer(importing.app, name="import")
app.add_typer(tco.app, name="tco")
app.add_typer(baseline.app, name="baseline")
app.add_typer(runs.app, name="runs")
app.add_typer(twin.app, name="twin")
