"""`inferbench twin ablate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from inferbench.cli.options import shared
from inferbench.cli.output import put


def ablate(
    file: Annotated[
        str, typer.Argument(help="An ablation file, or the name of a bundled one.", show_default=True)
    ] = "mori-ablation",
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the page of the ablation here.")] = None,
    json: shared.Json = False,
) -> None:
    """Turn the parts of a stack on and off, at the conditions of published figures and together.

    Each figure is printed beside the modelled one, with how it was got, and a plain gap where the physics has none.
    """
    from inferbench.cli.console import say, show
    from inferbench.cli.files import write_file
    from inferbench.simulator.ablation import page
    from inferbench.simulator.ablation import tables as tables_ablation
    from inferbench.simulator.ablation.ablate_scenario import ablate as compute

    result = compute(file)
    if html is not None:
        write_file(html, page.render_ablation(result).encode())
    if json:
        put(orjson.dumps(result.model_dump(mode="json"), option=orjson.OPT_INDENT_2) + b"\n")
        return
    figures, *tables = tables_ablation.ablation_tables(result)
    show(figures)
    for sentence in tables_ablation.sentences(result):
        say(sentence)
    print()
    for table in tables:
        show(table)
    if html is not None:
        print(html)
