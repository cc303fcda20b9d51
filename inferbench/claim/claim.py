"""A claim file: what somebody says, at which operating point, from which measured points, under which prices."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from inferbench.claim.quantity import Quantity
from inferbench.evidence.measured_point import MeasuredPoint, RoleWorkers
from inferbench.files.allowed_names import ONCE, Label, Name, Text, repeated
from inferbench.files.number_limits import Amount, Count, Tokens
from inferbench.files.spelling import unknown
from inferbench.pricing.rate_card import outside_its_range
from inferbench.values import Value


class ClaimPoint(Value):
    """One measured point of a curve, typed in as a figure, over its whole run."""

    date: datetime.date
    concurrency: Count | None = None
    prefill: RoleWorkers | None = None
    decode: RoleWorkers
    interactivity: Amount
    """tok/s/user, median."""
    tput_per_gpu: Amount
    """tok/s/GPU, all GPUs, prompt and generated tokens."""
    run: Text | None = None
    """Address of the run; None: the curve's."""


class Noise(Value):
    """How far a second run of the same configuration lands from the first."""

    p90: float = Field(ge=0, le=10)
    """|log ratio| of two runs that nine in ten pairs stay within: 0.05 is about 5 %."""
    source: Text


class Curve(Value):
    """The measured points of one deployment at one precision, with or without speculation, at one shape."""

    name: Name
    title: Text
    gpu: Label
    framework: Label
    model: Label
    precision: Label
    speculation: Label
    isl: Tokens
    osl: Tokens
    run: Text | None = None
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


Stated = Annotated[float, Field(ge=-1e12, le=1e12)]
"""A figure of a claim: differences can be below 0."""


class Claimed(Value):
    """What is claimed of a quantity: a value, or a side of one."""

    value: Stated | None = None
    within: Amount | None = None
    """How far the value found may lie from `value`: half of the last digit that was published, or as the text says."""
    above: Stated | None = None
    below: Stated | None = None

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
    text: Text
    """The claim in words; a question where `claimed` is not given."""
    quantity: Quantity
    claimed: Claimed | None = None
    source: Text | None = None
    """Where it is claimed, where that is not the source of the whole claim."""


class OwnPrice(Value):
    """A price of the claim's own, instead of one in a book or beside all books."""

    book: Label
    tier: Label
    gpu: Label
    value: Amount
    unit: Literal["USD/GPU/h"]
    low: Amount | None = None
    high: Amount | None = None
    """Range of the price, where it is not known exactly."""
    source: Text

    @model_validator(mode="after")
    def _within_its_range(self) -> Self:
        if problem := outside_its_range(self.value, self.low, self.high):
            raise ValueError(problem)
        return self


class Comparison(Value):
    """Who is compared with whom for the verdict of the page."""

    subject: str
    against: Annotated[tuple[str, ...], Field(min_length=1), ONCE]
    margin: float = Field(default=0.02, ge=0, lt=1)
    """Relative difference in cost that counts as a TIE."""
    book: Label
    tier: Label


class Claim(Value):
    """A claim with everything that is needed to compute it again."""

    format: Literal[1]
    name: Name
    title: Text
    statement: Text
    as_of: datetime.date
    source: Text
    attribution: Text
    """Whose measurements the points are, and under which licence."""
    interactivity: Amount | None = None
    """The operating point, tok/s/user; None where no line reads a curve."""
    price_books: Annotated[tuple[Text, ...], ONCE] = ()
    prices: tuple[OwnPrice, ...] = ()
    comparison: Comparison | None = None
    curves: tuple[Curve, ...] = ()
    lines: tuple[ClaimLine, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        names = [curve.name for curve in self.curves]
        for what, given in (("curve", names), ("line", [line.id for line in self.lines])):
            if twice := repeated(given):
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
