"""A claim file: what somebody says, at which operating point, from which measured points, under which prices."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from .claim_quantity import Quantity
from .deployment import Name
from .measured import MeasuredPoint, Role
from .names import unknown
from .value import Value


class ClaimPoint(Value):
    """One measured point of a curve, typed in as a figure, over its whole run."""

    date: datetime.date
    concurrency: PositiveInt | None = None
    prefill: Role | None = None
    decode: Role
    interactivity: PositiveFloat
    """tok/s/user, median."""
    tput_per_gpu: PositiveFloat
    """tok/s/GPU, all GPUs, prompt and generated tokens."""
    run: str | None = None
    """Address of the run; None: the curve's."""


class Noise(Value):
    """How far a second run of the same configuration lands from the first."""

    p90: NonNegativeFloat
    """|log ratio| of two runs that nine in ten pairs stay within: 0.05 is about 5 %."""
    source: str


class Curve(Value):
    """The measured points of one deployment at one precision, with or without speculation, at one shape."""

    name: Name
    title: str
    gpu: str
    framework: str
    model: str
    precision: str
    speculation: str
    isl: PositiveInt
    osl: PositiveInt
    run: str | None = None
    noise: Noise | None = None
    """None: the measured spread over all classes is assumed."""
    points: tuple[ClaimPoint, ...] = Field(min_length=1)

    def measured(self) -> tuple[MeasuredPoint, ...]:
        """The points with all that the curve says of them."""
        shared = self.model_dump(include={"gpu", "framework", "model", "precision", "speculation", "isl", "osl"})
        return tuple(
            MeasuredPoint(
                **shared,
                date=point.date,
                concurrency=point.concurrency,
                prefill=point.prefill,
                decode=point.decode,
                interactivity=point.interactivity,
                tput_per_gpu=point.tput_per_gpu,
                run=point.run or self.run,
            )
            for point in self.points
        )


class Claimed(Value):
    """What is claimed of a quantity: a value, or a side of one."""

    value: float | None = None
    within: PositiveFloat | None = None
    """How far the value found may lie from `value`: half of the last digit that was published, or as the text says."""
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(given is not None for given in (self.value, self.above, self.below)) != 1:
            raise ValueError("give one of value, above or below")
        if (self.value is None) != (self.within is None):
            raise ValueError("value and within belong together")
        return self

    def holds(self, found: float) -> bool:
        """Whether a value found is what is claimed."""
        if self.value is not None and self.within is not None:
            return abs(found - self.value) <= self.within
        return found > self.above if self.above is not None else self.below is not None and found < self.below


class ClaimLine(Value):
    """One thing that is claimed, or asked where nothing is claimed."""

    id: Name
    text: str
    """The claim in words; a question where `claimed` is not given."""
    quantity: Quantity
    claimed: Claimed | None = None
    source: str | None = None
    """Where it is claimed, where that is not the source of the whole claim."""


class OwnPrice(Value):
    """A price of the claim's own, instead of one in a book or beside all books."""

    book: str
    tier: str
    gpu: str
    value: PositiveFloat
    unit: Literal["USD/GPU/h"]
    low: PositiveFloat | None = None
    high: PositiveFloat | None = None
    """Range of the price, where it is not known exactly."""
    source: str


class Comparison(Value):
    """Who is compared with whom for the verdict of the page."""

    subject: str
    against: Annotated[tuple[str, ...], Field(min_length=1)]
    margin: NonNegativeFloat = 0.02
    """Relative difference in cost that counts as a TIE."""
    book: str
    tier: str


class Claim(Value):
    """A claim with everything that is needed to compute it again."""

    format: Literal[1]
    name: Name
    title: str
    statement: str
    as_of: datetime.date
    source: str
    attribution: str
    """Whose measurements the points are, and under which licence."""
    interactivity: PositiveFloat | None = None
    """The operating point, tok/s/user; None where no line reads a curve."""
    price_books: tuple[str, ...] = ()
    prices: tuple[OwnPrice, ...] = ()
    comparison: Comparison | None = None
    curves: tuple[Curve, ...] = ()
    lines: tuple[ClaimLine, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        names = [curve.name for curve in self.curves]
        for what, given in (("curve", names), ("line", [line.id for line in self.lines])):
            if twice := sorted({name for name in given if given.count(name) > 1}):
                raise ValueError(f"two {what}s are named {twice[0]!r}")
        read = {f"line {line.id}": line.quantity.curves() for line in self.lines}
        if self.comparison:
            read["comparison"] = (self.comparison.subject, *self.comparison.against)
        for what, wanted in read.items():
            if missing := [name for name in wanted if name not in names]:
                raise ValueError(f"{what}: {unknown('curve', missing[0], names)}")
            if wanted and self.interactivity is None:
                raise ValueError(f"{what} reads a curve, so the claim needs an interactivity")
        return self

    def curve(self, name: str) -> Curve:
        """Return the curve of that name. Raises KeyError where there is none."""
        found = next((curve for curve in self.curves if curve.name == name), None)
        if found is None:
            raise KeyError(name)
        return found
