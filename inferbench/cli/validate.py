"""`inferbench validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .output import line


def validate(
    file: Annotated[list[Path], typer.Argument(help="Scenario, price-book, claim or ablation files.")],
) -> None:
    """Check files without sending any load. The first error ends with one line and exit code 2."""
    from ..api.catalogue import load_scenario
    from ..api.claims import load_claim
    from ..api.twin_ablation import load_ablation
    from ..domain.files import read_yaml
    from ..domain.owned import OwnedBook
    from ..tco.prices import load_book

    for path in file:
        data = read_yaml(path)
        if isinstance(data, dict) and data.get("kind") == "ablation":
            ablation = load_ablation(path)
            line(f"{path}: ablation {ablation.name}, {len(ablation.parts)} parts, {len(ablation.figures)} figures")
        elif isinstance(data, dict) and "statement" not in data and ("prices" in data or "kind" in data):
            book = load_book(path)
            held = f"{len(book.lines)} figures" if isinstance(book, OwnedBook) else f"{len(book.prices)} prices"
            line(f"{path}: price book {book.name}, {held} in {len(book.tiers)} tiers")
        elif isinstance(data, dict) and "statement" in data:
            claim = load_claim(path)
            line(f"{path}: claim {claim.name}, {len(claim.lines)} lines on {len(claim.curves)} curves")
        else:
            scenario = load_scenario(path)
            points = sum(len(t.concurrency) for d in scenario.deployments for t in d.topologies)
            line(f"{path}: scenario {scenario.name}, {len(scenario.deployments)} deployments, {points} sweep points")
