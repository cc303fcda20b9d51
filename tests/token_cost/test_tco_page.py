"""The hand-worked examples of docs/tco.md: computed here, and looked for there."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from inferbench.fleet.fleet import Demand, Replica, WorkerShape
from inferbench.fleet.ranking import FleetPrices, fleet
from inferbench.metrics.request_counts import Counts
from inferbench.metrics.summary import Basis, Origin
from inferbench.pricing.bill_lines import Bill
from inferbench.pricing.build_up import IDLE, annual_share, capital_recovery_factor
from inferbench.pricing.cost_figures import Trust
from inferbench.pricing.hourly_bill import hourly_bill
from inferbench.pricing.implied_price import implied
from inferbench.pricing.settings import CostSettings
from inferbench.token_cost.cost import Blend
from inferbench.token_cost.per_token import cost, joules_per_token, tokens_per_s_per_mw, tokens_per_usd, usd_per_mtok
from tests.support.factories import point_summary, price_book, sweep_point
from tests.support.owned_factories import exact_but, owned

PAGE = (Path(__file__).parents[2] / "docs" / "tco.md").read_text(encoding="utf-8")


def stated(*texts: str) -> None:
    """Each text must stand on the page."""
    for text in texts:
        assert text in PAGE, text


@pytest.mark.parametrize(
    ("rate", "years", "factor"), [(0.08, 4, 0.3019), (0.10, 4, 0.3155), (0.12, 4, 0.3292), (0.08, 5, 0.2505)]
)
def test_capital_recovery_factors(rate: float, years: int, factor: float) -> None:
    assert capital_recovery_factor(rate, years) == pytest.approx(factor, abs=5e-5)
    stated(f"{factor:.4f}")


def test_capital_of_a_server() -> None:
    annual = 400_000 * annual_share(0.10, 4, 0.10)
    assert pytest.approx(27_320.54, abs=0.005) == 40_000 / 1.1**4
    assert annual == pytest.approx((400_000 - 27_320.54) * 0.315471, rel=1e-6)
    assert annual == pytest.approx(117_569.49, abs=0.005)
    assert annual / 8760 / 8 == pytest.approx(1.6776, abs=5e-5)
    stated("27,320.54", "117,569.49", "13.4212", "1.6776")


LINES = {
    "server capital": (13.4212, 1 / 8, 1.6776),
    "fabric capital": (0.0720, 1, 0.0720),
    "electricity": (0.10, 1.638, 0.1638),
    "space": (0.2055, 1.8, 0.3699),
    "storage": (0.07 / 730, 100, 0.0096),
    "staff": (22.8311, 0.004, 0.0913),
    "spares": (45.6621, 0.04 / 8, 0.2283),
    IDLE: (2.6126, 0.7182, 1.8764),
}


def test_a_whole_bill_line_by_line() -> None:
    bill = hourly_bill(owned(), "b200", "owned")
    assert [line.item for line in bill.lines] == list(LINES)
    for line in bill.lines:
        price, quantity, usd = LINES[line.item]
        assert line.usd_per_unit_hour == pytest.approx(price, abs=5e-5)
        assert line.quantity == pytest.approx(quantity, abs=5e-5)
        assert line.usd_per_hour == pytest.approx(usd, abs=5e-5)
        stated(f"| {line.item} |", f"| {usd:.4f} |")
    assert bill.provisioned_usd_per_gpu_hour == pytest.approx(2.6126, abs=5e-5)
    assert bill.usd_per_gpu_hour == pytest.approx(4.4889, abs=5e-5)
    assert bill.usd_per_gpu_hour == pytest.approx(sum(line.usd_per_hour for line in bill.lines))
    stated("**2.6126**", "**4.4889**")


def test_the_licence_adds_its_price_before_idle_time() -> None:
    without, with_it = (
        hourly_bill(owned(), "b200", "owned", CostSettings({}, {"licence": on})) for on in (False, True)
    )
    added = with_it.provisioned_usd_per_gpu_hour - without.provisioned_usd_per_gpu_hour
    assert added == pytest.approx(4500 / 8760)
    assert with_it.usd_per_gpu_hour - without.usd_per_gpu_hour == pytest.approx(added / (0.97 * 0.6))
    stated("0.5137")


def _with_ranges(*items: str) -> Bill:
    return hourly_bill(owned(), "b200", "owned", exact_but(owned(), "b200", *items))


def test_an_interval_of_two_figures() -> None:
    alone = _with_ranges("utilisation")
    assert (alone.high, alone.low) == (pytest.approx(6.7334, abs=5e-5), pytest.approx(3.3667, abs=5e-5))
    server = _with_ranges("server_price")
    assert (server.low, server.high) == (pytest.approx(4.1614, abs=5e-5), pytest.approx(4.8164, abs=5e-5))
    both = _with_ranges("utilisation", "server_price")
    assert both.high - both.usd_per_gpu_hour == pytest.approx(math.hypot(2.2445, 0.3275), abs=1e-4)
    assert both.usd_per_gpu_hour - both.low == pytest.approx(math.hypot(1.1222, 0.3275), abs=1e-4)
    assert (both.low, both.high) == (pytest.approx(3.3199, abs=5e-5), pytest.approx(6.7572, abs=5e-5))
    stated("6.7334 to 3.3667", "4.1614 to 4.8164", "2.2445", "1.1222", "0.3275", "2.2682", "1.1690", "3.3199 to 6.7572")


def test_tokens_of_a_disaggregated_point() -> None:
    summary = point_summary(sweep_point(prefill_gpus=4, decode_gpus=8), tput_per_gpu=900.0)
    book = price_book({"b200": 3.0})

    def priced(blend: Blend) -> dict[str, float | None]:
        found = cost(summary, book, "rented", "b200", Basis.WHOLE_RUN, blend=blend)
        return {name: value for name, value in found.model_dump().items() if name.startswith("usd_per_mtok")}

    plain = priced(Blend(input_per_output=8))
    half_cached = priced(Blend(input_per_output=8, hit_rate=0.5, cached_price_share=0.1))
    by_hand = {
        "usd_per_mtok_total": 0.9259,
        "usd_per_mtok_input": 1.0417,
        "usd_per_mtok_output": 8.3333,
        "usd_per_mtok_input_role": 0.3472,
        "usd_per_mtok_output_role": 5.5556,
        "usd_per_mtok_blended": 0.9259,
    }
    for name, usd in by_hand.items():
        assert plain[name] == pytest.approx(usd, abs=5e-5)
        stated(f"| {usd:.4f} |")
    assert half_cached["usd_per_mtok_blended"] == pytest.approx(0.7870, abs=5e-5)
    stated("| 0.7870 |")


def test_requests_and_goodput() -> None:
    summary = point_summary(sweep_point(prefill_gpus=4, decode_gpus=8), tput_per_gpu=900.0)
    assert summary.whole_run is not None
    judged = summary.whole_run.throughput.model_copy(update={"goodput": 0.9, "goodput_fraction": 0.675})
    counts = Counts(planned=100, ok=60, error=20, unsent=20)
    whole_run = summary.whole_run.model_copy(update={"throughput": judged})
    failing = summary.model_copy(update={"counts": counts, "whole_run": whole_run})
    book = price_book({"b200": 3.0})
    found = cost(failing, book, "rented", "b200", Basis.WHOLE_RUN)
    assert found.usd_per_successful_request == pytest.approx(0.0100)
    assert found.usd_per_request == pytest.approx(0.0075)
    assert found.usd_per_mtok_goodput == pytest.approx(1.0288, abs=5e-5)
    stated("$0.0100", "$0.0075", "$1.0288")


def test_energy_and_tokens_per_dollar() -> None:
    assert usd_per_mtok(1.48, 2435.8) == pytest.approx(0.1688, abs=5e-5)
    assert joules_per_token(2.09, 2435.8) == pytest.approx(0.8580, abs=5e-5)
    assert tokens_per_s_per_mw(2.09, 2435.8) == pytest.approx(1_165_455, abs=0.5)
    assert tokens_per_usd(0.1688) == pytest.approx(5_924_171, abs=0.5)
    stated("$0.1688", "0.8580 J/tok", "1,165,455 tok/s/MW", "5,924,171 tokens")


def test_what_a_tier_implies() -> None:
    found = implied(price_book({"b200": 1.73}), "rented", owned(), "b200")
    assert found.server_price == pytest.approx((1.73 - 0.7066) / 4.76489e-06, rel=1e-4)
    assert found.server_price == pytest.approx(214_779, abs=0.5)
    assert found.implied_rate is None
    assert found.no_rate == "at a cost of capital of 0 the lines come to $2.20 already"
    stated("0.7066", "4.76489e-06", "214,779", "$2.20 already")


def test_a_fleet() -> None:
    demand = Demand(tokens_per_day=5e9, peak_to_mean=2.5, headroom=0.2)
    assert demand.mean_tok_s == pytest.approx(57_870, abs=0.5)
    assert demand.capacity_tok_s == pytest.approx(173_611, abs=0.5)
    replica = Replica(
        deployment="d", topology="t", concurrency=8, gpu="b200", total_tput=20_000, origin=Origin.MEASURED,
        shapes=(WorkerShape(role="prefill", workers=1, gpus=4), WorkerShape(role="decode", workers=1, gpus=8)),
    )  # fmt: skip
    prices = FleetPrices(price_book({"b200": 1.73}), "rented")
    found = fleet(demand, replica, prices)
    assert (found.replicas, found.gpus_used, found.gpus_billed) == (9, 108, 144)
    assert found.usd_per_year == pytest.approx(2_182_291, abs=0.5)
    assert found.usd_per_mtok_served == pytest.approx(1.1958, abs=5e-5)
    assert round(found.utilisation, 2) == 0.32
    assert fleet(demand, replica, prices, packed=True).gpus_billed == 112
    stated("57,870", "173,611", "= 108", "= 144", "$2,182,291", "$1.1958", "32 %", "112 GPUs billed")


@pytest.mark.parametrize("name", ["enterprise-owned-2026", "neocloud-owned-2026"])
def test_the_page_has_the_bundled_books_bills_and_their_assumptions(name: str) -> None:
    book = owned(name)
    for gpu in book.gpus:
        bill = hourly_bill(book, gpu, "owned")
        there = f"{bill.provisioned_usd_per_gpu_hour:.2f} ({bill.provisioned_low:.2f} to {bill.provisioned_high:.2f})"
        stated(f"| {name} | {gpu} | {there} | {bill.usd_per_gpu_hour:.2f} ({bill.low:.2f} to {bill.high:.2f}) |")
    assumed = {(line.item, line.gpu) for line in book.lines if line.trust is Trust.ASSUMPTION}
    assert {("server_price", "mi355x"), ("kw_per_gpu", "mi355x"), ("kw_per_gpu", "mi300x")} <= assumed
    everywhere = {"load", "residual_share", "staff_price", "staff_per_gpu", "storage_per_gpu", "availability"}
    own = {"enterprise-owned-2026": "capital_rate", "neocloud-owned-2026": "utilisation"}[name]
    assert {item for item, gpu in assumed if gpu is None} == everywhere | {own}
