"""All commands, put together; only the one that is asked for is loaded."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

COMMANDS = {
    "run": "inferbench.cli.measure.run",
    "bench": "inferbench.cli.bench.bench",
    "report": "inferbench.cli.results.report",
    "compare": "inferbench.cli.results.compare",
    "history": "inferbench.cli.results.history",
    "regress": "inferbench.cli.results.regress",
    "validate": "inferbench.cli.answers.validate",
    "dashboard": "inferbench.cli.results.dashboard",
    "size": "inferbench.cli.answers.size",
    "claims": "inferbench.cli.answers.claims",
    "audit": "inferbench.cli.answers.audit",
    "export": "inferbench.cli.results.export",
    "selfcheck": "inferbench.cli.measure.selfcheck",
}
"""Modules with a function of the command's own name."""
GROUPS = {
    "probe": "inferbench.cli.measure.probe",
    "import": "inferbench.cli.results.importing",
    "tco": "inferbench.cli.answers.tco",
    "baseline": "inferbench.cli.results.baseline",
    "runs": "inferbench.cli.results.runs",
    "twin": "inferbench.cli.twin.twin",
    "deploy": "inferbench.cli.measure.deploy",
    "engines": "inferbench.cli.measure.engines",
    "eval": "inferbench.cli.measure.eval",
}
"""Modules with an `app` of further commands."""


def build(command: str) -> typer.Typer:
    """Return the command line with `command` alone, or with everything where there is no such command."""
    app = typer.Typer(
        name="inferbench",
        help="How fast and at what cost a deployment serves a large language model, and how sure that is.",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_common)
    # Before a load every import costs time; for help, and for a name that is mistyped, all are needed.
    asked = [command] if command in COMMANDS or command in GROUPS else [*COMMANDS, *GROUPS]
    for name in asked:
        if name in COMMANDS:
            module = import_module(COMMANDS[name], __package__)
            app.command(name, cls=getattr(module, "COMMAND", None))(getattr(module, name))
        else:
            app.add_typer(import_module(GROUPS[name], __package__).app, name=name)
    return app


def _version(asked: bool) -> None:
    if asked:
        from inferbench.runs.provenance import own_version

        typer.echo(f"inferbench {own_version()}")
        raise typer.Exit


def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options that come before a command."""
