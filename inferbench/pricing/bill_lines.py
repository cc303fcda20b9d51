"""The hourly bill of one GPU, line by line."""

from __future__ import annotations

import datetime

from inferbench.pricing.cost_figures import CostFigure, Trust
from inferbench.values import Value


class CostLine(Value):
    """One line of an hourly bill."""

    item: str
    usd_per_unit_hour: float
    quantity: float
    unit: str
    source: str
    """Of the price; a built-up line also rests on other figures, which `Bill.figures` has with theirs."""
    trust: Trust | None = None
    """The least trustworthy of the figures that the line is made of; None: a price of an all-in tier."""
    as_of: datetime.date | None = None
    """Date of the oldest of these figures."""
    assumed: tuple[str, ...] = ()
    """Those of them that no trustworthy public source stands behind."""
    low: float | None = None
    high: float | None = None
    """Interval of `usd_per_hour`, from the ranges of the line's own figures."""

    @property
    def usd_per_hour(self) -> float:
        """Price x quantity."""
        return self.usd_per_unit_hour * self.quantity


class Bill(Value):
    """One GPU for one hour, line by line."""

    gpu: str
    book: str
    tier: str
    lines: tuple[CostLine, ...]
    usd_per_gpu_hour: float
    """Of an hour that a GPU works: the sum of the lines, idle and down time included."""
    low: float
    high: float
    """Interval of `usd_per_gpu_hour`: the ranges of all figures, as independent errors."""
    provisioned_usd_per_gpu_hour: float
    """Of an hour that a GPU is there, working or not: the lines without idle and down time."""
    provisioned_low: float
    provisioned_high: float
    off: tuple[str, ...] = ()
    """Parts of the build-up that are switched off."""
    figures: tuple[CostFigure, ...] = ()
    """The figures that the lines were built up from; empty for an all-in tier."""

    @property
    def assumptions(self) -> tuple[CostFigure, ...]:
        """The figures that no trustworthy public source stands behind."""
        return tuple(figure for figure in self.figures if figure.trust is Trust.ASSUMPTION)
