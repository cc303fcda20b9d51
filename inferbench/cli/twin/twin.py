"""`inferbench twin`."""

from __future__ import annotations

import typer

from inferbench.cli.twin import ablate, calibrate, search, serve, validate

app = typer.Typer(help="The simulated deployment.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """The simulated deployment."""


app.command("calibrate")(calibrate.calibrate)
app.command("validate")(validate.validate)
app.command("search")(search.search)
app.command("ablate")(ablate.ablate)
app.command("serve")(serve.serve)
