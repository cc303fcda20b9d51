"""Deployments set side by side with one thing held equal: the pace for users, the wait for them, or the money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inferbench.comparison.operating_point import read_at
from inferbench.comparison.verdict import FrontierPoint, Reading
from inferbench.scenario.scenario import OperatingPoint, Slo
from inferbench.token_cost.per_token import usd_per_mtok

Points = Mapping[str, Sequence[FrontierPoint]]
"""All usable points of each deployment, by its name."""


@dataclass(frozen=True, slots=True)
class EqualReading:
    """What a deployment reaches with one thing held equal."""

    reading: Reading
    usd_per_mtok: float | None
    gpus: int | None = None
    """GPUs that the budget pays for; None where there is no budget."""
    total_tput: float | None = None
    """tok/s of all those GPUs."""


def equal_interactivity(points: Points, usd_per_gpu_hour: Mapping[str, float], target: float) -> list[EqualReading]:
    """Read every deployment at one interactivity, tok/s/user, interpolated on its front and never beyond it."""
    return _priced(points, usd_per_gpu_hour, OperatingPoint(name=f"{target:g} tok/s/user", interactivity=target))


def equal_ttft_slo(points: Points, usd_per_gpu_hour: Mapping[str, float], ttft_p99_ms: float) -> list[EqualReading]:
    """Take every deployment's highest throughput whose p99 TTFT keeps a limit, without interpolation."""
    slo = Slo(ttft_p99_ms=ttft_p99_ms)
    return _priced(points, usd_per_gpu_hour, OperatingPoint(name=f"p99 TTFT {ttft_p99_ms:g} ms", slo=slo))


def equal_budget(
    points: Points, usd_per_gpu_hour: Mapping[str, float], target: float, usd_per_hour: float
) -> list[EqualReading]:
    """Spend one hourly budget on every deployment at one interactivity; only whole replicas are bought.

    The replica is that of the measured neighbour with fewer GPUs. A deployment of which the budget buys none
    has 0 GPUs and no throughput.
    """
    return [
        _within(equal, usd_per_gpu_hour[equal.reading.deployment], usd_per_hour)
        for equal in equal_interactivity(points, usd_per_gpu_hour, target)
    ]


def _priced(points: Points, hourly: Mapping[str, float], at: OperatingPoint) -> list[EqualReading]:
    readings = [read_at(own, name, at) for name, own in points.items()]
    return [
        EqualReading(r, None if r.tput_per_gpu is None else usd_per_mtok(hourly[r.deployment], r.tput_per_gpu))
        for r in readings
    ]


def _within(equal: EqualReading, hourly: float, budget: float) -> EqualReading:
    reading = equal.reading
    if reading.tput_per_gpu is None or reading.below is None or reading.above is None:
        return equal
    replica = min(reading.below.gpus, reading.above.gpus)
    gpus = int(budget / (hourly * replica)) * replica
    return EqualReading(reading, equal.usd_per_mtok, gpus, gpus * reading.tput_per_gpu)
