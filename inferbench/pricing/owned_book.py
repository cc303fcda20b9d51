"""Owned books: what it takes to own a GPU and run it, from which the price of its hour is built up."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from inferbench.files.allowed_names import ONCE, Label, Name, Text
from inferbench.pricing.cost_figures import ITEMS, CostFigure, Trust
from inferbench.pricing.rate_card import PriceBook
from inferbench.values import Value

OWNED = "owned"
"""The one tier of an owned book."""


class Switches(Value):
    """Which parts of the build-up count."""

    fabric: bool = True
    """Servers are joined by a fabric: needed as soon as a deployment spans two of them."""
    licence: bool = False
    """The software is licensed per GPU and year."""


class OwnedBook(Value):
    """Figures of one date, from which the hour of each of its GPUs is built up as lines of price x quantity."""

    format: Literal[1]
    kind: Literal["owned"]
    name: Name
    title: Text
    as_of: datetime.date
    currency: Literal["USD"]
    gpus: Annotated[tuple[Label, ...], Field(min_length=1), ONCE]
    switches: Switches = Switches()
    lines: tuple[CostFigure, ...] = Field(min_length=1)

    @property
    def tiers(self) -> tuple[str, ...]:
        """An owned book has one tier."""
        return (OWNED,)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        found = {(line.item, line.gpu) for line in self.lines}
        if len(found) < len(self.lines):
            raise ValueError(f"two lines for {_twice(self.lines)}")
        for line in self.lines:
            if line.gpu is not None and line.gpu not in self.gpus:
                raise ValueError(f"{line.item}: GPU {line.gpu!r} is not one of {', '.join(self.gpus)}")
            if line.trust is Trust.ASSUMPTION and line.low is None:
                raise ValueError(f"{line.item}: an assumption needs a range, low and high")
        for gpu in self.gpus:
            for item in ITEMS:
                if (item, gpu) not in found and (item, None) not in found:
                    raise ValueError(f"no line {item!r} for {gpu}: a figure that is missing is not zero")
        return self

    def figures(self, gpu: str) -> dict[str, CostFigure]:
        """The figures of one GPU by item: its own where it has one, else the one for all GPUs."""
        common = {line.item: line for line in self.lines if line.gpu is None}
        own = {line.item: line for line in self.lines if line.gpu == gpu}
        return {item: own.get(item) or common[item] for item in ITEMS}


Book = PriceBook | OwnedBook
"""A price book of either kind."""


def _twice(lines: tuple[CostFigure, ...]) -> str:
    keys = [(line.item, line.gpu or "all GPUs") for line in lines]
    item, gpu = next(key for key in keys if keys.count(key) > 1)
    return f"{item} of {gpu}"
