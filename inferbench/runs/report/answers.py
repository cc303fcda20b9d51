"""The answer at each operating point, in sentences that need no other page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from inferbench.comparison.operating_point import distances
from inferbench.comparison.verdict import Conclusion, Outcome, PricedReading, Verdict
from inferbench.render.format import ratio, usd
from inferbench.runs.report.view import RunView
from inferbench.scenario.scenario import OperatingPoint


@dataclass(frozen=True)
class PointAnswer:
    """What is said about one operating point."""

    point: str
    outcome: Outcome
    sentence: str
    details: tuple[str, ...]
    """What the outcome rests on and what would change it."""


def answers(view: RunView) -> tuple[PointAnswer, ...]:
    """One answer per operating point, in the scenario's order."""
    return tuple(_answer(view, conclusion) for conclusion in view.conclusions)


def tally(view: RunView) -> str:
    """How many operating points are decided, in one sentence."""
    outcomes = Counter(conclusion.outcome for conclusion in view.conclusions)
    parts = [f"{outcomes[outcome]} {word}" for outcome, word in _WORDS.items() if outcomes[outcome]]
    return f"Of {len(view.conclusions)} operating points: {', '.join(parts)}."


def finding(verdict: Verdict, outcome: Outcome) -> str:
    """Who has the lower cost under one price, by how much and within which interval; `outcome` is over all prices."""
    if verdict.cheapest is None:
        return outcome.value
    by = f"by {ratio(verdict.ratio)} ({ratio(verdict.ratio_low)} to {ratio(verdict.ratio_high)})"
    if outcome is Outcome.CHEAPER:
        return f"{verdict.cheapest} is CHEAPER, {by}"
    return f"{outcome.value}; {verdict.cheapest} has the lower estimate, {by}"


def describe(point: OperatingPoint) -> str:
    """What it means to be at an operating point."""
    if point.slo is None:
        return f"median interactivity {point.interactivity:g} tok/s/user"
    limits = (("TTFT", point.slo.ttft_p99_ms), ("TPOT", point.slo.tpot_p99_ms))
    kept = " and ".join(f"p99 {what} within {limit:,g} ms" for what, limit in limits if limit is not None)
    return f"highest throughput per GPU with {kept}" if kept else "highest throughput per GPU"


_WORDS = {
    Outcome.CHEAPER: "decided",
    Outcome.UNDECIDED: "UNDECIDED",
    Outcome.UNREACHABLE: "reached by fewer than two deployments",
}


def _answer(view: RunView, conclusion: Conclusion) -> PointAnswer:
    name, verdict = conclusion.operating_point.name, view.headline(conclusion)
    if conclusion.outcome is Outcome.UNREACHABLE or verdict is None or verdict.outcome is Outcome.UNREACHABLE:
        return PointAnswer(name, conclusion.outcome, f"At {name}: {conclusion.outcome.value}: {conclusion.reason}.", ())
    sentence = f"At {name}: {_compared(conclusion, verdict)}"
    return PointAnswer(name, conclusion.outcome, sentence, _details(conclusion, verdict))


def _compared(conclusion: Conclusion, verdict: Verdict) -> str:
    cost = {priced.reading.deployment: priced.usd_per_mtok for priced in verdict.readings}
    first, second = verdict.cheapest or "", verdict.runner_up or ""
    lead = (
        f"under {verdict.book} {verdict.tier} {first} serves a million tokens for {usd(cost.get(first))} "
        f"and {second} for {usd(cost.get(second))}, {ratio(verdict.ratio)} as much"
    )
    if conclusion.outcome is Outcome.CHEAPER:
        return f"{conclusion.cheapest} is CHEAPER under every price book and tier; {lead}."
    return f"UNDECIDED. {lead[0].upper()}{lead[1:]}, but {_doubt(conclusion)}."


def _doubt(conclusion: Conclusion) -> str:
    """Why the headline's figures do not settle it."""
    verdicts = conclusion.verdicts
    names = Counter(verdict.cheapest for verdict in verdicts if verdict.cheapest)
    open_ones = sum(verdict.outcome is Outcome.UNDECIDED for verdict in verdicts)
    doubts = []
    if len(names) > 1:
        doubts.append(f"the price books disagree ({', '.join(f'{name} under {n}' for name, n in names.most_common())})")
    if open_ones:
        doubts.append(f"under {open_ones} of {len(verdicts)} prices the difference is smaller than the doubt in it")
    return " and ".join(doubts) or conclusion.reason


def _details(conclusion: Conclusion, verdict: Verdict) -> tuple[str, ...]:
    hourly = {priced.reading.deployment: priced.usd_per_gpu_hour for priced in verdict.readings}
    first, second = verdict.cheapest or "", verdict.runner_up or ""
    held = (verdict.ratio_low or 0) <= 1
    details = [
        f"How sure: the ratio of costs is {ratio(verdict.ratio)} and lies within {ratio(verdict.ratio_low)} to "
        f"{ratio(verdict.ratio_high)}, which {'holds' if held else 'excludes'} a tie (1.00x)."
    ]
    if verdict.break_even_price_ratio is not None and first in hourly and second in hourly:
        details.append(
            f"What would change it: both cost the same once a GPU-hour of {first} costs "
            f"{ratio(verdict.break_even_price_ratio)} one of {second}; here it costs "
            f"{ratio(hourly[first] / hourly[second])}."
        )
    details.append(f"Over all prices: {conclusion.reason}.")
    details += [_distance(p, conclusion.operating_point) for p in verdict.readings if p.reading.reachable]
    return (
        *(detail for detail in details if detail),
        *(_unreached(priced) for priced in verdict.readings if not priced.reading.reachable),
    )


def _distance(priced: PricedReading, point: OperatingPoint) -> str:
    """How far from the reading anything was run; empty where no interactivity is read."""
    near = None if point.interactivity is None else distances(priced.reading, point.interactivity)
    if near is None:
        return ""
    if near == (0, 0):
        return f"{priced.reading.deployment} was run at this very point."
    return (
        f"{priced.reading.deployment} is read between points that were run {near[0]:.1f} tok/s/user below and "
        f"{near[1]:.1f} above."
    )


def _unreached(priced: PricedReading) -> str:
    return f"{priced.reading.deployment} does not reach it: {priced.reading.unreachable}."
