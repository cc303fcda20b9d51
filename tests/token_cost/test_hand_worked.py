"""Bills, costs and fleets worked by hand, field by field."""

from __future__ import annotations

import datetime
import math
from pathlib import Path

import pytest
import yaml

from inferbench.comparison import explain
from inferbench.comparison.verdict import Outcome
from inferbench.errors import FileError, UsageError
from inferbench.fleet.ranking import FleetPrices, best_of, fleet
from inferbench.metrics.request_counts import Counts
from inferbench.metrics.summary import Basis, PointSummary
from inferbench.pricing.build_up import annual_share, capital_recovery_factor
from inferbench.pricing.cost_figures import Trust
from inferbench.pricing.hourly_bill import hourly_bill, switches_of
from inferbench.pricing.implied_price import implied, rate_for
from inferbench.pricing.listed_prices import gpus_priced, listed_price
from inferbench.pricing.owned_book import OwnedBook
from inferbench.pricing.price_books import all_in_kw, load_book, price_of
from inferbench.pricing.rate_card import PriceBook
from inferbench.pricing.settings import CostSettings, check_settings, parse_settings
from inferbench.token_cost.cost import Blend, Cost
from inferbench.token_cost.per_token import blended, cost, tokens_per_s_per_mw, tokens_per_usd, usd_per_mtok
from inferbench.uncertainty.interval import Interval
from tests.fleet.test_ranking import DEMAND, FLAT, ranked, replica, shapes
from tests.support.factories import DAY, point_summary, price_book, sweep_point
from tests.support.owned_factories import exact_but, owned, template

TWO = price_book({"b200": 3.0, "mi355x": 1.0}, {"b200": 1.8, "mi355x": 2.0})
ANNUITY = 0.1 / (1 - 1.1**-4)
"""Four years at 10 %."""
CAPITAL = 400_000 * (1 - 0.1 / 1.1**4) * ANNUITY / 8760 / 8
FABRIC = 2000 * ANNUITY / 8760
POWER = 0.1 * 1.8 * 0.7 * 1.3
SPACE = 150 / 730 * 1.8
STORAGE = 0.07 / 730 * 100
STAFF = 200_000 / 8760 * 0.004
SPARES = 400_000 / 8760 * 0.04 / 8
LINES = {
    "server capital": (CAPITAL, 1 / 8, "server/GPU"),
    "fabric capital": (FABRIC, 1, "port/GPU"),
    "electricity": (POWER, 1.8 * 0.7 * 1.3, "kW/GPU"),
    "space": (SPACE, 1.8, "kW/GPU"),
    "storage": (STORAGE, 100, "GB/GPU"),
    "staff": (STAFF, 0.004, "person/GPU"),
    "spares": (SPARES, 0.04 / 8, "server/GPU/year"),
    "licence": (4500 / 8760, 1, "licence/GPU"),
}
"""The template's hour of a B200: USD, quantity and unit of each line."""


def on(summary: PointSummary, **figures: float | None) -> PointSummary:
    """A point with other throughput figures of its whole run."""
    assert summary.whole_run is not None
    changed = summary.whole_run.throughput.model_copy(update=figures)
    return summary.model_copy(update={"whole_run": summary.whole_run.model_copy(update={"throughput": changed})})


def priced(summary: PointSummary, basis: Basis = Basis.WHOLE_RUN, blend: Blend | None = None) -> Cost:
    return cost(summary, TWO, "rented", "b200", basis, blend=blend)


def test_an_owned_hour_line_by_line() -> None:
    bill = hourly_bill(owned(), "b200", "owned", CostSettings(switches={"licence": True}))
    *lines, idle = bill.lines
    assert [line.item for line in lines] == list(LINES)
    for line in lines:
        usd, quantity, unit = LINES[line.item]
        assert line.usd_per_hour == pytest.approx(usd), line.item
        assert (line.quantity, line.unit) == (pytest.approx(quantity), unit)
    provisioned = sum(usd for usd, _, _ in LINES.values())
    assert bill.provisioned_usd_per_gpu_hour == pytest.approx(provisioned)
    assert bill.usd_per_gpu_hour == pytest.approx(provisioned / (0.97 * 0.6))
    assert (idle.item, idle.unit) == ("down and idle time", "idle hour/working hour")
    assert (idle.usd_per_unit_hour, idle.quantity) == (pytest.approx(provisioned), pytest.approx(1 / 0.582 - 1))
    assert (bill.gpu, bill.book, bill.tier, bill.off) == ("b200", "template-owned", "owned", ())
    assert len(bill.figures) == 19


def test_what_a_book_switches_off_is_named_and_costs_nothing() -> None:
    bill = hourly_bill(owned(), "b200", "owned")
    assert bill.off == ("licence",)
    assert bill.provisioned_usd_per_gpu_hour == pytest.approx(
        sum(u for i, (u, _, _) in LINES.items() if i != "licence")
    )
    neither = hourly_bill(owned(), "b200", "owned", CostSettings(switches={"fabric": False}))
    assert neither.off == ("fabric", "licence")
    assert switches_of(owned(), CostSettings(switches={"licence": True})) == {"fabric": True, "licence": True}


def test_a_line_has_the_source_of_its_price_the_worst_trust_and_the_oldest_date_of_its_figures() -> None:
    data = template()
    for row in data["lines"]:
        if row["item"] == "pue":
            row |= {"as_of": "2025-03-04", "trust": "reported"}
        if row["item"] in ("power_price", "load"):
            row["trust"] = "official"
    book = OwnedBook.model_validate(data)
    lines = {line.item: line for line in hourly_bill(book, "b200", "owned").lines}
    power = lines["electricity"]
    assert (power.source, power.as_of) == ("your colocation contract", datetime.date(2025, 3, 4))
    assert (power.trust, power.assumed) == (Trust.ASSUMPTION, ("kw_per_gpu",))
    uses = {
        "server capital": ("server_price", "depreciation_years", "capital_rate", "residual_share"),
        "fabric capital": ("fabric_price", "depreciation_years", "capital_rate"),
        "space": ("space_price", "kw_per_gpu"),
        "storage": ("storage_price", "storage_per_gpu"),
        "staff": ("staff_price", "staff_per_gpu"),
        "spares": ("server_price", "spares_rate"),
        "down and idle time": ("utilisation", "availability"),
    }
    assert {item: lines[item].assumed for item in uses} == uses
    assert (
        lines["down and idle time"].source
        == lines["storage"].source.replace("colocation contract", "racks")
        == "your racks"
    )
    licensed = hourly_bill(book, "b200", "owned", CostSettings(switches={"licence": True})).lines[-2]
    assert (licensed.item, licensed.source, licensed.trust, licensed.assumed) == (
        "licence", "your quote", Trust.OFFICIAL, (),
    )  # fmt: skip


def test_a_lines_range_moves_its_own_figures_alone() -> None:
    """Electricity with its price from 0.08 to 0.15, idle time with a utilisation from 0.4 to 0.8."""
    bill = hourly_bill(owned(), "b200", "owned", exact_but(owned(), "b200", "power_price"))
    power = next(line for line in bill.lines if line.item == "electricity")
    assert (power.low, power.high) == (pytest.approx(0.8 * POWER), pytest.approx(1.5 * POWER))
    bill = hourly_bill(owned(), "b200", "owned", exact_but(owned(), "b200", "utilisation"))
    hour, idle = bill.provisioned_usd_per_gpu_hour, bill.lines[-1]
    assert idle.low == pytest.approx(hour * (1 / (0.97 * 0.8) - 1))
    assert idle.high == pytest.approx(hour * (1 / (0.97 * 0.4) - 1))
    assert (bill.low, bill.high) == (pytest.approx(hour / 0.97 / 0.8), pytest.approx(hour / 0.97 / 0.4))
    assert bill.provisioned_low == bill.provisioned_usd_per_gpu_hour == bill.provisioned_high


def test_an_all_in_hour_line_by_line() -> None:
    bill = hourly_bill(TWO, "mi355x", "rented", CostSettings({"availability": 0.8}))
    price, idle = bill.lines
    assert (price.item, price.usd_per_unit_hour, price.quantity, price.unit) == ("GPU, all-in", 1.0, 1, "GPU")
    assert (price.source, price.as_of) == ("a test", DAY)
    assert (idle.item, idle.usd_per_unit_hour, idle.unit) == ("down and idle time", 1.0, "idle hour/working hour")
    assert idle.quantity == pytest.approx(0.25)
    assert (idle.source, idle.as_of) == ("set by the user", DAY)
    assert (bill.gpu, bill.book, bill.tier) == ("mi355x", "book", "rented")
    assert (bill.usd_per_gpu_hour, bill.low, bill.high) == (1.25, 1.25, 1.25)
    assert (bill.provisioned_usd_per_gpu_hour, bill.provisioned_low, bill.provisioned_high) == (1.0, 1.0, 1.0)
    assert len(hourly_bill(TWO, "mi355x", "rented").lines) == 1
    assert len(hourly_bill(TWO, "mi355x", "rented", CostSettings({"availability": 1.0})).lines) == 1


def test_every_figure_of_a_cost_worked_by_hand() -> None:
    # $36 an hour for 38.88 Mtok, 2 requests/s that succeed and 0.8 of them within an SLO; 80 of 100 were sent.
    summary = on(
        point_summary(sweep_point(prefill_gpus=4, decode_gpus=8), tput_per_gpu=900.0), goodput=0.8, request_tput=2.0
    )
    summary = summary.model_copy(update={"counts": Counts(planned=100, ok=60, error=20, unsent=20)})
    blend = Blend(input_per_output=4, hit_rate=0.5, cached_price_share=0.2)
    found = priced(summary, blend=blend)
    total = 36 / 38.88
    assert found.point == summary.point
    assert (found.usd_per_gpu_hour, found.usd_per_gpu_hour_low, found.usd_per_gpu_hour_high) == (3.0, 3.0, 3.0)
    assert found.usd_per_successful_request == pytest.approx(36 / (2 * 3600))
    assert found.usd_per_request == pytest.approx(36 / (2 * 3600) * 60 / 80)
    assert found.usd_per_mtok_goodput == pytest.approx(total * 2 / 0.8)
    # Half of 4 prompt tokens are computed and half count a fifth: 2.4 of them come to a generated one, of 5 in all.
    assert found.usd_per_mtok_blended == pytest.approx((2.4 * 12 / 34.56 + 24 / 4.32) / 5)
    assert found.blend == blend
    assert found.tokens_per_usd == pytest.approx(1e6 / total)
    assert found.tokens_per_s_per_mw == pytest.approx(900 / 1.8 * 1000)


def test_cost_without_power_and_without_a_mix() -> None:
    found = cost(point_summary(), price_book({"b200": 3.0}), "rented", "b200", Basis.WHOLE_RUN)
    assert (found.tokens_per_s_per_mw, found.usd_per_mtok_blended, found.blend) == (None, None, None)


def test_a_load_of_which_nothing_was_sent_shares_out_nothing() -> None:
    unsent = point_summary().model_copy(update={"counts": Counts(planned=5, ok=0, unsent=5)})
    found = priced(unsent)
    assert found.usd_per_request == found.usd_per_successful_request


@pytest.mark.parametrize("changed", [{"request_tput": 0.0, "goodput": 1.0}, {"request_tput": 1.0, "goodput": 0.0}])
def test_without_a_rate_there_is_no_price_of_what_comes_at_that_rate(changed: dict[str, float]) -> None:
    found = priced(on(point_summary(), **changed))
    assert found.usd_per_mtok_goodput is None
    assert (found.usd_per_request is None) is (changed["request_tput"] == 0)


def test_a_mix_at_its_own_ratio_costs_what_the_point_costs() -> None:
    found = priced(point_summary(), blend=Blend(input_per_output=8))
    assert found.usd_per_mtok_blended == pytest.approx(found.usd_per_mtok_total)
    assert blended(1.0, 2.0, Blend(input_per_output=3, hit_rate=1.0, cached_price_share=0.5)) == pytest.approx(3.5 / 4)


def test_a_point_without_a_success_says_so() -> None:
    nothing = point_summary().model_copy(update={"whole_run": None})
    with pytest.raises(UsageError, match=r"^d\.t\.c8 has no whole_run figures to price: no request succeeded$"):
        priced(nothing)


def test_idle_time_of_an_all_in_price_is_one_line_for_all_gpus() -> None:
    found = cost(point_summary(), TWO, "rented", "b200", Basis.WHOLE_RUN, settings=CostSettings({"utilisation": 0.5}))
    assert [(line.item, line.quantity, line.usd_per_hour) for line in found.lines] == [
        ("prefill GPUs", 4, 12.0), ("decode GPUs", 8, 24.0), ("down and idle time", 12.0, 36.0),
    ]  # fmt: skip
    assert [(line.low, line.high) for line in found.lines] == [(None, None)] * 3
    assert (found.usd_per_hour, found.usd_per_gpu_hour) == (72.0, 6.0)


def test_a_points_lines_have_the_ranges_of_all_its_gpus() -> None:
    settings = exact_but(owned(), "b200", "power_price")
    found = cost(point_summary(), owned(), "owned", "b200", Basis.WHOLE_RUN, settings=settings)
    power = next(line for line in found.lines if line.item == "electricity")
    assert (power.low, power.high) == (pytest.approx(12 * 0.8 * POWER), pytest.approx(12 * 1.5 * POWER))
    assert found.joules_per_token_provisioned == pytest.approx(1.8 * 1.3 * 1000 / 900)


def test_units_of_power_and_money() -> None:
    assert tokens_per_s_per_mw(2.0, 500.0) == 250_000
    assert tokens_per_usd(0.5) == 2_000_000
    with pytest.raises(ValueError, match=r"^throughput must be positive, not 0\.0 tok/s/GPU$"):
        usd_per_mtok(2.0, 0.0)


def test_terms_of_capital_that_cannot_be_are_named() -> None:
    with pytest.raises(ValueError, match=r"^years must be above 0, not 0$"):
        capital_recovery_factor(0.1, 0)
    with pytest.raises(ValueError, match=r"^the cost of capital must be at least 0, not -0\.1$"):
        capital_recovery_factor(-0.1, 4)
    assert capital_recovery_factor(0.1, 4) == pytest.approx(ANNUITY)
    assert capital_recovery_factor(1.0, 1) == pytest.approx(2.0)
    assert annual_share(0.1, 4, 0.1) == pytest.approx((1 - 0.1 / 1.1**4) * ANNUITY)
    assert annual_share(0.0, 4, 0.2) == pytest.approx(0.2)


def test_what_a_tier_implies_field_by_field() -> None:
    found = implied(price_book({"b200": 2.9}), "rented", owned(), "b200")
    assert (found.gpu, found.book, found.tier, found.usd_per_gpu_hour) == ("b200", "book", "rented", 2.9)
    assert (found.owned_book, found.years, found.capital_rate) == ("template-owned", 4, 0.1)
    # All but the server is subtracted, and a dollar of server costs its annuity and its spares.
    rest = FABRIC + POWER + SPACE + STORAGE + STAFF
    assert found.server_price == pytest.approx((2.9 - rest) / ((CAPITAL + SPARES) / 400_000))
    assert (found.book_server_price, found.no_rate) == (400_000, None)
    used = implied(price_book({"b200": 2.9}), "rented", owned(), "b200", CostSettings({"utilisation": 0.5}))
    assert used.server_price == pytest.approx((2.9 / 2 - rest) / ((CAPITAL + SPARES) / 400_000))


def test_the_range_of_an_implied_server_price_is_that_of_the_other_lines() -> None:
    settings = exact_but(owned(), "b200", "power_price", "server_price", "availability", "utilisation")
    found = implied(price_book({"b200": 2.9}), "rented", owned(), "b200", settings)
    per_dollar = (CAPITAL + SPARES) / 400_000
    assert found.server_price_high - found.server_price == pytest.approx(0.2 * POWER / per_dollar)
    assert found.server_price - found.server_price_low == pytest.approx(0.5 * POWER / per_dollar)


def test_a_price_that_no_financing_gives_says_on_which_side_it_lies() -> None:
    cheap = implied(price_book({"b200": 1.0}), "rented", owned(), "b200")
    free = 400_000 * 0.9 / 4 / 8760 / 8 + 2000 / 4 / 8760 + POWER + SPACE + STORAGE + STAFF + SPARES
    assert cheap.implied_rate is None
    assert cheap.no_rate == f"at a cost of capital of 0 the lines come to ${free:.2f} already"
    dear = implied(price_book({"b200": 50.0}), "rented", owned(), "b200")
    assert dear.no_rate == "even at 100% a year the lines stay below the tier's price"
    values = {item: figure.value for item, figure in owned().figures("b200").items()}
    switches = {"fabric": True, "licence": False}
    double = (400_000 * (1 - 0.1 / 16) * 1 / (1 - 1 / 16) / 8 + 2000 / (1 - 1 / 16)) / 8760
    hour = (double + POWER + SPACE + STORAGE + STAFF + SPARES) / (0.97 * 0.6)
    assert rate_for(hour * (1 + 1e-9), values, switches) is None
    assert rate_for(hour * (1 - 1e-9), values, switches) == pytest.approx(1.0, abs=1e-6)


def test_gpus_and_prices_of_a_tier_are_those_that_the_book_lists() -> None:
    other = TWO.model_copy(update={"tiers": ("rented", "bought"), "prices": (
        *TWO.prices, TWO.prices[0].model_copy(update={"tier": "bought", "value": 9.0}),
    )})  # fmt: skip
    assert gpus_priced(other, "rented") == ("b200", "mi355x")
    assert gpus_priced(other, "bought") == ("b200",)
    assert gpus_priced(owned(), "owned") == ("b200", "mi355x")
    assert listed_price(other, "b200", "bought").value == 9.0
    with pytest.raises(FileError, match=r"^price book book: unknown tier 'x'; allowed: bought, rented"):
        gpus_priced(other, "x")
    with pytest.raises(FileError, match=r"^price book book, tier bought: unknown GPU 'mi355x'; allowed: b200"):
        listed_price(other, "mi355x", "bought")
    with pytest.raises(FileError, match=r"^price book book: unknown tier 'x'; allowed: bought, rented"):
        listed_price(other, "b200", "x")


def test_a_price_that_is_built_up_says_of_what() -> None:
    bill = hourly_bill(owned(), "b200", "owned")
    found = price_of(owned(), "b200", "owned")
    assert (found.gpu, found.tier, found.unit, found.as_of) == ("b200", "owned", "USD/GPU/h", owned().as_of)
    assert (found.value, found.low, found.high) == (bill.usd_per_gpu_hour, bill.low, bill.high)
    assert found.source == "built up from 19 figures of price book template-owned"
    assert price_of(owned(), "b200", "owned", CostSettings({"pue": 1.2})).value < found.value


def test_an_all_in_price_with_idle_time_says_so_and_keeps_its_range() -> None:
    found = price_of(TWO, "b200", "rented", CostSettings({"utilisation": 0.5}))
    assert (found.value, found.low, found.high, found.tier) == (6.0, None, None, "rented")
    assert found.source == "price book book, idle time added"
    ranged = TWO.model_copy(update={"prices": (TWO.prices[0].model_copy(update={"low": 2.0, "high": 4.0}),)})
    found = price_of(ranged, "b200", "rented", CostSettings({"utilisation": 0.5}))
    assert (found.low, found.high) == (4.0, 8.0)
    assert price_of(ranged, "b200", "rented") == ranged.prices[0]


def test_power_is_that_of_the_gpu_and_of_an_owned_one_with_its_overhead() -> None:
    assert (all_in_kw(TWO, "b200"), all_in_kw(TWO, "mi355x"), all_in_kw(TWO, "h100")) == (1.8, 2.0, None)
    assert all_in_kw(owned(), "b200") == pytest.approx(1.8 * 1.3)
    assert all_in_kw(owned(), "b200", CostSettings({"pue": 1.5})) == pytest.approx(1.8 * 1.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: [owned]\n", "kind: unknown kind of price book \"['owned']\"; allowed: all_in, owned"),
        ("kind: rented\n", "kind: unknown kind of price book 'rented'; allowed: all_in, owned"),
        ("- a list\n", ""),
    ],
)
def test_a_file_that_is_no_price_book_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "book.yaml"
    path.write_text(text)
    with pytest.raises(FileError) as told:
        load_book(path)
    assert str(told.value).startswith(f"{path}: {message}")


def test_an_all_in_book_may_say_or_not_say_of_which_kind_it_is(tmp_path: Path) -> None:
    data = yaml.safe_load(TWO.model_dump_json())
    path = tmp_path / "book.yaml"
    for kind in ({}, {"kind": "all_in"}):
        path.write_text(yaml.safe_dump(data | kind))
        assert isinstance(load_book(path), PriceBook)


def test_settings_are_read_by_kind() -> None:
    found = parse_settings({"pue": "1.2", "licence": "on", "fabric": "off"})
    assert (found.values, found.switches) == ({"pue": 1.2}, {"licence": True, "fabric": False})
    others = (CostSettings(), CostSettings({"pue": 1.2}), CostSettings(switches={"licence": False}))
    assert [bool(s) for s in (found, *others)] == [
        True, False, True, True,
    ]  # fmt: skip


def test_an_all_in_price_has_room_for_idle_time_and_nothing_else() -> None:
    check_settings(TWO, CostSettings({"availability": 0.9, "utilisation": 0.5}))
    check_settings(owned(), CostSettings({"pue": 1.2}))
    for settings, key in (
        (CostSettings({"utilisation": 0.5, "pue": 1.2}), "pue"),
        (CostSettings(switches={"licence": True}), "licence"),
    ):
        with pytest.raises(UsageError) as told:
            check_settings(TWO, settings)
        assert str(told.value) == (
            f"price book book: tiers are all-in, so {key} is already inside; only availability and utilisation can be "
            "set, or use an owned book"
        )


def test_a_set_figure_is_exact_and_an_assumption_of_the_books_date() -> None:
    bill = hourly_bill(owned(), "b200", "owned", CostSettings({"pue": 1.2}))
    figure = next(figure for figure in bill.figures if figure.item == "pue")
    assert (figure.value, figure.unit, figure.source, figure.trust) == (
        1.2,
        "ratio",
        "set by the user",
        Trust.ASSUMPTION,
    )
    assert (figure.as_of, figure.low, figure.high) == (owned().as_of, None, None)


def test_a_fleet_field_by_field() -> None:
    own = replica(groups=shapes((1, 4), (1, 8)), half_width=0.25)
    found = fleet(DEMAND, own, FLAT)
    # 250,000 tok/s by 50,000 are 5 replicas of 2 nodes; by 62,500 4, by 37,500 7.
    assert (found.replica, found.usd_per_gpu_hour) == (own, 2.0)
    assert (found.gpus_billed_low, found.gpus_billed, found.gpus_billed_high) == (64, 80, 112)
    assert fleet(DEMAND, own, FLAT, packed=True).nodes == 8  # 60 GPUs
    assert fleet(DEMAND, replica(gpu="mi355x"), FLAT).joules_per_token_provisioned is None


def test_the_ratio_of_two_prices_moves_with_what_each_has_for_itself() -> None:
    prices = FleetPrices(owned(), "owned", exact_but(owned(), "b200", "server_price", "availability", "utilisation"))

    def hour(gpu: str, server: float) -> float:
        # What is set is set for both, at the figures of a B200.
        return (CAPITAL + SPARES) * server / 400_000 + FABRIC + POWER + SPACE + STORAGE + STAFF

    at = hour("mi355x", 300_000) / hour("b200", 400_000)
    ends = {
        sign: math.hypot(
            math.log(hour("mi355x", 300_000 * (1 + 0.1 * sign)) / hour("mi355x", 300_000)),
            math.log(hour("b200", 400_000) / hour("b200", 400_000 * (1 - 0.1 * sign))),
        )
        for sign in (-1, 1)
    }
    assert at < 1
    found = (prices.hour("mi355x") / prices.hour("b200")).interval()
    assert (found.low / at, found.high / at) == pytest.approx((math.exp(-ends[-1]), math.exp(ends[1])))
    exact = (FLAT.hour("mi355x") / FLAT.hour("b200")).interval()
    assert exact.low == exact.central == exact.high


def test_the_interval_of_a_ratio_of_fleets_adds_both_sizes_in_quadrature() -> None:
    a, b = (
        fleet(DEMAND, replica("a", tput=50_000, half_width=0.25), FLAT),
        fleet(DEMAND, replica("b", tput=10_000, half_width=0.1), FLAT),
    )
    assert (a.gpus_billed_low, a.gpus_billed, a.gpus_billed_high) == (32, 40, 56)
    assert (b.gpus_billed_low, b.gpus_billed, b.gpus_billed_high) == (8 * 23, 200, 8 * 28)
    found = ranked([b, a], FLAT)
    assert found.ratio is not None
    assert found.ratio.interval.central == 5.0
    assert found.ratio.interval.low == pytest.approx(5 * math.exp(-math.hypot(math.log(200 / 184), math.log(56 / 40))))
    assert found.ratio.interval.high == pytest.approx(5 * math.exp(math.hypot(math.log(40 / 32), math.log(224 / 200))))
    assert found.outcome is Outcome.CHEAPER
    low, high = found.ratio.interval.low, found.ratio.interval.high
    assert explain.fleets(found) == (
        f"b costs 5.00x as much a year as a, interval {low:.2f}x to {high:.2f}x, which excludes a tie"
    )


def test_the_cheapest_must_be_told_from_every_other_fleet() -> None:
    fleets = [
        fleet(DEMAND, replica(name, tput=tput, half_width=h), FLAT)
        for name, tput, h in (("a", 50_000, 0.0), ("b", 36_000, 0.0), ("c", 35_000, 0.9), ("d", 5_000, 0.0))
    ]
    found = ranked(fleets, FLAT)
    assert found.ratio is not None
    assert (found.outcome, found.ratio.interval.central) == (Outcome.UNDECIDED, 1.4)
    assert (
        explain.fleets(found)
        == "b costs 1.40x as much a year as a, interval 1.40x to 1.40x; a tie with c is not excluded"
    )
    doubled = [*fleets, fleet(DEMAND, replica("e", tput=35_000, half_width=0.9), FLAT)]
    assert explain.fleets(ranked(doubled, FLAT)).endswith("; a tie with c, e is not excluded")


def test_a_tie_itself_is_not_excluded() -> None:
    same = [fleet(DEMAND, replica(name), FLAT) for name in ("a", "b")]
    found = ranked(same, FLAT)
    assert found.ratio is not None
    assert (found.outcome, found.ratio.interval) == (Outcome.UNDECIDED, Interval(low=1.0, central=1.0, high=1.0))


def test_of_fleets_that_cost_the_same_names_decide_the_order() -> None:
    made = [
        fleet(DEMAND, replica(name, topology=topology), FLAT) for name, topology in (("b", "s"), ("a", "t"), ("a", "s"))
    ]
    best, others = best_of(made)
    assert [(f.replica.deployment, f.replica.topology) for f in (*best, *others)] == [
        ("a", "s"),
        ("b", "s"),
        ("a", "t"),
    ]


def test_less_than_a_token_a_second_has_a_price_too() -> None:
    assert usd_per_mtok(1.8, 0.5) == pytest.approx(1000.0)


def test_what_is_set_holds_for_power_too() -> None:
    found = cost(point_summary(), owned(), "owned", "b200", Basis.WHOLE_RUN, settings=CostSettings({"pue": 2.0}))
    assert found.joules_per_token_provisioned == pytest.approx(1.8 * 2 * 1000 / 900)
    prices = FleetPrices(owned(), "owned", CostSettings({"pue": 2.0}))
    assert prices.kw("b200") == pytest.approx(3.6)
    assert prices.bill("b200").provisioned_usd_per_gpu_hour == pytest.approx(
        CAPITAL + FABRIC + POWER * 2 / 1.3 + SPACE + STORAGE + STAFF + SPARES
    )


def test_fleets_of_exact_sizes_are_as_sure_as_the_ratio_of_their_prices() -> None:
    prices = FleetPrices(owned(), "owned", exact_but(owned(), "b200", "server_price", "availability", "utilisation"))
    fleets = [fleet(DEMAND, replica("a"), prices), fleet(DEMAND, replica("b", "mi355x", tput=20_000), prices)]
    hours = (prices.hour("mi355x") / prices.hour("b200")).interval()
    low, high = hours.low / hours.central, hours.high / hours.central
    assert [f.replica.deployment for f in best_of(fleets)[0]] == ["a", "b"]
    found = ranked(fleets, prices).ratio
    assert found is not None
    ratio = found.interval
    assert (ratio.low, ratio.high) == (pytest.approx(ratio.central * low), pytest.approx(ratio.central * high))
    assert low < 1 < high
