"""`inferbench claims`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from .output import put


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
    json: Annotated[bool, typer.Option("--json", help="Print machine-readable results.")] = False,
) -> None:
    """Compute a published claim again from its measured points and prices.

    Every line is answered reproduced, not reproduced or undecidable, with the value found and what would flip it.
    """
    from ..api.claims import claims as compute
    from ..report import claim_page, tables_claims
    from .console import say, show
    from .files import write_file

    report = compute(file, spline_cost=spline_cost)
    if html is not None:
        write_file(html, claim_page.render_claim(report).encode())
    if json:
        put(orjson.dumps(report.model_dump(mode="json"), option=orjson.OPT_INDENT_2) + b"\n")
        return
    for sentence in tables_claims.head(report):
        say(sentence)
    print()
    for line in tables_claims.lines(report):
        say(line)
    print()
    for table in tables_claims.tables(report):
        show(table)
    if html is not None:
        print(html)
