"""What holds at an operating point over all price books and tiers."""

from __future__ import annotations

from collections.abc import Sequence

from inferbench.comparison import explain
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
    outcome, cheapest = Outcome.UNDECIDED, None
    if outcomes == {Outcome.CHEAPER} and len(favoured) == 1:
        outcome, cheapest = Outcome.CHEAPER, verdicts[0].cheapest
    elif outcomes == {Outcome.UNREACHABLE}:
        outcome = Outcome.UNREACHABLE
    return Conclusion(
        operating_point=verdicts[0].operating_point,
        outcome=outcome,
        cheapest=cheapest,
        reason=explain.conclusion(outcome, verdicts),
        verdicts=tuple(verdicts),
    )


def _readings(verdict: Verdict) -> tuple[Reading, ...]:
    return tuple(priced.reading for priced in verdict.readings)
