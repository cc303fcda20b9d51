"""`inferbench claims`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from inferbench.cli.options import shared
from inferbench.cli.output import put


def claims(
    file: Annotated[
        str, typer.Argument(help="A claim file, or the name of a bundled one.", show_default=True)
    ] = "mi355x-mori-2026-05",
    spline_cost: Annotated[
        bool,
        typer.Option(
            "--spline-cost", help="Interpolate cost by itself in every line, as InferenceX did until mid-2026."
        ),
    ] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the page of the claim here.")] = None,
    json: shared.Json = False,
) -> None:
    """Compute a published claim again from its measured points and prices.

    Every line is answered reproduced, not reproduced or undecidable, with the value found and what would flip it.
    """
    from inferbench.claim import page, tables
    from inferbench.claim.answer_file import claims as compute
    from inferbench.cli.console import say, show
    from inferbench.cli.files import write_file

    report = compute(file, spline_cost=spline_cost)
    if html is not None:
        write_file(html, page.render_claim(report).encode())
    if json:
        put(orjson.dumps(report.model_dump(mode="json"), option=orjson.OPT_INDENT_2) + b"\n")
        return
    for sentence in tables.head(report):
        say(sentence)
    print()
    for line in tables.lines(report):
        say(line)
    print()
    for table in tables.tables(report):
        show(table)
    if html is not None:
        print(html)
