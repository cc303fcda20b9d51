"""Which deployment is cheaper, and whether that can be said at all.

Each reading's throughput is known to within a relative half-width h. Cost is price over throughput, so a cost c
lies in [c / (1 + h), c / (1 - h)]. The ratio of two costs carries the errors of both. They come from different
deployments and are taken as independent, so on the log scale, where a ratio is a difference, they add in
quadrature: the log of the ratio has the half-width sqrt(w1^2 + w2^2), with w = -log(1 - h) of each. Throughput that
is down to 1 - h moves a cost further than throughput that is up to 1 + h, and the wider side stands for both. Errors
that all deployments share would cancel in a ratio; that none is shared is the more careful assumption. A price that
has an interval of its own (a built-up one) adds it in the same way; one without counts as exact within its book, and
how far it may be off shows where the books disagree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inferbench.comparison.verdict import Outcome, PricedReading, Reading, Verdict
from inferbench.cost.per_token import usd_per_mtok
from inferbench.metrics.summary import Basis, Origin
from inferbench.pricing.rate_card import Price
from inferbench.scenario.scenario import OperatingPoint


def judge(
    readings: Sequence[Reading],
    prices: Mapping[str, Price],
    operating_point: OperatingPoint,
    *,
    book: str,
    tier: str,
    basis: Basis,
    origin: Origin,
    half_width: float | Mapping[str, float],
) -> Verdict:
    """Price readings at one operating point under one tier of one book, and say which is cheaper, if that can be said.

    `prices` holds the price of each reading's deployment; KeyError where one is missing. `half_width` is the relative
    half-width of every reading's throughput, or of each by deployment: 0 takes it as exact; ValueError unless it is 0
    or more and below 1.
    Where fewer than two deployments reach the point, none is named cheapest.
    """
    names = [reading.deployment for reading in readings]
    widths = half_width if isinstance(half_width, Mapping) else dict.fromkeys(names, half_width)
    for width in widths.values():
        if not 0 <= width < 1:
            raise ValueError(f"half_width must be 0 or more and below 1, not {width}")
    priced = tuple(_priced(reading, prices[reading.deployment], widths[reading.deployment]) for reading in readings)
    spreads = {name: _log_spread(prices[name], widths[name]) for name in names}
    finding = _find(priced, spreads, _how_sure(prices, widths))
    return Verdict(
        operating_point=operating_point,
        book=book,
        tier=tier,
        basis=basis,
        origin=origin,
        readings=priced,
        outcome=finding.outcome,
        cheapest=finding.cheapest,
        runner_up=finding.runner_up,
        ratio=finding.ratio,
        ratio_low=finding.ratio_low,
        ratio_high=finding.ratio_high,
        break_even_price_ratio=finding.break_even_price_ratio,
        reason=finding.reason,
    )


def _log_spread(price: Price, half_width: float) -> float:
    """How far the log of one cost may be off, its throughput and its price together."""
    off = 0.0
    if price.low is not None and price.high is not None:
        off = max(math.log(price.high / price.value), math.log(price.value / price.low))
    return math.hypot(math.log1p(-half_width), off)


def _how_sure(prices: Mapping[str, Price], widths: Mapping[str, float]) -> str:
    low, high = min(widths.values(), default=0.0), max(widths.values(), default=0.0)
    width = f"{100 * high:g}" if low == high else f"{100 * low:.0f} to {100 * high:.0f}"
    ranged = "" if all(price.low is None for price in prices.values()) else ", prices with their ranges"
    return f"each throughput +-{width} %{ranged}, errors independent"


def ratio_spread(spread: float, other_spread: float) -> float:
    """Return the factor by which the ratio of two costs may be off either way, from how far the log of each may."""
    return math.exp(math.hypot(spread, other_spread))


@dataclass(frozen=True)
class _Finding:
    """What a verdict says, without what it is about."""

    outcome: Outcome
    reason: str
    cheapest: str | None = None
    runner_up: str | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    break_even_price_ratio: float | None = None


def _priced(reading: Reading, price: Price, half_width: float) -> PricedReading:
    usd = None if reading.tput_per_gpu is None else usd_per_mtok(price.value, reading.tput_per_gpu)
    return PricedReading(
        reading=reading,
        usd_per_gpu_hour=price.value,
        usd_per_mtok=usd,
        low=None if usd is None else usd / (1 + half_width) * (price.low or price.value) / price.value,
        high=None if usd is None else usd / (1 - half_width) * (price.high or price.value) / price.value,
        half_width=half_width,
    )


def _find(priced: Sequence[PricedReading], spreads: Mapping[str, float], how_sure: str) -> _Finding:
    ranked = sorted((p.usd_per_mtok, p.reading.deployment) for p in priced if p.usd_per_mtok is not None)
    if len(ranked) < 2:
        return _Finding(Outcome.UNREACHABLE, _unreached(priced))
    (cost, cheapest), (other_cost, runner_up) = ranked[:2]
    ratio, spread = other_cost / cost, ratio_spread(spreads[cheapest], spreads[runner_up])
    # A rival further off may be less sure to be dearer than the next cheapest is: it must be excluded too.
    open_rivals = [
        f"{name} at {times(other / cost)}"
        for other, name in ranked[1:]
        if other / cost <= ratio_spread(spreads[cheapest], spreads[name])
    ]
    further = [rival for rival in open_rivals if not rival.startswith(f"{runner_up} at ")]
    reason = (
        f"{cheapest} ${cost:.3f} against {runner_up} ${other_cost:.3f}: {times(ratio)}, "
        f"interval {times(ratio / spread)} to {times(ratio * spread)} {'excludes' if ratio > spread else 'includes'} "
        f"a tie ({how_sure})"
    )
    hourly = {p.reading.deployment: p.usd_per_gpu_hour for p in priced}
    return _Finding(
        outcome=Outcome.UNDECIDED if open_rivals else Outcome.CHEAPER,
        reason=f"{reason}; nor is a tie excluded with {', '.join(further)}" if further else reason,
        cheapest=cheapest,
        runner_up=runner_up,
        ratio=ratio,
        ratio_low=ratio / spread,
        ratio_high=ratio * spread,
        break_even_price_ratio=ratio * hourly[cheapest] / hourly[runner_up],
    )


def _unreached(priced: Sequence[PricedReading]) -> str:
    reached = [p.reading.deployment for p in priced if p.reading.reachable]
    others = [f"{p.reading.deployment}: {p.reading.unreachable}" for p in priced if not p.reading.reachable]
    return "; ".join([f"only {reached[0]} reaches it" if reached else "no deployment reaches it", *others])


def times(ratio: float) -> str:
    """Two decimals, more where two would read as a tie that is none."""
    return f"{ratio:.2f}x" if ratio == 1 or f"{ratio:.2f}" != "1.00" else f"{ratio:.6g}x"
