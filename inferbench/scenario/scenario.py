"""A scenario: one question about deployments, as a file."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from inferbench.errors import UsageError
from inferbench.files.allowed_names import ONCE, Label, Name, Text, repeated
from inferbench.files.number_limits import LONGEST_S, MOST_REQUESTS, MOST_STREAMS, Amount, Count, Seed, Tokens
from inferbench.files.spelling import unknown
from inferbench.scenario.deployment import Deployment
from inferbench.units import MS_PER_S
from inferbench.values import Value

RUN_NOISE = 0.0126
"""Noise of a run by default. InferenceX points of one configuration and concurrency that were measured again within
four days differ by 1.2 % in the median of 27 pairs (tok/s/GPU; docs/validation.md, "Spread between repeats"). The
difference of two normal values of standard deviation s has a median size of 0.6745 sqrt(2) s."""


class Lengths(Value):
    """Token lengths, uniform over the whole numbers from min to max, both included."""

    nominal: Tokens
    """The name of the shape, as in ISL 8192."""
    min: Tokens
    """Fewest tokens."""
    max: Tokens
    """Most tokens."""

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
    prompts_per_concurrency: Count = 10
    warmups_per_concurrency: float = Field(default=2, ge=0, le=MOST_REQUESTS)
    """Warm-up requests, with prompts of their own; the twin has no cold state and gets none."""
    seed: Seed = 0

    @model_validator(mode="after")
    def _nominal_lengths_are_drawn(self) -> Self:
        for name, of in (("isl", self.isl), ("osl", self.osl)):
            if not of.min <= of.nominal <= of.max:
                raise ValueError(f"{name}.nominal {of.nominal} is not within min {of.min} and max {of.max}")
        return self


class Slo(Value):
    """Latency limits in ms; None: no limit."""

    ttft_p99_ms: Amount | None = None
    tpot_p99_ms: Amount | None = None


class OperatingPoint(Value):
    """Where deployments are compared: at an interactivity, or at the highest load that keeps an SLO."""

    name: Label
    interactivity: Amount | None = None
    """tok/s/user, median."""
    slo: Slo | None = None
    source: Text | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.interactivity is None) == (self.slo is None):
            raise ValueError("give either interactivity or slo")
        return self


class TwinSettings(Value):
    """How far the simulated numbers are to be trusted."""

    half_width: Amount = Field(lt=1)
    """Least relative half-width of simulated throughput at equal interactivity; what was measured may be wider."""
    reason: Text
    run_noise: float = Field(default=RUN_NOISE, ge=0, lt=0.5)
    """Standard deviation of the log of a factor on all times of a sweep point, drawn from the run's seed; 0: none."""


LIVE_LEG = ("live-loopback", "fixed-pace")
"""What the leg over loopback is called among the sweep points of a run, as deployment and topology."""


class LiveLeg(Value):
    """A short run over loopback HTTP with real sockets: it checks the client, not a deployment."""

    isl: int = Field(gt=0, le=32_768)
    osl: int = Field(gt=0, le=32_768)
    ttft_ms: Amount
    tpot_ms: Amount
    """The pace at which the local server sends: the ground truth."""
    concurrency: Annotated[tuple[Annotated[int, Field(gt=0, le=MOST_STREAMS)], ...], Field(min_length=1), ONCE]
    """Streams to try, rising; the last one that the client held honestly counts."""
    waves: int = Field(default=2, gt=0, le=100)
    """Requests per stream."""

    @model_validator(mode="after")
    def _is_short(self) -> Self:
        one = (self.ttft_ms + self.osl * self.tpot_ms) / MS_PER_S
        if (seconds := one * self.waves * len(self.concurrency)) > LONGEST_S:
            raise ValueError(f"it would take {seconds:,.0f} s at that pace; at most {LONGEST_S:,.0f} s are allowed")
        return self


class PriceChoice(Value):
    """A price book and one of its tiers."""

    book: Label
    tier: Label


class Scenario(Value):
    """One question: which of these deployments serves this load for less, at these operating points?"""

    format: Literal[1]
    name: Name
    title: Text
    model: str
    load: Load
    deployments: tuple[Deployment, ...] = Field(min_length=1)
    operating_points: tuple[OperatingPoint, ...] = Field(min_length=1)
    price_books: Annotated[tuple[Text, ...], Field(min_length=1), ONCE]
    """Price books; every tier of each is applied."""
    headline: PriceChoice
    """The book and tier that tables show where there is room for one."""
    twin: TwinSettings
    live: LiveLeg | None = None
    as_of: datetime.date

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        if twice := repeated(d.name for d in self.deployments):
            raise ValueError(f"two deployments are named {twice[0]!r}")
        if twice := repeated(point.name for point in self.operating_points):
            raise ValueError(f"two operating points are named {twice[0]!r}")
        return self

    @model_validator(mode="after")
    def _sweep_points_can_be_run(self) -> Self:
        for problem in (*_shared_keys(self.deployments), *_too_many(self.deployments, self.load)):
            raise ValueError(problem)
        for index, point in enumerate(self.operating_points):
            if point.slo is not None and point.slo == Slo():
                raise ValueError(f"operating_points[{index}].slo: no limit; give ttft_p99_ms, tpot_p99_ms or both")
        return self

    def deployment(self, name: str) -> Deployment:
        """Return the deployment of that name. Raises UsageError where there is none."""
        by_name = {deployment.name: deployment for deployment in self.deployments}
        if name not in by_name:
            raise UsageError(f"scenario {self.name}: {unknown('deployment', name, by_name)}")
        return by_name[name]


def _shared_keys(deployments: tuple[Deployment, ...]) -> Iterator[str]:
    """`a.b` in topology `c` and `a` in topology `b.c` would be written to one place: a point's key joins its names."""
    seen = {".".join(LIVE_LEG): LIVE_LEG}
    for deployment in deployments:
        for topology in deployment.topologies:
            mine = (deployment.name, topology.name)
            other = seen.setdefault(".".join(mine), mine)
            if mine == LIVE_LEG:
                yield f"deployment {mine[0]!r} in topology {mine[1]!r}: the leg over loopback is called so; rename one"
            if other != mine:
                yield (
                    f"deployment {other[0]!r} in topology {other[1]!r} and deployment {mine[0]!r} in topology "
                    f"{mine[1]!r} would both be sweep points {'.'.join(mine)}; rename one"
                )


def _too_many(deployments: tuple[Deployment, ...], load: Load) -> Iterator[str]:
    most = max(c for deployment in deployments for topology in deployment.topologies for c in topology.concurrency)
    for what, each in (("prompts", load.prompts_per_concurrency), ("warmups", load.warmups_per_concurrency)):
        if each * most > MOST_REQUESTS:
            yield (
                f"load.{what}_per_concurrency: {each:g} at concurrency {most:,} are {each * most:,.0f} requests; "
                f"at most {MOST_REQUESTS:,} are allowed"
            )
