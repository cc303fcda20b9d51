"""`inferbench validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inferbench.cli.output import line


def validate(
    file: Annotated[list[Path], typer.Argument(help="Scenario, price-book, claim or ablation files.")],
) -> None:
    """Check files without sending any load. The first error ends with one line and exit code 2."""
    from inferbench.claim.answer_file import claims, load_claim
    from inferbench.files.yaml_values import read_yaml
    from inferbench.pricing.bundled_books import open_book
    from inferbench.pricing.owned_book import OwnedBook
    from inferbench.scenario.read_scenario import load_scenario
    from inferbench.simulator.ablation.ablate_scenario import load_ablation

    for path in file:
        data = read_yaml(path)
        if not isinstance(data, dict):
            data = {}  # said by whichever reader
        if data.get("kind") == "ablation":
            ablation = load_ablation(path)
            line(f"{path}: ablation {ablation.name}, {len(ablation.parts)} parts, {len(ablation.figures)} figures")
        elif "statement" not in data and ("prices" in data or "kind" in data):
            book = open_book(path)
            held = f"{len(book.lines)} figures" if isinstance(book, OwnedBook) else f"{len(book.prices)} prices"
            line(f"{path}: price book {book.name}, {held} in {len(book.tiers)} tiers")
        elif "statement" in data:
            claim = load_claim(path)
            claims(path)  # with all its prices, which is the rest of what can be wrong
            line(f"{path}: claim {claim.name}, {len(claim.lines)} lines on {len(claim.curves)} curves")
        else:
            scenario = load_scenario(path)
            points = sum(len(t.concurrency) for d in scenario.deployments for t in d.topologies)
            line(f"{path}: scenario {scenario.name}, {len(scenario.deployments)} deployments, {points} sweep points")
