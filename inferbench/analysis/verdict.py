"""Which deployment is cheaper, and whether that can be said at all.

Each reading's throughput is known to within a relative half-width h. Cost is price over throughput, so a cost c
lies in [c / (1 + h), c / (1 - h)]. The ratio of two costs carries the errors of both. They come from different
deployments and are taken as independent, so on the log scale, where a ratio is a difference, they add in
quadrature: the log of the ratio has the half-width sqrt(w1^2 + w2^2), with w = -log(1 - h) of each. Throughput that
is down to 1 - h moves a cost further than throughput that is up to 1 + h, and the wider side stands for both. Errors
that all deployments share would cancel in a ratio; that none is shared is the more careful assumption. Prices count as
exact within a book: how far they may be off shows where the books disagree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..domain.comparison import Conclusion, Outcome, PricedReading, Reading, Verdict
from ..domain.price import Price
from ..domain.scenario import OperatingPoint
from ..domain.summary import Basis, Origin
from ..tco.cost import usd_per_mtok


def judge(
    readings: Sequence[Reading],
    prices: Mapping[str, Price],
    operating_point: OperatingPoint,
    *,
    book: str,
    tier: str,
    basis: Basis,
    origin: Origin,
    half_width: float,
) -> Verdict:
    """Price readings at one operating point under one tier of one book, and say which is cheaper, if that can be said.

    `prices` holds the price of each reading's deployment; KeyError where one is missing. `half_width` is the relative
    half-width of every reading's throughput: 0 takes them as exact; ValueError unless it is 0 or more and below 1.
    Where fewer than two deployments reach the point, none is named cheapest.
    """
    if not 0 <= half_width < 1:
        raise ValueError(f"half_width must be 0 or more and below 1, not {half_width}")
    priced = tuple(_priced(reading, prices[reading.deployment], half_width) for reading in readings)
    finding = _find(priced, half_width)
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


def ratio_spread(half_width: float, other_half_width: float) -> float:
    """Return the factor by which the ratio of two costs may be off either way, 1 or more; see the module."""
    return math.exp(math.hypot(math.log1p(-half_width), math.log1p(-other_half_width)))


def conclude(verdicts: Sequence[Verdict]) -> Conclusion:
    """Say what holds at one operating point whichever price book and tier one believes.

    CHEAPER needs every verdict to be CHEAPER for the same deployment. Raises ValueError for no verdicts, or for
    verdicts that do not share their operating point and their readings, and so differ in more than price.
    """
    if len({(verdict.operating_point, _readings(verdict)) for verdict in verdicts}) != 1:
        raise ValueError("a conclusion needs verdicts on the same readings at one operating point")
    outcomes = {verdict.outcome for verdict in verdicts}
    favoured = {verdict.cheapest for verdict in verdicts}
    if outcomes == {Outcome.CHEAPER} and len(favoured) == 1:
        outcome, cheapest, reason = Outcome.CHEAPER, verdicts[0].cheapest, _agreed(verdicts)
    elif outcomes == {Outcome.UNREACHABLE}:
        outcome, cheapest, reason = Outcome.UNREACHABLE, None, verdicts[0].reason
    else:
        outcome, cheapest, reason = Outcome.UNDECIDED, None, _doubts(verdicts)
    return Conclusion(
        operating_point=verdicts[0].operating_point,
        outcome=outcome,
        cheapest=cheapest,
        reason=reason,
        verdicts=tuple(verdicts),
    )


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
        low=None if usd is None else usd / (1 + half_width),
        high=None if usd is None else usd / (1 - half_width),
    )


def _find(priced: Sequence[PricedReading], half_width: float) -> _Finding:
    ranked = sorted((p.usd_per_mtok, p.reading.deployment) for p in priced if p.usd_per_mtok is not None)
    if len(ranked) < 2:
        return _Finding(Outcome.UNREACHABLE, _unreached(priced))
    (cost, cheapest), (other_cost, runner_up) = ranked[:2]
    ratio, spread = other_cost / cost, ratio_spread(half_width, half_width)
    # All half-widths are equal, so an interval that excludes a tie with the runner-up excludes it with all others.
    decided = ratio / spread > 1
    hourly = {p.reading.deployment: p.usd_per_gpu_hour for p in priced}
    return _Finding(
        outcome=Outcome.CHEAPER if decided else Outcome.UNDECIDED,
        reason=(
            f"{cheapest} ${cost:.3f} against {runner_up} ${other_cost:.3f}: {_times(ratio)}, "
            f"interval {_times(ratio / spread)} to {_times(ratio * spread)} {'excludes' if decided else 'includes'} "
            f"a tie (each throughput +-{100 * half_width:g} %, errors independent)"
        ),
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


def _readings(verdict: Verdict) -> tuple[Reading, ...]:
    return tuple(priced.reading for priced in verdict.readings)


def _agreed(verdicts: Sequence[Verdict]) -> str:
    ratios = [verdict.ratio for verdict in verdicts if verdict.ratio is not None]
    return (
        f"{verdicts[0].cheapest} is cheaper under every price book and tier: "
        f"the runner-up costs {_times(min(ratios))} to {_times(max(ratios))} as much"
    )


def _doubts(verdicts: Sequence[Verdict]) -> str:
    """Why verdicts do not add up to one answer: they favour different deployments, or lie inside the interval."""
    favoured = sorted({verdict.cheapest for verdict in verdicts if verdict.cheapest is not None})
    inside = [verdict for verdict in verdicts if verdict.outcome is Outcome.UNDECIDED]
    where = "all of them" if len(inside) == len(verdicts) else _where(inside)
    if len(favoured) == 1:
        nearest = min(inside, key=lambda verdict: verdict.ratio or math.inf)
        return (
            f"{favoured[0]} is cheapest under every price book and tier, but inside the interval under {where}; "
            f"nearest to a tie under {_where([nearest])}: {nearest.reason}"
        )
    by_name = [f"{name} under {_where([v for v in verdicts if v.cheapest == name])}" for name in favoured]
    disagree = f"price books disagree on which is cheapest: {'; '.join(by_name)}"
    return f"{disagree}; inside the interval under {where}" if inside else disagree


def _where(verdicts: Sequence[Verdict]) -> str:
    """Name books and tiers, each book once: `2025-08 (hyperscaler, neocloud)`."""
    tiers: dict[str, list[str]] = {}
    for verdict in verdicts:
        tiers.setdefault(verdict.book, []).append(verdict.tier)
    return ", ".join(f"{book} ({', '.join(names)})" for book, names in tiers.items())


def _times(ratio: float) -> str:
    """Two decimals, more where two would read as a tie that is none."""
    return f"{ratio:.2f}x" if ratio == 1 or f"{ratio:.2f}" != "1.00" else f"{ratio:.6g}x"
