"""What holds at an operating point over all price books and tiers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from inferbench.comparison.judge import times
from inferbench.comparison.verdict import Conclusion, Outcome, Reading, Verdict


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


def _readings(verdict: Verdict) -> tuple[Reading, ...]:
    return tuple(priced.reading for priced in verdict.readings)


def _agreed(verdicts: Sequence[Verdict]) -> str:
    ratios = [verdict.ratio for verdict in verdicts if verdict.ratio is not None]
    return (
        f"{verdicts[0].cheapest} is cheaper under every price book and tier: "
        f"the runner-up costs {times(min(ratios))} to {times(max(ratios))} as much"
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
