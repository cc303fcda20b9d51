"""The build-up against closed forms: limits, directions, the way back, and what ranges do."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferbench.errors import FileError
from inferbench.pricing.build_up import annual_share, capital_recovery_factor, provisioned_usd, working_usd
from inferbench.pricing.cost_figures import ITEMS
from inferbench.pricing.hourly_bill import figures_of, hourly_bill, price_swings, switches_of
from inferbench.pricing.implied_price import implied, rate_for, server_price_for
from inferbench.pricing.ranges import Swing, by_figure, interval, swings
from inferbench.pricing.settings import CostSettings
from tests.support.factories import price_book
from tests.support.owned_factories import exact_but, owned

VALUES = {item: figure.value for item, figure in owned().figures("b200").items()}
ON = {"fabric": True, "licence": True}
rates = st.floats(0.0, 0.5)
years = st.floats(1.0, 10.0)


@given(rates, st.integers(1, 12))
def test_a_loan_is_paid_back_by_its_own_factor(rate: float, periods: int) -> None:
    owed = 1.0
    for _ in range(periods):
        owed = owed * (1 + rate) - capital_recovery_factor(rate, periods)
    assert owed == pytest.approx(0, abs=1e-9 * (1 + rate) ** periods)


def test_the_factor_at_no_interest_is_its_limit() -> None:
    assert capital_recovery_factor(0, 4) == 0.25
    assert capital_recovery_factor(1e-12, 4) == pytest.approx(0.25)


@pytest.mark.parametrize(("rate", "over"), [(0.1, 0), (0.1, -1), (-0.1, 4), (float("nan"), 4), (0.1, float("nan"))])
def test_a_factor_needs_years_and_a_rate(rate: float, over: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        capital_recovery_factor(rate, over)


def test_what_sells_for_its_price_costs_its_interest() -> None:
    assert annual_share(0.1, 4, 1.0) == pytest.approx(0.1)


RISES = set(ITEMS) - {"gpus_per_server", "depreciation_years", "residual_share", "availability", "utilisation"}


@pytest.mark.parametrize("item", sorted(ITEMS))
def test_every_figure_moves_the_price_the_way_it_should(item: str) -> None:
    price = working_usd(VALUES, ON)
    more = working_usd({**VALUES, item: VALUES[item] * 1.01}, ON)
    assert (more > price) if item in RISES else (more < price)


def test_a_switch_takes_its_line_out_and_nothing_else() -> None:
    full = provisioned_usd(VALUES, ON)
    without_licence = provisioned_usd(VALUES, {**ON, "licence": False})
    assert full - without_licence == pytest.approx(VALUES["licence_price"] / 8760)
    without_fabric = provisioned_usd(VALUES, {**ON, "fabric": False})
    assert full - without_fabric == pytest.approx(VALUES["fabric_price"] * capital_recovery_factor(0.1, 4) / 8760)


def test_availability_and_utilisation_are_applied_once() -> None:
    assert working_usd(VALUES, ON) == pytest.approx(provisioned_usd(VALUES, ON) / (0.97 * 0.6))


@given(st.floats(1e4, 1e6), rates, years, st.floats(0.1, 1.0))
def test_the_way_back_to_the_server_price(server: float, rate: float, over: float, used: float) -> None:
    values = {**VALUES, "server_price": server, "capital_rate": rate, "depreciation_years": over, "utilisation": used}
    assert server_price_for(working_usd(values, ON), values, ON) == pytest.approx(server, rel=1e-9)


@given(st.floats(0.001, 0.9), years)
def test_the_way_back_to_the_cost_of_capital(rate: float, over: float) -> None:
    values = {**VALUES, "capital_rate": rate, "depreciation_years": over}
    assert rate_for(working_usd(values, ON), values, ON) == pytest.approx(rate, abs=1e-9)


def test_an_hour_below_what_any_financing_gives_has_no_rate() -> None:
    free = working_usd({**VALUES, "capital_rate": 0.0}, ON)
    assert rate_for(free * 0.99, VALUES, ON) is None
    assert rate_for(1000.0, VALUES, ON) is None


def test_an_implied_server_price_gives_the_tier_back() -> None:
    found = implied(price_book({"b200": 1.73}), "rented", owned(), "b200")
    settings = CostSettings({"server_price": found.server_price, "availability": 1.0, "utilisation": 1.0})
    assert hourly_bill(owned(), "b200", "owned", settings).usd_per_gpu_hour == pytest.approx(1.73)
    assert found.server_price_low < found.server_price < found.server_price_high


def test_an_implied_rate_gives_the_tier_back() -> None:
    found = implied(price_book({"b200": 2.9}), "rented", owned(), "b200")
    assert found.implied_rate is not None
    assert found.no_rate is None
    settings = CostSettings({"capital_rate": found.implied_rate, "availability": 1.0, "utilisation": 1.0})
    assert hourly_bill(owned(), "b200", "owned", settings).usd_per_gpu_hour == pytest.approx(2.9)


def test_lines_that_come_to_more_than_the_tier_imply_a_negative_server_price() -> None:
    found = implied(price_book({"b200": 0.1}), "rented", owned(), "b200")
    assert found.server_price_low < found.server_price < 0


def test_a_gpu_that_the_tier_has_and_the_owned_book_has_not() -> None:
    with pytest.raises(FileError, match="template-owned, tier owned: unknown GPU 'h100'"):
        implied(price_book({"h100": 1.0}), "rented", owned(), "h100")


def test_swings_are_those_of_one_figure_at_a_time_and_add_in_quadrature() -> None:
    moved, bill = price_swings(owned(), "b200"), hourly_bill(owned(), "b200", "owned")
    assert {s.item for s in moved} == {f.item for f in bill.figures if f.low is not None}
    widths = [s.high - s.low for s in moved]
    assert widths == sorted(widths, reverse=True)
    figures = figures_of(owned(), "b200")
    for swing in moved:
        ends = [working_usd({**VALUES, swing.item: end}, switches_of(owned())) for end in figures[swing.item].ends]
        assert (swing.low, swing.high) == (min(ends), max(ends))
    up = math.sqrt(sum((s.high - bill.usd_per_gpu_hour) ** 2 for s in moved))
    assert bill.high == pytest.approx(bill.usd_per_gpu_hour + up)


def test_a_shared_figure_cancels_in_a_ratio_and_an_own_one_does_not() -> None:
    def spread(item: str) -> tuple[float, float]:
        own = [figures_of(owned(), gpu, exact_but(owned(), gpu, item)) for gpu in ("b200", "mi355x")]
        first, second = (by_figure(figures, lambda v: working_usd(v, ON)) for figures in own)
        found = (second / first).interval()
        return found.low, found.high

    low, high = spread("utilisation")
    assert low == pytest.approx(high)
    low, high = spread("server_price")
    at = hourly_price("mi355x") / hourly_price("b200")
    assert low < at < high
    # Both server prices are +-10 %, so the ratio is off by less than either moved alone would make it on both sides.
    assert math.log(high / at) == pytest.approx(-math.log(low / at), rel=0.15)


def test_a_figure_that_moves_nothing_has_no_swing_and_no_bar() -> None:
    """Exact figures, and one whose switch is off: a bar of no width would say that it had been looked at in vain."""
    exact = figures_of(owned(), "b200", exact_but(owned(), "b200"))
    assert swings(exact, lambda v: working_usd(v, ON)) == ()
    assert by_figure(exact, lambda v: working_usd(v, ON)).moved() == {}
    ranged = figures_of(owned(), "b200", exact_but(owned(), "b200", "power_price", "fabric_price"))
    off = {**ON, "fabric": False}
    assert [swing.item for swing in swings(ranged, lambda v: working_usd(v, off))] == ["power_price"]
    assert set(by_figure(ranged, lambda v: working_usd(v, off)).moved()) == {"power price"}


def test_a_figure_of_both_gpus_alike_has_no_bar_in_their_ratio() -> None:
    first, second = (by_figure(figures_of(owned(), gpu), lambda v: working_usd(v, ON)) for gpu in ("b200", "mi355x"))
    ratio = (second / first).moved()
    assert "utilisation" in first.moved()
    assert "utilisation" not in ratio
    assert {"power price", "server price of b200", "server price of mi355x"} <= set(ratio)
    assert (first / first).moved() == {}


def test_an_interval_never_goes_below_its_floor() -> None:
    moved = [Swing("a", None, -3.0, 2.0), Swing("b", None, 1.0, 1.0)]
    assert interval(1.0, moved) == (0.0, 2.0)
    assert interval(1.0, moved, floor=-math.inf) == (-3.0, 2.0)


def hourly_price(gpu: str) -> float:
    values = {item: figure.value for item, figure in owned().figures(gpu).items()}
    return working_usd(values, ON)
