"""Intervals against closed forms: normal logarithms add in quadrature, and a quantile has a known standard error."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferbench.comparison.interpolation import gap
from inferbench.uncertainty import combine as u
from inferbench.uncertainty.combine import LogError, Uncertain
from inferbench.uncertainty.interval import Interval, UncertainInput

ERRORS = st.dictionaries(st.sampled_from("abcd"), st.tuples(st.floats(-2, 2), st.floats(-2, 2)), max_size=4)


def normal(name: str, end: float) -> UncertainInput:
    return UncertainInput(name=name, low=1 / end, high=end)


def factor(name: str, end: float, central: float = 1.0) -> Uncertain:
    return Uncertain(central, {name: LogError(-math.log(end), math.log(end))})


def tolerance(half_width: float, draws: int = u.DRAWS) -> float:
    """4.5 standard errors, sqrt(p (1 - p) / n) over the density, of a 5 % quantile of a normal one so wide."""
    sigma = half_width / u.Z90
    density = math.exp(-(u.Z90**2) / 2) / math.sqrt(2 * math.pi) / sigma
    return 4.5 * math.sqrt(0.05 * 0.95 / draws) / density


def test_normal_errors_add_in_quadrature_on_the_logarithm() -> None:
    ends = {"a": 1.05, "b": 1.12, "c": 1.2}
    drawn = u.draw([normal(n, e) for n, e in ends.items()])
    values = drawn["a"] / drawn["b"] * drawn["c"]
    interval = u.interval_of(values, 1.0)
    expected = math.sqrt(sum(math.log(e) ** 2 for e in ends.values()))
    assert math.log(interval.high) == pytest.approx(expected, abs=tolerance(expected))
    assert math.log(interval.low) == pytest.approx(-expected, abs=tolerance(expected))
    assert interval.central == 1
    assert np.std(np.log(values)) == pytest.approx(expected / u.Z90, rel=4.5 / math.sqrt(2 * u.DRAWS))


def test_the_closed_form_is_the_interval_of_the_draws() -> None:
    ends = {"a": 1.05, "b": 1.3, "c": 1.6}
    drawn = u.draw([normal(n, e) for n, e in ends.items()])
    by_draws = u.interval_of(3 * drawn["a"] * drawn["c"] / drawn["b"], 3.0)
    closed = (factor("a", 1.05, 3.0) * factor("c", 1.6) / factor("b", 1.3)).interval()
    off = tolerance(math.log(closed.high / 3))
    assert math.log(closed.high) == pytest.approx(math.sqrt(sum(math.log(e) ** 2 for e in ends.values())) + math.log(3))
    assert math.log(by_draws.low) == pytest.approx(math.log(closed.low), abs=off)
    assert math.log(by_draws.high) == pytest.approx(math.log(closed.high), abs=off)
    assert by_draws.central == closed.central == 3


def test_what_two_costs_share_cancels_in_their_ratio_in_closed_form_and_by_draws() -> None:
    shared, own = normal("power", 1.5), [normal("a", 1.1), normal("b", 1.2)]
    drawn = u.draw([shared, *own])
    by_draws = u.interval_of(drawn["power"] * drawn["b"] / (drawn["power"] * drawn["a"]), 1.0)
    closed = (factor("power", 1.5) * factor("b", 1.2) / (factor("power", 1.5) * factor("a", 1.1))).interval()
    expected = math.hypot(math.log(1.1), math.log(1.2))
    assert math.log(closed.high) == pytest.approx(expected)
    assert math.log(by_draws.high) == pytest.approx(expected, abs=tolerance(expected))


def test_correlated_inputs_are_what_they_share_and_what_is_their_own() -> None:
    # Two normal errors of one spread with correlation r: a share r of the variance is common.
    w, r = math.log(1.4), 0.75
    common = LogError(-w * math.sqrt(r), w * math.sqrt(r))
    own = LogError(-w * math.sqrt(1 - r), w * math.sqrt(1 - r))
    a, b = (Uncertain(1.0, {"both": common, name: own}) for name in "ab")
    assert math.log(a.interval().high) == pytest.approx(w)
    assert math.log((a / b).interval().high) == pytest.approx(w * math.sqrt(2 * (1 - r)))
    assert math.log((a * b).interval().high) == pytest.approx(w * math.sqrt(2 * (1 + r)))


def test_a_shared_input_that_moves_one_more_than_the_other_leaves_the_difference() -> None:
    a, b = Uncertain(2.0, {"p": LogError(-0.1, 0.3)}), Uncertain(8.0, {"p": LogError(-0.4, 0.9)})
    found = (b / a).interval()
    assert (found.low, found.central, found.high) == pytest.approx((4 * math.exp(-0.3), 4, 4 * math.exp(0.6)))


def test_an_input_that_lowers_a_figure_as_it_rises_counts_at_the_other_end() -> None:
    falling = Uncertain(1.0, {"tput": LogError(0.5, -0.2)})
    assert (falling.interval().low, falling.interval().high) == pytest.approx((math.exp(-0.2), math.exp(0.5)))
    assert falling.moved()["tput"] == pytest.approx((math.exp(-0.2), math.exp(0.5)))
    both_up = Uncertain(1.0, {"x": LogError(0.5, 0.2)})
    assert (both_up.interval().low, both_up.interval().high) == pytest.approx((1.0, math.exp(0.5)))


def test_exact_figures_have_no_width_and_inputs_that_move_nothing_are_not_named() -> None:
    exact = Uncertain(0.1) / Uncertain(0.3)
    assert exact.interval() == Interval(low=0.1 / 0.3, central=0.1 / 0.3, high=0.1 / 0.3)
    assert Uncertain(1.0, {"a": u.NO_ERROR, "b": LogError(0.0, 0.1)}).moved().keys() == {"b"}


@given(ERRORS, ERRORS)
def test_a_ratio_turned_round_has_the_interval_turned_round(a: dict[str, LogError], b: dict[str, LogError]) -> None:
    one, other = (Uncertain(c, {k: LogError(*v) for k, v in e.items()}) for c, e in ((2.0, a), (3.0, b)))
    there, back = (one / other).interval(), (other / one).interval()
    assert (there.low, there.high) == pytest.approx((1 / back.high, 1 / back.low))
    assert there.low <= there.central <= there.high


@given(ERRORS)
def test_a_figure_over_itself_is_sure(errors: dict[str, LogError]) -> None:
    one = Uncertain(2.0, {name: LogError(*error) for name, error in errors.items()})
    assert (one / one).interval() == Interval(low=1, central=1, high=1)
    assert (one / one).moved() == {}


def test_a_sum_adds_its_errors_in_quadrature_as_they_are() -> None:
    found = u.added(10.0, [(7.0, 14.0), (6.0, 13.0)])
    assert (found.low, found.central, found.high) == (5.0, 10.0, 15.0)
    assert u.added(10.0, []) == Interval(low=10, central=10, high=10)
    assert u.added(1.0, [(-3.0, 1.0)]).low == 0
    assert u.added(1.0, [(-3.0, 1.0)], floor=-math.inf).low == -3


def test_one_input_is_turned_at_a_time() -> None:
    turned = u.turn({"a": 2.0, "b": 3.0}, {"a": (1.0, 4.0), "b": (3.0, 5.0)}, lambda v: v["a"] * v["b"])
    assert turned == {"a": (3.0, 12.0), "b": (6.0, 10.0)}
    product = Uncertain.of(6.0, turned)
    assert product.errors["a"] == pytest.approx((math.log(0.5), math.log(2)))
    assert product.errors["b"] == pytest.approx((0.0, math.log(5 / 3)))


def test_the_half_width_of_a_throughput_is_that_of_its_lower_side() -> None:
    assert u.log_half_width(0.25) == pytest.approx(-math.log(0.75))
    assert u.log_half_width(0) == 0


@pytest.mark.parametrize("bad", [-0.1, 1.0, math.nan, math.inf])
def test_a_half_width_outside_0_to_1_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="half_width must be 0 or more and below 1"):
        u.log_half_width(bad)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_what_has_no_logarithm_is_refused(bad: float) -> None:
    for make in (lambda: Uncertain(bad), lambda: u.log_ratio(bad, 1.0), lambda: u.log_ratio(1.0, bad)):
        with pytest.raises(ValueError, match="must be above 0"):
            make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Uncertain(1.0, {"a": LogError(math.nan, 0.0)}),
        lambda: Uncertain(1.0, {"a": LogError(0.0, math.inf)}),
        lambda: u.added(math.nan, []),
        lambda: u.added(1.0, [(math.nan, 2.0)]),
        lambda: u.interval_of(np.array([]), 1.0),
        lambda: u.interval_of(np.array([1.0, math.nan]), 1.0),
        lambda: u.interval_of(np.array([1.0, math.inf]), 1.0),
        lambda: u.run_to_run("n", -0.1, "s"),
        lambda: u.run_to_run("n", math.nan, "s"),
        lambda: u.price_range("p", 0.0, 0.0, 1.0, "s"),
        lambda: u.price_range("p", math.nan, 1.0, 2.0, "s"),
        lambda: u.price_range("p", 2.0, 2.5, 3.0, "s"),
        lambda: UncertainInput(name="a", low=0.0, high=1.0),
    ],
)
def test_what_is_no_number_or_no_range_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError):
        make()


def test_a_uniform_price_holds_nine_tenths_of_its_range() -> None:
    price = UncertainInput(name="p", low=0.8, high=1.25, shape="uniform")
    interval = u.interval_of(u.draw([price])["p"], 1.0)
    # sqrt(p (1 - p) / n) of the range, which is 2 log 1.25 wide.
    off = 4.5 * math.sqrt(0.05 * 0.95 / u.DRAWS) * 2 * math.log(1.25)
    assert math.log(interval.high) == pytest.approx(0.9 * math.log(1.25), abs=off)
    assert math.log(interval.low) == pytest.approx(-0.9 * math.log(1.25), abs=off)


def test_the_same_seed_gives_the_same_draws_and_another_seed_others() -> None:
    inputs = [normal("a", 1.1)]
    assert np.array_equal(u.draw(inputs)["a"], u.draw(inputs)["a"])
    assert not np.array_equal(u.draw(inputs)["a"], u.draw(inputs, seed=1)["a"])
    assert u.draw(inputs)["a"].shape == (u.DRAWS,)


def test_no_uncertainty_is_a_point_and_equal_names_are_refused() -> None:
    assert u.interval_of(3 * u.draw([normal("a", 1.0)])["a"], 3.0) == Interval(low=3, central=3, high=3)
    with pytest.raises(ValueError, match="one name"):
        u.draw([normal("a", 1.1), normal("a", 1.2)])


def test_an_asymmetric_input_keeps_both_ends() -> None:
    drawn = u.draw([UncertainInput(name="a", low=0.5, high=1.1)], draws=100_000)
    interval = u.interval_of(drawn["a"], 1.0)
    assert interval.low == pytest.approx(0.5, rel=0.02)
    assert interval.high == pytest.approx(1.1, rel=0.01)


def test_the_tornado_turns_one_input_at_a_time_and_sorts_by_width() -> None:
    bars = u.tornado([normal("small", 1.01), normal("big", 1.5)], lambda f: 2 * f["small"] / f["big"])
    assert [bar.name for bar in bars] == ["big", "small"]
    assert (bars[0].at_low, bars[0].at_high) == pytest.approx((3.0, 2 / 1.5))
    assert (bars[1].at_low, bars[1].at_high) == pytest.approx((2 / 1.01, 2.02))


def test_re_runs_give_the_spread_of_one_run() -> None:
    # Two runs of spread s differ by sqrt(2) s, so nine in ten pairs lie within 1.645 sqrt(2) s.
    sigma = 0.03
    noise = u.run_to_run("n", u.Z90 * math.sqrt(2) * sigma, "s")
    assert math.log(noise.high) == pytest.approx(u.Z90 * sigma)
    assert math.log(noise.low) == pytest.approx(-u.Z90 * sigma)


def test_the_gap_is_the_distance_of_two_curves_or_a_tenth_of_the_way_to_the_nearer_point() -> None:
    x = np.array([0.0, 100.0, 200.0])
    straight = np.array([300.0, 200.0, 100.0])
    # On a straight line both curves agree; the nearer neighbour of 150 tok/s/GPU is 50 away, a tenth of that is 5.
    assert gap("g", x, straight, 150).high == pytest.approx(155 / 150)
    assert gap("g", x, straight, 100).high == 1
    bent = np.array([1000.0, 900.0, 100.0])
    line = 500.0
    # Steffen by hand: p = (-1 - 8)/2, limited to -2 at the knot; end slope (3 x -8 + 2)/2 = -11.
    curve = 0.5 * 900 + 0.5 * 100 + 0.125 * 100 * (-2) - 0.125 * 100 * (-11)
    assert curve == pytest.approx(612.5)
    assert gap("g", x, bent, 150).high == pytest.approx(1 + (curve - line) / curve)


def test_a_price_range_is_its_own_ends() -> None:
    price = u.price_range("p", 2.0, 1.5, 3.0, "s")
    assert (price.low, price.high, price.shape) == (0.75, 1.5, "uniform")
