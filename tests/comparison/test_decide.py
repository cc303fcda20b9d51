"""What an interval allows to say, and about whom."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferbench.comparison import explain
from inferbench.comparison.decide import CostRatio, Decision, Why, between, cheapest
from inferbench.comparison.verdict import Outcome
from inferbench.uncertainty.combine import LogError, Uncertain
from inferbench.uncertainty.interval import Interval


def ratio(low: float, central: float, high: float) -> CostRatio:
    return CostRatio("x", "y", Interval(low=low, central=central, high=high))


def cost(usd: float, **errors: float) -> Uncertain:
    return Uncertain(usd, {name: LogError(-off, off) for name, off in errors.items()})


@pytest.mark.parametrize(
    ("low", "high", "outcome", "why"),
    [
        (0.80, 0.99, Outcome.CHEAPER, Why.TIE_EXCLUDED),
        (1.01, 1.20, Outcome.DEARER, Why.TIE_EXCLUDED),
        (0.95, 1.01, Outcome.UNDECIDED, Why.TIE_HELD),
        (0.99, 1.01, Outcome.TIE, Why.WITHIN_MARGIN),
        (0.985, 0.995, Outcome.TIE, Why.WITHIN_MARGIN),
        (1.0, 1.5, Outcome.UNDECIDED, Why.TIE_HELD),
        (0.5, 1.0, Outcome.UNDECIDED, Why.TIE_HELD),
    ],
)
def test_what_an_interval_allows_to_say(low: float, high: float, outcome: Outcome, why: Why) -> None:
    found = between(ratio(low, (low + high) / 2, high), margin=0.02)
    assert (found.outcome, found.why, found.margin) == (outcome, why, 0.02)
    assert found.ratio == ratio(low, (low + high) / 2, high)


@given(st.floats(0.1, 10), st.floats(1, 3), st.floats(0, 0.5))
def test_exchanging_both_sides_exchanges_the_words(central: float, spread: float, margin: float) -> None:
    there = between(ratio(central / spread, central, central * spread), margin).outcome
    back = between(ratio(1 / (central * spread), 1 / central, spread / central), margin).outcome
    swapped = {Outcome.CHEAPER: Outcome.DEARER, Outcome.DEARER: Outcome.CHEAPER}
    edge = min(abs(math.log(central) + sign * math.log(spread) - end)
               for sign in (-1, 1) for end in (0, math.log1p(margin), -math.log1p(margin)))  # fmt: skip
    assert edge < 1e-9 or back is swapped.get(there, there)


def test_the_cheapest_is_named_where_every_interval_excludes_a_tie() -> None:
    found = cheapest([("a", cost(1.0, a=0.1)), ("b", cost(2.0, b=0.1)), ("c", cost(3.0, c=0.1))])
    assert (found.outcome, found.why, found.open_rivals) == (Outcome.CHEAPER, Why.TIE_EXCLUDED, ())
    assert found.ratio is not None
    assert (found.ratio.of, found.ratio.over) == ("b", "a")
    spread = math.exp(math.hypot(0.1, 0.1))
    assert found.ratio.interval.low == pytest.approx(2 / spread)
    assert found.ratio.interval.high == pytest.approx(2 * spread)


def test_a_rival_that_is_not_excluded_is_named_whether_it_is_the_next_or_further_off() -> None:
    near = cheapest([("a", cost(1.0)), ("b", cost(1.1, b=0.2)), ("c", cost(3.0))])
    assert (near.outcome, near.why) == (Outcome.UNDECIDED, Why.TIE_HELD)
    assert [rival.of for rival in near.open_rivals] == ["b"]
    far = cheapest([("a", cost(1.0)), ("b", cost(1.5)), ("c", cost(1.6, c=0.6))])
    assert (far.outcome, far.why) == (Outcome.UNDECIDED, Why.RIVAL_HELD)
    assert [rival.of for rival in far.open_rivals] == ["c"]
    assert far.ratio is not None
    assert far.ratio.of == "b"


def test_a_doubt_that_all_costs_share_decides_nothing() -> None:
    assert cheapest([("a", cost(1.0, power=0.5)), ("b", cost(1.1, power=0.5))]).outcome is Outcome.CHEAPER
    assert cheapest([("a", cost(1.0, a=0.5)), ("b", cost(1.1, b=0.5))]).outcome is Outcome.UNDECIDED


def test_equal_costs_without_any_doubt_are_a_tie_that_is_held() -> None:
    found = cheapest([("a", cost(1.0)), ("b", cost(1.0))])
    assert (found.outcome, found.why) == (Outcome.UNDECIDED, Why.TIE_HELD)


def test_fewer_than_two_cannot_be_compared() -> None:
    assert cheapest([]) == Decision(Outcome.UNREACHABLE, Why.NONE_REACHES)
    assert cheapest([("a", cost(1.0))]) == Decision(Outcome.UNREACHABLE, Why.ONE_REACHES, alone="a")


def test_a_pair_is_explained_by_what_it_rests_on() -> None:
    span = "x costs {}x as much as y, interval {}x to {}x"
    for found, said in (
        (ratio(0.8, 0.9, 0.95), span.format("0.900", "0.800", "0.950") + ", which excludes equal costs"),
        (ratio(1.1, 1.2, 1.3), span.format("1.200", "1.100", "1.300") + ", which excludes equal costs"),
        (ratio(0.99, 1.0, 1.01), span.format("1.000", "0.990", "1.010") + ": all of it within 2% of equal"),
        (
            ratio(0.9, 1.1, 1.3),
            span.format("1.100", "0.900", "1.300") + ", which holds equal costs: neither can be called cheaper",
        ),
    ):
        assert explain.pair(between(found, 0.02)) == said
