"""`inferbench validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def validate(file: Annotated[list[Path], typer.Argument(help="Scenario or price-book files.")]) -> None:
    """Check files without sending any load. The first error ends with one line and exit code 2."""
    from ..api.catalogue import load_scenario
    from ..domain.files import read_yaml
    from ..tco.prices import load_book

    for path in file:
        data = read_yaml(path)
        if isinstance(data, dict) and "prices" in data:
            book = load_book(path)
            print(f"{path}: price book {book.name}, {len(book.prices)} prices in {len(book.tiers)} tiers")
        else:
            scenario = load_scenario(path)
            points = sum(len(t.concurrency) for d in scenario.deployments for t in d.topologies)
            print(f"{path}: scenario {scenario.name}, {len(scenario.deployments)} deployments, {points} sweep points")
