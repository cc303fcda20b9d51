"""Intervals against closed forms: normal logarithms add in quadrature, and a quantile has a known standard error."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferbench.comparison.verdict import Outcome
from inferbench.uncertainty import draws as u
from inferbench.uncertainty.interval import Interval, UncertainInput
from tests.support.factories import frontier_point


def normal(name: str, end: float) -> UncertainInput:
    return UncertainInput(name=name, low=1 / end, high=end)


def test_normal_errors_add_in_quadrature_on_the_logarithm() -> None:
    ends = {"a": 1.05, "b": 1.12, "c": 1.2}
    draws = 20_000
    interval, values = u.monte_carlo([normal(n, e) for n, e in ends.items()], lambda f: f["a"] / f["b"] * f["c"])
    expected = math.sqrt(sum(math.log(e) ** 2 for e in ends.values()))
    sigma = expected / u.Z90
    # The standard error of a 5 % quantile is sqrt(p (1 - p) / n) over the density there; 4.5 of them are allowed.
    density = math.exp(-(u.Z90**2) / 2) / math.sqrt(2 * math.pi) / sigma
    tolerance = 4.5 * math.sqrt(0.05 * 0.95 / draws) / density
    assert math.log(interval.high) == pytest.approx(expected, abs=tolerance)
    assert math.log(interval.low) == pytest.approx(-expected, abs=tolerance)
    assert interval.central == 1
    assert np.std(np.log(values)) == pytest.approx(sigma, rel=4.5 / math.sqrt(2 * draws))


def test_a_uniform_price_holds_nine_tenths_of_its_range() -> None:
    price = UncertainInput(name="p", low=0.8, high=1.25, shape="uniform")
    interval, _ = u.monte_carlo([price], lambda f: f["p"])
    # sqrt(p (1 - p) / n) of the range, which is 2 log 1.25 wide.
    tolerance = 4.5 * math.sqrt(0.05 * 0.95 / u.DRAWS) * 2 * math.log(1.25)
    assert math.log(interval.high) == pytest.approx(0.9 * math.log(1.25), abs=tolerance)
    assert math.log(interval.low) == pytest.approx(-0.9 * math.log(1.25), abs=tolerance)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    inputs = [normal("a", 1.1)]
    first, _ = u.monte_carlo(inputs, lambda f: f["a"])
    assert first == u.monte_carlo(inputs, lambda f: f["a"])[0]
    assert first != u.monte_carlo(inputs, lambda f: f["a"], seed=1)[0]


def test_no_uncertainty_is_a_point_and_equal_names_are_refused() -> None:
    exact, _ = u.monte_carlo([normal("a", 1.0)], lambda f: 3 * f["a"])
    assert exact == Interval(low=3, central=3, high=3)
    with pytest.raises(ValueError, match="one name"):
        u.monte_carlo([normal("a", 1.1), normal("a", 1.2)], lambda f: f["a"])


def test_an_asymmetric_input_keeps_both_ends() -> None:
    interval, _ = u.monte_carlo([UncertainInput(name="a", low=0.5, high=1.1)], lambda f: f["a"], draws=100_000)
    assert interval.low == pytest.approx(0.5, rel=0.02)
    assert interval.high == pytest.approx(1.1, rel=0.01)


def test_the_tornado_turns_one_input_at_a_time_and_sorts_by_width() -> None:
    bars = u.tornado([normal("small", 1.01), normal("big", 1.5)], lambda f: 2 * f["small"] / f["big"])
    assert [bar.name for bar in bars] == ["big", "small"]
    assert (bars[0].at_low, bars[0].at_high) == pytest.approx((3.0, 2 / 1.5))
    assert (bars[1].at_low, bars[1].at_high) == pytest.approx((2 / 1.01, 2.02))


def test_re_runs_and_repeats_give_the_spread_of_one_run() -> None:
    # Two runs of spread s differ by sqrt(2) s, so nine in ten pairs lie within 1.645 sqrt(2) s.
    sigma = 0.03
    noise = u.run_to_run("n", u.Z90 * math.sqrt(2) * sigma, "s")
    assert math.log(noise.high) == pytest.approx(u.Z90 * sigma)
    repeats = u.from_repeats("n", [math.exp(-sigma), math.exp(sigma)], "s")
    assert math.log(repeats.high) == pytest.approx(u.Z90 * sigma * math.sqrt(2))
    with pytest.raises(ValueError, match="two repeats"):
        u.from_repeats("n", [1.0], "s")


def test_the_gap_is_the_distance_of_two_curves_or_a_tenth_of_the_way_to_the_nearer_point() -> None:
    straight = [frontier_point(0, 300), frontier_point(100, 200), frontier_point(200, 100)]
    # On a straight line both curves agree; the nearer neighbour of 150 tok/s/GPU is 50 away, a tenth of that is 5.
    assert u.interpolation_gap("g", straight, 150).high == pytest.approx(155 / 150)
    assert u.interpolation_gap("g", straight, 100).high == 1
    bent = [frontier_point(0, 1000), frontier_point(100, 900), frontier_point(200, 100)]
    line = 500.0
    # Steffen by hand: p = (-1 - 8)/2, limited to -2 at the knot; end slope (3 x -8 + 2)/2 = -11.
    curve = 0.5 * 900 + 0.5 * 100 + 0.125 * 100 * (-2) - 0.125 * 100 * (-11)
    assert curve == pytest.approx(612.5)
    assert u.interpolation_gap("g", bent, 150).high == pytest.approx(1 + (curve - line) / curve)


def test_twin_and_price_ranges_are_their_own_ends() -> None:
    assert (u.twin_interval("t", 0.25, "s").low, u.twin_interval("t", 0.25, "s").high) == (0.75, 1.25)
    with pytest.raises(ValueError, match="half_width"):
        u.twin_interval("t", 1, "s")
    price = u.price_range("p", 2.0, 1.5, 3.0, "s")
    assert (price.low, price.high) == (0.75, 1.5)
    with pytest.raises(ValueError, match="around 1"):
        u.price_range("p", 2.0, 2.5, 3.0, "s")


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (0.80, 0.99, Outcome.CHEAPER),
        (1.01, 1.20, Outcome.DEARER),
        (0.95, 1.01, Outcome.UNDECIDED),
        (0.99, 1.01, Outcome.TIE),
        (0.985, 0.995, Outcome.TIE),
        (1.0, 1.5, Outcome.UNDECIDED),
    ],
)
def test_what_an_interval_allows_to_say(low: float, high: float, outcome: Outcome) -> None:
    assert u.decide(Interval(low=low, central=(low + high) / 2, high=high), margin=0.02) is outcome


@given(st.floats(0.1, 10), st.floats(1, 3), st.floats(0, 0.5))
def test_exchanging_both_sides_exchanges_the_words(central: float, spread: float, margin: float) -> None:
    there = u.decide(Interval(low=central / spread, central=central, high=central * spread), margin)
    back = u.decide(Interval(low=1 / (central * spread), central=1 / central, high=spread / central), margin)
    swapped = {Outcome.CHEAPER: Outcome.DEARER, Outcome.DEARER: Outcome.CHEAPER}
    edge = min(abs(math.log(central) + sign * math.log(spread) - end)
               for sign in (-1, 1) for end in (0, math.log1p(margin), -math.log1p(margin)))  # fmt: skip
    assert edge < 1e-9 or back is swapped.get(there, there)
