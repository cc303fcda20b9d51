"""How sure a figure is: uncertain inputs, the interval they give, and what each of them moves."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import PositiveFloat, model_validator

from inferbench.values import Value

COVERAGE = 0.9
"""Share of outcomes that an interval holds: from the 5th to the 95th percentile."""


class UncertainInput(Value):
    """A factor that a figure is multiplied or divided by, central at 1."""

    name: str
    low: PositiveFloat
    high: PositiveFloat
    """normal: 5th and 95th percentile, the logarithm being normal on either side of 1. uniform: the ends of the range,
    on the logarithm."""
    shape: Literal["normal", "uniform"] = "normal"
    source: str = ""

    @model_validator(mode="after")
    def _around_one(self) -> Self:
        if not self.low <= 1 <= self.high:
            raise ValueError(f"{self.name}: low {self.low} and high {self.high} must lie around 1")
        return self


class Interval(Value):
    """A central value and the interval that holds `COVERAGE` of the outcomes."""

    low: float
    central: float
    high: float


class TornadoBar(Value):
    """What a figure becomes with one input at its low and at its high end, all others central."""

    name: str
    at_low: float
    at_high: float
    source: str

    @property
    def width(self) -> float:
        """How far the input moves the figure."""
        return abs(self.at_high - self.at_low)
