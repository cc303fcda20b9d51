"""Comparisons: what each deployment reaches at an operating point, and which one is cheaper, if that can be said."""

from __future__ import annotations

import datetime
from enum import StrEnum

from inferbench.metrics.summary import Basis, Origin
from inferbench.scenario.scenario import OperatingPoint
from inferbench.uncertainty.interval import Interval, TornadoBar
from inferbench.values import Value


class BreakEven(Value):
    """The price ratio at which two deployments cost the same, over the paces that both reach; shape (n,) each."""

    first: str
    second: str
    interactivity: tuple[float, ...]
    """tok/s/user."""
    price_ratio: tuple[float, ...]
    """Hourly price of a GPU of the first over one of the second at which both cost the same."""
    low: tuple[float, ...]
    high: tuple[float, ...]
    """Below `low` the first is cheaper, above `high` the second; between them it is UNDECIDED."""


class FrontierPoint(Value):
    """A sweep point on a deployment's Pareto front of tok/s/GPU against interactivity."""

    deployment: str
    topology: str
    concurrency: int
    interactivity: float
    """tok/s/user."""
    tput_per_gpu: float
    """tok/s/GPU, whole cluster."""
    ttft_p99_ms: float | None
    tpot_p99_ms: float | None
    """None where an imported point does not say: it can keep no limit on what it does not say."""
    gpus: int
    precision: str | None = None
    speculation: str | None = None
    """None: those of the deployment, whatever they are."""
    date: datetime.date | None = None
    """Day of an imported run."""


class Reading(Value):
    """What one deployment reaches at one operating point. Interpolated on its front, never beyond it."""

    deployment: str
    tput_per_gpu: float | None
    """tok/s/GPU; None where the point cannot be reached."""
    unreachable: str | None = None
    """Why it cannot be reached."""
    below: FrontierPoint | None = None
    above: FrontierPoint | None = None
    """The neighbours on the front that the reading lies between (the same point twice where it lies on one)."""

    @property
    def reachable(self) -> bool:
        """Whether the deployment reaches the operating point."""
        return self.tput_per_gpu is not None


class PricedReading(Value):
    """A reading under one tier of one price book, with its interval."""

    reading: Reading
    usd_per_gpu_hour: float
    usd_per_mtok: float | None
    """$/Mtok, prompt and generated tokens together."""
    low: float | None
    high: float | None
    """Interval of usd_per_mtok."""
    half_width: float = 0.0
    """Relative half-width of the reading's throughput; 0 where it is taken as exact."""


class Outcome(StrEnum):
    """What can be said about which deployment is cheaper."""

    CHEAPER = "CHEAPER"
    """One deployment is cheaper than every other that reaches the point, its interval against each excluding a tie."""
    DEARER = "DEARER"
    """Of two deployments the one that was asked about costs more, its interval excluding a tie."""
    TIE = "TIE"
    """The whole interval lies inside a stated margin around equal costs."""
    UNDECIDED = "UNDECIDED"
    UNREACHABLE = "UNREACHABLE"
    """Fewer than two deployments reach the point, so there is nothing to compare."""


class Verdict(Value):
    """The answer at one operating point under one tier of one price book."""

    operating_point: OperatingPoint
    book: str
    tier: str
    basis: Basis
    origin: Origin
    readings: tuple[PricedReading, ...]
    outcome: Outcome
    cheapest: str | None
    """The deployment with the lowest cost, decided or not."""
    runner_up: str | None
    ratio: float | None
    """Cost of the runner-up over that of the cheapest: 1.10 means 10 % dearer."""
    ratio_low: float | None
    ratio_high: float | None
    break_even_price_ratio: float | None
    """Hourly price of the cheapest over that of the runner-up at which both would cost the same."""
    reason: str
    """Why, in words; it is kept in files."""

    @property
    def excludes_tie(self) -> bool:
        """Whether the interval of the ratio leaves out equal costs."""
        return (self.ratio_low or 0.0) > 1


class Conclusion(Value):
    """The answer at one operating point over all price books and tiers."""

    operating_point: OperatingPoint
    outcome: Outcome
    cheapest: str | None
    """None unless every book and tier decides for the same deployment."""
    reason: str
    verdicts: tuple[Verdict, ...]


class PairVerdict(Value):
    """Subject against one other at the claim's operating point, under one book and tier, with its interval."""

    subject: str
    against: str
    book: str
    tier: str
    subject_usd_per_mtok: Interval
    against_usd_per_mtok: Interval
    ratio: Interval
    """Cost of the subject over that of the other."""
    outcome: Outcome
    break_even_price_ratio: float
    price_ratio: float
    """Hourly price of the subject over that of the other, as it is in the book."""
    break_even_utilisation: float
    """Utilisation of the subject over that of the other at which both cost the same, prices being for hours."""
    break_even_interactivity: tuple[float, ...]
    """tok/s/user at which both cost the same; empty where the curves do not cross within reach."""
    tornado: tuple[TornadoBar, ...]
    reason: str
