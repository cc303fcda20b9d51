"""`inferbench twin`."""

from __future__ import annotations

import typer

from . import twin_ablate, twin_calibrate, twin_search, twin_serve, twin_validate

app = typer.Typer(help="The simulated deployment.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """The simulated deployment."""


app.command("calibrate")(twin_calibrate.calibrate)
app.command("validate")(twin_validate.validate)
app.command("search")(twin_search.search)
app.command("ablate")(twin_ablate.ablate)
app.command("serve")(twin_serve.serve)
