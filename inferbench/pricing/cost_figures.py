"""The figures that an hour of an owned GPU is built up from: what each is, its unit, and what values it can have."""

from __future__ import annotations

import datetime
from enum import StrEnum
from typing import NamedTuple, Self

from pydantic import model_validator

from inferbench.files.allowed_names import Label, Text
from inferbench.files.number_limits import LARGEST, SMALLEST
from inferbench.files.spelling import unknown
from inferbench.values import Value


class Trust(StrEnum):
    """Where a figure comes from, the most trustworthy first."""

    OFFICIAL = "official"
    """Published by whoever sets or meters it, or in a filing."""
    TRANSCRIBED = "transcribed"
    """Copied from the vendor's own price page by a third party, dated."""
    ANALYST = "analyst"
    REPORTED = "reported"
    """By a reseller, a survey or the press."""
    DERIVED = "derived"
    """Computed from other public figures; the source gives the formula."""
    FORUM = "forum"
    """An unreviewed public note."""
    ASSUMPTION = "assumption"
    """No trustworthy public figure exists; the range says how far off it may be."""

    @property
    def rank(self) -> int:
        """0 for the most trustworthy."""
        return list(Trust).index(self)


class Item(NamedTuple):
    """What one figure of a build-up is."""

    unit: str
    meaning: str
    least: float = 0.0
    most: float = LARGEST
    zero: bool = True
    """Whether 0 is a value that it can have."""

    def problem(self, value: float) -> str | None:
        """Return what is wrong with `value`, or None."""
        if value != value or value in (float("inf"), float("-inf")):
            return f"must be a finite number, not {value:g}"
        if value < self.least or (value == 0 and not self.zero) or 0 < value < SMALLEST:
            bound = f"at least {self.least:g}" if self.least or self.zero else "above 0"
            bound += f" and no less than {SMALLEST:g}" if 0 < value < SMALLEST else ""
            return f"must be {bound} ({self.unit}), not {value:g}"
        if value > self.most:
            return f"must be at most {self.most:g} ({self.unit}), not {value:g}"
        return None


ITEMS: dict[str, Item] = {
    "server_price": Item("USD/server", "a server with its GPUs and network cards, bought", zero=False),
    "gpus_per_server": Item("GPU/server", "GPUs of that server", least=1),
    "fabric_price": Item("USD/GPU", "switches, optics and cables between servers; switch `fabric`"),
    "depreciation_years": Item("years", "years that the capital is recovered over", zero=False),
    "residual_share": Item("share", "what a server sells for after these years, as a share of its price", most=1),
    "capital_rate": Item("1/year", "cost of capital per year", most=1),
    "kw_per_gpu": Item("kW/GPU", "power that the server is provisioned at, at its own plugs", zero=False),
    "load": Item("share", "average draw over provisioned power", most=1, zero=False),
    "pue": Item("ratio", "power of the building over power of the servers", least=1),
    "power_price": Item("USD/kWh", "electricity"),
    "space_price": Item("USD/kW/month", "rent of space and cooling per provisioned kW, without energy"),
    "storage_price": Item("USD/GB/month", "shared storage"),
    "storage_per_gpu": Item("GB/GPU", "shared storage that a GPU needs"),
    "staff_price": Item("USD/person/year", "one engineer with all that an employer pays"),
    "staff_per_gpu": Item("person/GPU", "engineers that keep the fleet up"),
    "spares_rate": Item("1/year", "share of the servers' price replaced every year", most=1),
    "licence_price": Item("USD/GPU/year", "software licence; switch `licence`"),
    "availability": Item("share", "share of the time that a GPU is up", most=1, zero=False),
    "utilisation": Item("share", "share of its time up that a GPU serves at the measured load", most=1, zero=False),
}
"""Every figure of a build-up. A book must have each for each of its GPUs: a missing one is an error, never zero."""

SWITCHES = ("fabric", "licence")
"""Parts of a build-up that can be switched off: servers without a fabric, software without a licence."""

IDLENESS = ("availability", "utilisation")
"""Applied once, at the end. These two also apply to an all-in tier, which is the price of a fully used hour."""


class CostFigure(Value):
    """One figure of a build-up with all that makes it one."""

    item: str
    gpu: Label | None = None
    """The GPU that it is about; None: all GPUs of the book."""
    value: float
    low: float | None = None
    high: float | None = None
    """The range that the true figure is believed to lie in; None: taken as exact."""
    unit: str
    source: Text
    as_of: datetime.date
    trust: Trust
    note: Text | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.item not in ITEMS:
            raise ValueError(unknown("item", self.item, ITEMS))
        item, about = ITEMS[self.item], f"{self.item}{f' of {self.gpu}' if self.gpu else ''}"
        if self.unit != item.unit:
            mixed = "; one book holds one currency" if "USD" in item.unit and "USD" not in self.unit else ""
            raise ValueError(f"{about}: unit {self.unit!r} is not allowed; use {item.unit!r}{mixed}")
        for number in (self.value, self.low, self.high):
            if number is not None and (problem := item.problem(number)):
                raise ValueError(f"{about}: {problem}")
        if (self.low is None) != (self.high is None):
            raise ValueError(f"{about}: give both low and high, or neither")
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise ValueError(f"{about}: value {self.value:g} is not within low {self.low:g} and high {self.high:g}")
        return self

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends of the range; the value twice where it is exact."""
        return (self.value if self.low is None else self.low, self.value if self.high is None else self.high)
