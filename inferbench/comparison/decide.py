"""What can be said of costs: decisions as facts, from ratios with their intervals. `explain` puts them in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from inferbench.comparison.verdict import Outcome
from inferbench.uncertainty.combine import Uncertain
from inferbench.uncertainty.interval import Interval


class Why(StrEnum):
    """What a decision rests on."""

    NONE_REACHES = "none reaches it"
    ONE_REACHES = "one alone reaches it"
    WITHIN_MARGIN = "the whole interval lies within the margin around equal costs"
    TIE_EXCLUDED = "every interval excludes equal costs"
    TIE_HELD = "the interval holds equal costs"
    RIVAL_HELD = "the interval excludes equal costs, but that against a rival further off does not"


@dataclass(frozen=True)
class CostRatio:
    """Cost of one over that of another, with its interval."""

    of: str
    over: str
    interval: Interval

    @property
    def excludes_tie(self) -> bool:
        """Whether the interval leaves out equal costs."""
        return self.interval.low > 1 or self.interval.high < 1


@dataclass(frozen=True)
class Decision:
    """What can be said, about whom, by which ratio, and why."""

    outcome: Outcome
    why: Why
    ratio: CostRatio | None = None
    """Of several: the runner-up over the cheapest. Of two: who was asked about over the other. None below two."""
    open_rivals: tuple[CostRatio, ...] = ()
    """Of several: those over the cheapest whose interval does not exclude a tie, the nearest first."""
    margin: float = 0.0
    """Relative difference in cost that counts as a tie."""
    alone: str | None = None
    """The only one that reaches it."""


def cheapest(costs: Sequence[tuple[str, Uncertain]]) -> Decision:
    """Say whether the first of `costs`, ordered by central value, is cheaper than every other.

    The interval of every ratio must exclude a tie: a rival further off may be less sure to be dearer than the runner-up
    is. What two costs share, under one name, cancels between them. UNREACHABLE where there are fewer than two.
    """
    if len(costs) < 2:
        alone = costs[0][0] if costs else None
        return Decision(Outcome.UNREACHABLE, Why.ONE_REACHES if costs else Why.NONE_REACHES, alone=alone)
    first, of_first = costs[0]
    ratios = [CostRatio(name, first, (cost / of_first).interval()) for name, cost in costs[1:]]
    still_open = tuple(ratio for ratio in ratios if not ratio.excludes_tie)
    if not still_open:
        return Decision(Outcome.CHEAPER, Why.TIE_EXCLUDED, ratios[0])
    why = Why.RIVAL_HELD if ratios[0].excludes_tie else Why.TIE_HELD
    return Decision(Outcome.UNDECIDED, why, ratios[0], still_open)


def between(ratio: CostRatio, margin: float) -> Decision:
    """Say what the cost of one over that of another allows to say of the first.

    TIE where the whole interval lies within `margin` of equal costs, so that no difference matters; CHEAPER or DEARER
    where it excludes equal costs; UNDECIDED otherwise.
    """
    low, high = ratio.interval.low, ratio.interval.high
    if 1 / (1 + margin) <= low and high <= 1 + margin:
        return Decision(Outcome.TIE, Why.WITHIN_MARGIN, ratio, margin=margin)
    if ratio.excludes_tie:
        outcome = Outcome.CHEAPER if high < 1 else Outcome.DEARER
        return Decision(outcome, Why.TIE_EXCLUDED, ratio, margin=margin)
    return Decision(Outcome.UNDECIDED, Why.TIE_HELD, ratio, margin=margin)
