"""One operating point in four short answers: which is cheaper, by how much, how sure, and what would change that."""

from __future__ import annotations

from dataclasses import dataclass

from inferbench.comparison.verdict import Conclusion, Outcome, Verdict
from inferbench.render.format import ratio, usd
from inferbench.runs.report.view import RunView


@dataclass(frozen=True)
class Card:
    """A question, its answer in a few words, and what stands behind it."""

    question: str
    answer: str
    detail: str


def cards(view: RunView, conclusion: Conclusion) -> tuple[Card, ...]:
    """Four cards; one that says why where fewer than two deployments reach the point."""
    verdict = view.headline(conclusion)
    if verdict is None or verdict.outcome is Outcome.UNREACHABLE:
        return (Card("Which is cheaper?", "Cannot be compared", f"{conclusion.reason}."),)
    return (
        _which(conclusion, verdict),
        _by_how_much(verdict),
        _how_sure(conclusion, verdict),
        _what_would_change(verdict),
    )


def _which(conclusion: Conclusion, verdict: Verdict) -> Card:
    question = "Which is cheaper?"
    if conclusion.outcome is Outcome.CHEAPER:
        return Card(question, str(conclusion.cheapest), "under every price book and tier")
    lower = sum(v.cheapest == verdict.cheapest for v in conclusion.verdicts)
    return Card(
        question,
        "UNDECIDED",
        f"{verdict.cheapest} has the lower estimate, here and under {lower} of {len(conclusion.verdicts)} prices.",
    )


def _by_how_much(verdict: Verdict) -> Card:
    cost = {priced.reading.deployment: priced.usd_per_mtok for priced in verdict.readings}
    first, second = verdict.cheapest or "", verdict.runner_up or ""
    return Card(
        "By how much?",
        ratio(verdict.ratio),
        f"{usd(cost.get(second))} ({second}) over {usd(cost.get(first))} ({first}) per million tokens, "
        f"{verdict.book} {verdict.tier}.",
    )


def _how_sure(conclusion: Conclusion, verdict: Verdict) -> Card:
    decided = sum(v.outcome is Outcome.CHEAPER for v in conclusion.verdicts)
    held = "holds a tie" if (verdict.ratio_low or 0) <= 1 else "excludes a tie"
    return Card(
        "How sure?",
        f"{ratio(verdict.ratio_low)} to {ratio(verdict.ratio_high)}",
        f"That interval {held} (1.00x). Decided under {decided} of {len(conclusion.verdicts)} prices.",
    )


def _what_would_change(verdict: Verdict) -> Card:
    hourly = {priced.reading.deployment: priced.usd_per_gpu_hour for priced in verdict.readings}
    first, second = verdict.cheapest or "", verdict.runner_up or ""
    if verdict.break_even_price_ratio is None or not hourly.get(second):
        return Card("What would change it?", "-", "no break-even price")
    even = verdict.break_even_price_ratio * hourly[second]
    return Card(
        "What would change it?",
        f"{first} at {usd(even)}/GPU/h",
        f"There both cost the same. It is {usd(hourly[first])} here, against {usd(hourly[second])} for {second}; a "
        "narrower interval needs measured points.",
    )
