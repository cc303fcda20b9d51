"""The sentences that say what was decided, how sure that is, and what would change it. All of them are written here.

They are made of facts alone: decisions, verdicts, conclusions. Some are kept in files as the `reason` of what they
explain; they end without a full stop. The others are whole sentences for a page.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from inferbench.comparison.decide import CostRatio, Decision, Why
from inferbench.comparison.operating_point import distances
from inferbench.comparison.verdict import Conclusion, Outcome, PairVerdict, PricedReading, Verdict
from inferbench.numerals import ratio, usd
from inferbench.scenario.scenario import OperatingPoint

TALLIED = {
    Outcome.CHEAPER: "decided",
    Outcome.UNDECIDED: "UNDECIDED",
    Outcome.UNREACHABLE: "reached by fewer than two deployments",
}


def verdict(decision: Decision, priced: Sequence[PricedReading], *, ranged: bool) -> str:
    """Why a verdict is what it is. `ranged`: whether a price has an interval of its own."""
    if decision.ratio is None:
        return _unreached(priced)
    of, over, interval = decision.ratio.of, decision.ratio.over, decision.ratio.interval
    cost = _costs(priced)
    said = (
        f"{over} ${cost[over]:.3f} against {of} ${cost[of]:.3f}: {ratio(interval.central)}, "
        f"interval {ratio(interval.low)} to {ratio(interval.high)} "
        f"{'includes' if decision.why is Why.TIE_HELD else 'excludes'} a tie ({_how_sure(priced, ranged)})"
    )
    further = [f"{r.of} at {ratio(r.interval.central)}" for r in decision.open_rivals if r.of != of]
    return f"{said}; nor is a tie excluded with {', '.join(further)}" if further else said


def conclusion(outcome: Outcome, verdicts: Sequence[Verdict]) -> str:
    """Why verdicts under several prices add up to an outcome."""
    if outcome is Outcome.UNREACHABLE:
        return verdicts[0].reason
    if outcome is Outcome.CHEAPER:
        ratios = [v.ratio for v in verdicts if v.ratio is not None]
        return (
            f"{verdicts[0].cheapest} is cheaper under every price book and tier: "
            f"the runner-up costs {ratio(min(ratios))} to {ratio(max(ratios))} as much"
        )
    return _disagreement(verdicts)


def fleets(decision: Decision) -> str:
    """Why a ranking of fleets by yearly cost is what it is."""
    if decision.ratio is None:
        return f"only {decision.alone} keeps the SLO" if decision.alone else "no deployment keeps the SLO"
    said = _compared(decision.ratio, 2, " a year")
    if decision.open_rivals:
        return f"{said}; a tie with {', '.join(rival.of for rival in decision.open_rivals)} is not excluded"
    return f"{said}, which excludes a tie"


def pair(decision: Decision) -> str:
    """Why a subject is what it is against one other."""
    assert decision.ratio is not None, "a pair has a ratio"
    span = _compared(decision.ratio, 3)
    if decision.why is Why.WITHIN_MARGIN:
        return f"{span}: all of it within {decision.margin:.0%} of equal"
    if decision.why is Why.TIE_HELD:
        return f"{span}, which holds equal costs: neither can be called cheaper"
    return f"{span}, which excludes equal costs"


def tally(conclusions: Sequence[Conclusion]) -> str:
    """How many operating points are decided."""
    outcomes = Counter(found.outcome for found in conclusions)
    parts = ", ".join(f"{outcomes[outcome]} {word}" for outcome, word in TALLIED.items() if outcomes[outcome])
    return f"Of {len(conclusions)} operating points: {parts}."


def finding(found: Verdict, outcome: Outcome) -> str:
    """Who has the lower cost under one price, by how much and within which interval; `outcome` is over all prices."""
    if found.cheapest is None:
        return outcome.value
    by = f"by {ratio(found.ratio)} ({ratio(found.ratio_low)} to {ratio(found.ratio_high)})"
    if outcome is Outcome.CHEAPER:
        return f"{found.cheapest} is CHEAPER, {by}"
    return f"{outcome.value}; {found.cheapest} has the lower estimate, {by}"


def answer(found: Conclusion, headline: Verdict | None) -> str:
    """The answer at one operating point; `headline` is the verdict under the headline price."""
    name = found.operating_point.name
    if headline is None or Outcome.UNREACHABLE in (found.outcome, headline.outcome):
        return f"At {name}: {found.outcome.value}: {found.reason}."
    cost = _costs(headline.readings)
    first, second = headline.cheapest or "", headline.runner_up or ""
    lead = (
        f"under {headline.book} {headline.tier} {first} serves a million tokens for {usd(cost.get(first))} "
        f"and {second} for {usd(cost.get(second))}, {ratio(headline.ratio)} as much"
    )
    if found.outcome is Outcome.CHEAPER:
        return f"At {name}: {found.cheapest} is CHEAPER under every price book and tier; {lead}."
    return f"At {name}: UNDECIDED. {lead[0].upper()}{lead[1:]}, but {_doubt(found)}."


def details(found: Conclusion, headline: Verdict) -> tuple[str, ...]:
    """What an answer rests on and what would change it, with how far from each reading anything was run."""
    hourly = {p.reading.deployment: p.usd_per_gpu_hour for p in headline.readings}
    first, second = headline.cheapest or "", headline.runner_up or ""
    said = [
        f"How sure: the ratio of costs is {ratio(headline.ratio)} and lies within {ratio(headline.ratio_low)} to "
        f"{ratio(headline.ratio_high)}, which {'excludes' if headline.excludes_tie else 'holds'} a tie (1.00x)."
    ]
    if headline.break_even_price_ratio is not None and first in hourly and second in hourly:
        said.append(
            f"What would change it: both cost the same once a GPU-hour of {first} costs "
            f"{ratio(headline.break_even_price_ratio)} one of {second}; here it costs "
            f"{ratio(hourly[first] / hourly[second])}."
        )
    said.append(f"Over all prices: {found.reason}.")
    reached = [p for p in headline.readings if p.reading.reachable]
    others = [p.reading for p in headline.readings if not p.reading.reachable]
    said += filter(None, (_distance(p, found.operating_point) for p in reached))
    return (*said, *(f"{reading.deployment} does not reach it: {reading.unreachable}." for reading in others))


def lower_estimate(found: Conclusion, headline: Verdict) -> str:
    """Who has the lower estimate where it is undecided, and under how many prices."""
    lower = sum(v.cheapest == headline.cheapest for v in found.verdicts)
    return f"{headline.cheapest} has the lower estimate, here and under {lower} of {len(found.verdicts)} prices."


def both_costs(headline: Verdict) -> str:
    """What a million tokens cost on the runner-up and on the cheapest."""
    cost, names = _costs(headline.readings), (headline.runner_up or "", headline.cheapest or "")
    both = " over ".join(f"{usd(cost.get(name))} ({name})" for name in names)
    return f"{both} per million tokens, {headline.book} {headline.tier}."


def how_sure(found: Conclusion, headline: Verdict) -> str:
    """Whether the headline's interval holds a tie, and under how many prices it is decided."""
    decided = sum(v.outcome is Outcome.CHEAPER for v in found.verdicts)
    held = "excludes a tie" if headline.excludes_tie else "holds a tie"
    return f"That interval {held} (1.00x). Decided under {decided} of {len(found.verdicts)} prices."


def break_even_price(headline: Verdict) -> tuple[str, str]:
    """The price of the cheapest at which both cost the same, in a few words and in sentences."""
    hourly = {p.reading.deployment: p.usd_per_gpu_hour for p in headline.readings}
    first, second = headline.cheapest or "", headline.runner_up or ""
    if headline.break_even_price_ratio is None or not hourly.get(second):
        return "-", "no break-even price"
    return (
        f"{first} at {usd(headline.break_even_price_ratio * hourly[second])}/GPU/h",
        f"There both cost the same. It is {usd(hourly[first])} here, against {usd(hourly[second])} for {second}; a "
        "narrower interval needs measured points.",
    )


def pair_details(found: PairVerdict) -> tuple[str, ...]:
    """What a verdict on a pair rests on, what is most in doubt, and what would change it."""
    costs = (
        f"A million tokens cost {usd(found.subject_usd_per_mtok.central)} on {found.subject} and "
        f"{usd(found.against_usd_per_mtok.central)} on {found.against} under {found.book} {found.tier}."
    )
    work = (
        f"{found.against} serves {ratio(1 / found.break_even_price_ratio)} as much per GPU and a GPU-hour of it costs "
        f"{ratio(1 / found.price_ratio)} one of {found.subject}."
    )
    widest = found.tornado[0] if found.tornado else None
    doubt = f"The widest doubt is {widest.name}: {widest.source}." if widest else ""
    crossings = ", ".join(f"{at:.0f}" for at in found.break_even_interactivity)
    turn = (
        f"Both cost the same once the price ratio is {found.break_even_price_ratio:.3f} (it is "
        f"{found.price_ratio:.3f})"
        + (f", or at {crossings} tok/s/user" if crossings else "")
        + f", or once its GPUs are busy {ratio(found.break_even_utilisation)} as much of the time as the other's."
    )
    return tuple(text for text in (costs, work, doubt, turn) if text)


def _costs(priced: Sequence[PricedReading]) -> dict[str, float | None]:
    return {p.reading.deployment: p.usd_per_mtok for p in priced}


def _compared(found: CostRatio, digits: int, per: str = "") -> str:
    central, low, high = (f"{x:.{digits}f}x" for x in (found.interval.central, found.interval.low, found.interval.high))
    return f"{found.of} costs {central} as much{per} as {found.over}, interval {low} to {high}"


def _how_sure(priced: Sequence[PricedReading], ranged: bool) -> str:
    low, high = (choose(p.half_width for p in priced) for choose in (min, max))
    width = f"{100 * high:g}" if low == high else f"{100 * low:.0f} to {100 * high:.0f}"
    return f"each throughput +-{width} %{', prices with their ranges' if ranged else ''}, errors independent"


def _unreached(priced: Sequence[PricedReading]) -> str:
    reached = [p.reading.deployment for p in priced if p.reading.reachable]
    others = [f"{p.reading.deployment}: {p.reading.unreachable}" for p in priced if not p.reading.reachable]
    return "; ".join([f"only {reached[0]} reaches it" if reached else "no deployment reaches it", *others])


def _disagreement(verdicts: Sequence[Verdict]) -> str:
    """Why verdicts do not add up to one answer: they favour different deployments, or lie inside the interval."""
    favoured = sorted({v.cheapest for v in verdicts if v.cheapest is not None})
    inside = [v for v in verdicts if v.outcome is Outcome.UNDECIDED]
    where = "all of them" if len(inside) == len(verdicts) else _where(inside)
    if len(favoured) == 1:
        nearest = min(inside, key=lambda v: v.ratio or math.inf)
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
    for found in verdicts:
        tiers.setdefault(found.book, []).append(found.tier)
    return ", ".join(f"{book} ({', '.join(names)})" for book, names in tiers.items())


def _doubt(found: Conclusion) -> str:
    """Why the headline's figures do not settle it."""
    names = Counter(v.cheapest for v in found.verdicts if v.cheapest)
    undecided = sum(v.outcome is Outcome.UNDECIDED for v in found.verdicts)
    doubts = []
    if len(names) > 1:
        doubts.append(f"the price books disagree ({', '.join(f'{name} under {n}' for name, n in names.most_common())})")
    if undecided:
        doubts.append(
            f"under {undecided} of {len(found.verdicts)} prices the difference is smaller than the doubt in it"
        )
    return " and ".join(doubts) or found.reason


def _distance(priced: PricedReading, at: OperatingPoint) -> str:
    """How far from the reading anything was run; empty where no interactivity is read."""
    near = None if at.interactivity is None else distances(priced.reading, at.interactivity)
    if near is None:
        return ""
    if near == (0, 0):
        return f"{priced.reading.deployment} was run at this very point."
    return (
        f"{priced.reading.deployment} is read between points that were run {near[0]:.1f} tok/s/user below and "
        f"{near[1]:.1f} above."
    )
