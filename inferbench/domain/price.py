"""All-in price books: dated, sourced prices of a GPU for an hour. Books that build a price up are in `owned`."""

from __future__ import annotations

import datetime
from typing import Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from .deployment import Name
from .lines import ITEMS
from .value import Value


class Price(Value):
    """One price with all that makes it one."""

    gpu: str
    tier: str
    value: PositiveFloat
    unit: Literal["USD/GPU/h"]
    source: str
    as_of: datetime.date
    note: str | None = None
    low: PositiveFloat | None = None
    high: PositiveFloat | None = None
    """Interval of the price; None: the source gives one figure, taken as exact."""


class PowerFigure(Value):
    """All-in utility power that a book provisions for one GPU, kW: host, network and facility included."""

    gpu: str
    value: PositiveFloat
    unit: Literal["kW/GPU"]
    source: str
    as_of: datetime.date


class PriceBook(Value):
    """Prices of one date and one source. Tiers are all-in: power, network and space are inside the price."""

    format: Literal[1]
    name: Name
    title: str
    as_of: datetime.date
    currency: Literal["USD"]
    all_in: Literal[True]
    """A tier's price holds everything. A power price beside it would count power twice, so there is no key for one."""
    tiers: tuple[str, ...] = Field(min_length=1)
    prices: tuple[Price, ...] = Field(min_length=1)
    power: tuple[PowerFigure, ...] = ()
    kind: Literal["all_in"] = "all_in"

    @model_validator(mode="before")
    @classmethod
    def _no_power_price(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        if set(data) & {"power_price", "usd_per_kwh", "electricity"}:
            raise ValueError("tiers are all-in: a power price on one would count power twice; remove it")
        if extra := sorted(set(data) & {*ITEMS, "lines", "switches"}):
            raise ValueError(f"tiers are all-in: {extra[0]} on one would count it twice; remove it, or use kind: owned")
        return data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        seen = set()
        for price in self.prices:
            if price.tier not in self.tiers:
                raise ValueError(f"price of {price.gpu}: tier {price.tier!r} is not one of {', '.join(self.tiers)}")
            if (price.gpu, price.tier) in seen:
                raise ValueError(f"two prices for {price.gpu} in tier {price.tier!r}")
            seen.add((price.gpu, price.tier))
        return self
