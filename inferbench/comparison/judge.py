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

from collections.abc import Mapping, Sequence

from inferbench.comparison import explain
from inferbench.comparison.decide import Decision, cheapest
from inferbench.comparison.verdict import PricedReading, Reading, Verdict
from inferbench.metrics.summary import Basis, Origin
from inferbench.pricing.rate_card import Price
from inferbench.scenario.scenario import OperatingPoint
from inferbench.token_cost.per_token import usd_per_mtok
from inferbench.uncertainty.combine import LogError, Uncertain, both_ways, log_half_width, log_ratio


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
    errors = {name: _errors(name, prices[name], widths[name]) for name in names}
    priced = tuple(_priced(reading, prices[reading.deployment], widths[reading.deployment]) for reading in readings)
    ranked = sorted((p.usd_per_mtok, p.reading.deployment) for p in priced if p.usd_per_mtok is not None)
    decision = cheapest([(name, Uncertain(usd, errors[name])) for usd, name in ranked])
    ratio = decision.ratio
    return Verdict(
        operating_point=operating_point,
        book=book,
        tier=tier,
        basis=basis,
        origin=origin,
        readings=priced,
        outcome=decision.outcome,
        cheapest=ratio and ratio.over,
        runner_up=ratio and ratio.of,
        ratio=ratio and ratio.interval.central,
        ratio_low=ratio and ratio.interval.low,
        ratio_high=ratio and ratio.interval.high,
        break_even_price_ratio=_break_even(decision, priced),
        reason=explain.verdict(decision, priced, ranged=any(price.low is not None for price in prices.values())),
    )


def throughput(deployment: str, tput_per_gpu: float, half_width: float) -> Uncertain:
    """Return a throughput with its half-width as the error of one input; ValueError for one outside 0..1."""
    return Uncertain(tput_per_gpu, {f"{deployment}: throughput": both_ways(log_half_width(half_width))})


def _errors(name: str, price: Price, half_width: float) -> dict[str, LogError]:
    """What the log of one cost may be off by: its throughput and its price, neither shared with another deployment."""
    off = 0.0
    if price.low is not None and price.high is not None:
        off = max(log_ratio(price.high, price.value), log_ratio(price.value, price.low))
    return {f"{name}: throughput": both_ways(log_half_width(half_width)), f"{name}: price": both_ways(off)}


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


def _break_even(decision: Decision, priced: Sequence[PricedReading]) -> float | None:
    if decision.ratio is None:
        return None
    hourly = {p.reading.deployment: p.usd_per_gpu_hour for p in priced}
    return decision.ratio.interval.central * hourly[decision.ratio.over] / hourly[decision.ratio.of]
