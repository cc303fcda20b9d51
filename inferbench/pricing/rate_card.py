"""All-in price books: dated, sourced prices of a GPU for an hour. Books that build a price up are in `owned`."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from inferbench.files.allowed_names import ONCE, Label, Name, Text, repeated
from inferbench.files.number_limits import Amount
from inferbench.pricing.cost_figures import ITEMS
from inferbench.values import Value


class Price(Value):
    """One price with all that makes it one."""

    gpu: Label
    tier: Label
    value: Amount
    unit: Literal["USD/GPU/h"]
    source: Text
    as_of: datetime.date
    note: Text | None = None
    low: Amount | None = None
    high: Amount | None = None
    """Interval of the price; None: the source gives one figure, taken as exact."""


class PowerFigure(Value):
    """All-in utility power that a book provisions for one GPU, kW: host, network and facility included."""

    gpu: Label
    value: Amount
    unit: Literal["kW/GPU"]
    source: Text
    as_of: datetime.date


class PriceBook(Value):
    """Prices of one date and one source. Tiers are all-in: power, network and space are inside the price."""

    format: Literal[1]
    name: Name
    title: Text
    as_of: datetime.date
    currency: Literal["USD"]
    all_in: Literal[True]
    """A tier's price holds everything. A power price beside it would count power twice, so there is no key for one."""
    tiers: Annotated[tuple[Label, ...], Field(min_length=1), ONCE]
    prices: tuple[Price, ...] = Field(min_length=1)
    power: tuple[PowerFigure, ...] = ()
    kind: Literal["all_in"] = "all_in"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        seen = set()
        for price in self.prices:
            if price.tier not in self.tiers:
                raise ValueError(f"price of {price.gpu}: tier {price.tier!r} is not one of {', '.join(self.tiers)}")
            if (price.gpu, price.tier) in seen:
                raise ValueError(f"two prices for {price.gpu} in tier {price.tier!r}")
            seen.add((price.gpu, price.tier))
            if problem := outside_its_range(price.value, price.low, price.high):
                raise ValueError(f"price of {price.gpu} in tier {price.tier!r}: {problem}")
        if twice := repeated(figure.gpu for figure in self.power):
            raise ValueError(f"two power figures for {twice[0]}")
        return self


def counted_twice(keys: Collection[str]) -> str | None:
    """Say which key of an all-in book would count a part of its prices twice; None where none would."""
    if set(keys) & {"power_price", "usd_per_kwh", "electricity"}:
        return "tiers are all-in: a power price on one would count power twice; remove it"
    if extra := sorted(set(keys) & {*ITEMS, "lines", "switches"}):
        return f"tiers are all-in: {extra[0]} on one would count it twice; remove it, or use kind: owned"
    return None


def outside_its_range(value: float, low: float | None, high: float | None) -> str | None:
    """Say that a price is not within the range stated beside it; None where it is, or none is stated."""
    if (low is not None and value < low) or (high is not None and value > high):
        return f"value {value:g} is not within low {value if low is None else low:g} and high " + (
            f"{value if high is None else high:g}"
        )
    return None
