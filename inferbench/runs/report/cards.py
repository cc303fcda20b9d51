"""One operating point in four short answers: which is cheaper, by how much, how sure, and what would change that."""

from __future__ import annotations

from dataclasses import dataclass

from inferbench.comparison import explain
from inferbench.comparison.verdict import Conclusion, Outcome
from inferbench.numerals import ratio
from inferbench.runs.report.view import RunView


@dataclass(frozen=True)
class Card:
    """A question, its answer in a few words, and what stands behind it."""

    question: str
    answer: str
    detail: str


def cards(view: RunView, conclusion: Conclusion) -> tuple[Card, ...]:
    """Four cards; one that says why where fewer than two deployments reach the point."""
    verdict, which = view.headline(conclusion), "Which is cheaper?"
    if verdict is None or verdict.outcome is Outcome.UNREACHABLE:
        return (Card(which, "Cannot be compared", f"{conclusion.reason}."),)
    decided = conclusion.outcome is Outcome.CHEAPER
    lower = "under every price book and tier" if decided else explain.lower_estimate(conclusion, verdict)
    span = f"{ratio(verdict.ratio_low)} to {ratio(verdict.ratio_high)}"
    return (
        Card(which, str(conclusion.cheapest) if decided else "UNDECIDED", lower),
        Card("By how much?", ratio(verdict.ratio), explain.both_costs(verdict)),
        Card("How sure?", span, explain.how_sure(conclusion, verdict)),
        Card("What would change it?", *explain.break_even_price(verdict)),
    )
