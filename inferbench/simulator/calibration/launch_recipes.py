"""What a measured row does not say and its launch recipe does: draft depth, batch caps, prefill batches."""

from __future__ import annotations

import datetime
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import PositiveInt

from inferbench.evidence.points_csv import Point
from inferbench.files.yaml_values import read_value
from inferbench.values import Value

RECIPES_FILE = Path(__file__).with_name("recipes.yaml")
STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 192, 256, 512, 640, 1024, 2048)
"""Batch sizes that recipes use."""
Range = tuple[int, int]
Kind = Literal["tp", "tep", "dep"]


class Rule(Value):
    """Conditions, and what follows from them."""

    stack: str
    precision: str | None = None
    isl: int | None = None
    osl: int | None = None
    spec: Literal["none", "mtp"] | None = None
    prefill: Kind | None = None
    decode: Kind | None = None
    prefill_workers: Range | None = None
    decode_workers: Range | None = None
    conc: Range | None = None
    dates: tuple[datetime.date, datetime.date] | None = None
    mtp: PositiveInt | None = None
    cap: PositiveInt | Literal["fit"] | None = None
    cap_per_gpu: PositiveInt | None = None
    max_batch_tokens: PositiveInt | None = None
    first_chunk: PositiveInt | None = None
    balance_passes: PositiveInt | None = None
    guess: bool = False
    source: str

    def holds(self, point: Point, day: datetime.date | None) -> bool:
        """Whether the rule is about a point that ran on that day; None: nobody knows when."""
        prefill = point.prefill
        return (
            self.stack == point.stack
            and self.precision in (None, point.precision)
            and self.isl in (None, point.isl)
            and self.osl in (None, point.osl)
            and self.spec in (None, "mtp" if point.mtp else "none")
            and (prefill is None or self.prefill in (None, prefill.kind))
            and self.decode in (None, point.decode.kind)
            and (prefill is None or _within(self.prefill_workers, prefill.workers))
            and _within(self.decode_workers, point.decode.workers)
            and _within(self.conc, point.concurrency)
            and (self.dates is None or (day is not None and self.dates[0] <= day <= self.dates[1]))
        )


class RecipeFile(Value):
    """The file of rules."""

    format: Literal[1]
    sources: dict[str, str]
    rules: tuple[Rule, ...]


class Recipe(Value):
    """How a point was launched."""

    mtp: int
    """Draft depth; 0 without speculation."""
    cap: int | None
    """Requests on one decode worker; None: none known."""
    max_batch_tokens: int
    balance_passes: int
    """Passes that prompts wait for one on every rank."""
    first_chunk: int
    """Tokens that the first chunk of an answer was held for."""
    guesses: tuple[str, ...]
    """Which of these no recipe states."""


@cache
def load_recipes(path: Path = RECIPES_FILE) -> RecipeFile:
    """Read a file of rules. Raises FileError where it cannot be used."""
    return read_value(path, RecipeFile)


def recipe_of(point: Point, most_concurrent: int, day: datetime.date | None) -> Recipe | None:
    """Return how a point was launched; None where no rule gives its draft depth or prefill batch.

    most_concurrent: the largest concurrency measured on the point's topology, which its slots were chosen for. day:
    when it ran, or the median over its runs settled; None: only rules without dates hold.
    """
    rules = [rule for rule in load_recipes().rules if rule.holds(point, day)]
    depth = next((rule for rule in rules if rule.mtp is not None), None)
    cap = next((rule for rule in rules if rule.cap is not None or rule.cap_per_gpu is not None), None)
    tokens = next((rule for rule in rules if rule.max_batch_tokens is not None), None)
    first = next((rule for rule in rules if rule.first_chunk is not None), None)
    if tokens is None or tokens.max_batch_tokens is None or (point.mtp and depth is None):
        return None
    balance = next((rule for rule in rules if rule.balance_passes is not None), None)
    used = {"mtp": depth if point.mtp else None, "cap": cap, "max_batch_tokens": tokens, "first_chunk": first}
    return Recipe(
        mtp=(depth.mtp or 0) if point.mtp and depth is not None else 0,
        cap=_cap(point, cap, most_concurrent),
        max_batch_tokens=tokens.max_batch_tokens,
        balance_passes=0 if balance is None or balance.balance_passes is None else balance.balance_passes,
        first_chunk=1 if first is None or first.first_chunk is None else first.first_chunk,
        guesses=tuple(name for name, rule in used.items() if rule is not None and rule.guess),
    )


def _cap(point: Point, rule: Rule | None, most_concurrent: int) -> int | None:
    if rule is None:
        return None
    ranks = point.decode.gpus if point.decode.dp_attention else 1
    if rule.cap_per_gpu is not None:
        return rule.cap_per_gpu * ranks
    if rule.cap == "fit":
        per_rank = max(most_concurrent / (point.decode.workers * ranks), 1.0)
        return ranks * max(step for step in STEPS if step <= per_rank)
    return rule.cap


def _within(bounds: Range | None, value: int) -> bool:
    return bounds is None or bounds[0] <= value <= bounds[1]
