"""Sizing: the demand, the fleets that would serve it, and which of them costs less a year."""

from __future__ import annotations

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from inferbench.comparison.verdict import Outcome
from inferbench.metrics.summary import Basis, Origin
from inferbench.scenario.scenario import Slo
from inferbench.units import SECONDS_PER_DAY
from inferbench.values import Value


class Demand(Value):
    """Tokens that are asked for, prompt and generated ones together."""

    tokens_per_day: PositiveFloat
    peak_to_mean: float = Field(1.0, ge=1)
    """Token rate in the busiest hour over the mean of the day."""
    headroom: NonNegativeFloat = 0.0
    """Capacity beyond the peak, as a share of it: for failures, maintenance and growth."""

    @property
    def mean_tok_s(self) -> float:
        """Mean demand, tok/s."""
        return self.tokens_per_day / SECONDS_PER_DAY

    @property
    def capacity_tok_s(self) -> float:
        """Demand that the fleet must be able to serve, tok/s."""
        return self.mean_tok_s * self.peak_to_mean * (1 + self.headroom)


class WorkerShape(Value):
    """Equal workers of one role in one replica."""

    role: str
    workers: PositiveInt
    gpus: PositiveInt
    """GPUs of one worker."""


class Replica(Value):
    """One deployment in one topology at one load that keeps the SLO: what a fleet is made of."""

    deployment: str
    topology: str
    concurrency: PositiveInt
    gpu: str
    shapes: tuple[WorkerShape, ...]
    total_tput: PositiveFloat
    """tok/s of one replica."""
    half_width: float = Field(0.0, ge=0, lt=1)
    """Relative half-width of `total_tput`; 0: taken as exact."""
    origin: Origin
    gpus_per_node: PositiveInt = 8

    @property
    def gpus(self) -> int:
        """GPUs that work."""
        return sum(shape.workers * shape.gpus for shape in self.shapes)


class Fleet(Value):
    """Enough replicas of one kind for a demand, in whole nodes, and what they cost a year."""

    replica: Replica
    replicas: PositiveInt
    gpus_used: PositiveInt
    """GPUs that a worker runs on."""
    nodes: PositiveInt
    gpus_billed: PositiveInt
    """All GPUs of the nodes: stranded ones are paid for."""
    gpus_billed_low: PositiveInt
    gpus_billed_high: PositiveInt
    """Where the throughput is at the upper and at the lower end of its interval."""
    usd_per_gpu_hour: float
    """Of an hour that a GPU is there: how far it is used follows from the demand."""
    usd_per_year: float
    low: float
    high: float
    """Interval of `usd_per_year`: throughput and price, as independent errors."""
    usd_per_mtok_served: float
    """Yearly cost over the tokens that are asked for in a year."""
    utilisation: float
    """Mean demand over what the fleet can serve."""
    joules_per_token_provisioned: float | None
    """All-in power of all billed GPUs over mean demand; None where the book has no power figure."""


class Sizing(Value):
    """The answer: the best fleet of each deployment, the cheapest first."""

    demand: Demand
    slo: Slo
    book: str
    tier: str
    basis: Basis
    packed: bool
    """Whether workers of different roles and replicas share nodes."""
    fleets: tuple[Fleet, ...]
    others: tuple[Fleet, ...]
    """Fleets of other topologies and loads that keep the SLO too, and cost more."""
    unreachable: dict[str, str]
    """Deployments that no measured point keeps the SLO of, and the point that comes closest."""
    outcome: Outcome
    ratio: float | None
    """Yearly cost of the runner-up over that of the cheapest."""
    ratio_low: float | None
    ratio_high: float | None
    reason: str
