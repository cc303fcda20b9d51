"""A scenario: one question about deployments, as a file."""

from __future__ import annotations

import datetime
from typing import Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from .deployment import Deployment, Name
from .value import Value

RUN_NOISE = 0.0126
"""Noise of a run by default. InferenceX points of one configuration and concurrency that were measured again within
four days differ by 1.2 % in the median of 27 pairs (tok/s/GPU; docs/validation.md, "Spread between repeats"). The
difference of two normal values of standard deviation s has a median size of 0.6745 sqrt(2) s."""


class Lengths(Value):
    """Token lengths, uniform over the whole numbers from min to max, both included."""

    nominal: PositiveInt
    """The name of the shape, as in ISL 8192."""
    min: PositiveInt
    max: PositiveInt

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self


class Load(Value):
    """The load that every deployment gets: a closed loop at each topology's concurrencies."""

    isl: Lengths
    osl: Lengths
    ignore_eos: bool = True
    """Generate exactly the planned number of tokens."""
    prompts_per_concurrency: PositiveInt = 10
    warmups_per_concurrency: NonNegativeFloat = 2
    """Warm-up requests, with prompts of their own; the twin has no cold state and gets none."""
    seed: int = 0


class Slo(Value):
    """Latency limits in ms; None: no limit."""

    ttft_p99_ms: PositiveFloat | None = None
    tpot_p99_ms: PositiveFloat | None = None


class OperatingPoint(Value):
    """Where deployments are compared: at an interactivity, or at the highest load that keeps an SLO."""

    name: str
    interactivity: PositiveFloat | None = None
    """tok/s/user, median."""
    slo: Slo | None = None
    source: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.interactivity is None) == (self.slo is None):
            raise ValueError("give either interactivity or slo")
        return self


class TwinSettings(Value):
    """How far the simulated numbers are to be trusted."""

    half_width: PositiveFloat = Field(lt=1)
    """Least relative half-width of simulated throughput at equal interactivity; what was measured may be wider."""
    reason: str
    run_noise: NonNegativeFloat = Field(default=RUN_NOISE, lt=0.5)
    """Standard deviation of the log of a factor on all times of a sweep point, drawn from the run's seed; 0: none."""


class LiveLeg(Value):
    """A short run over loopback HTTP with real sockets: it checks the client, not a deployment."""

    isl: PositiveInt
    osl: PositiveInt
    ttft_ms: PositiveFloat
    tpot_ms: PositiveFloat
    """The pace at which the local server sends: the ground truth."""
    concurrency: tuple[PositiveInt, ...] = Field(min_length=1)
    """Streams to try, rising; the last one that the client held honestly counts."""
    waves: PositiveInt = 2
    """Requests per stream."""


class PriceChoice(Value):
    """A price book and one of its tiers."""

    book: str
    tier: str


class Scenario(Value):
    """One question: which of these deployments serves this load for less, at these operating points?"""

    format: Literal[1]
    name: Name
    title: str
    model: str
    load: Load
    deployments: tuple[Deployment, ...] = Field(min_length=1)
    operating_points: tuple[OperatingPoint, ...] = Field(min_length=1)
    price_books: tuple[str, ...] = Field(min_length=1)
    """Price books; every tier of each is applied."""
    headline: PriceChoice
    """The book and tier that tables show where there is room for one."""
    twin: TwinSettings
    live: LiveLeg | None = None
    as_of: datetime.date

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [d.name for d in self.deployments]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"two deployments are named {twice[0]!r}")
        return self

    def deployment(self, name: str) -> Deployment:
        """Return the deployment of that name. Raises KeyError where there is none."""
        return {d.name: d for d in self.deployments}[name]
