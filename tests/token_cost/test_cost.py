"""Costs against hand-worked bills."""

from __future__ import annotations

import pytest

from inferbench.errors import FileError, UsageError
from inferbench.metrics.summary import Basis, Origin
from inferbench.token_cost.cost import Blend, Cost
from inferbench.token_cost.per_token import cost, joules_per_token, usd_per_mtok
from tests.support.factories import point_summary, price_book, sweep_point


def test_a_gpu_at_one_million_tokens_an_hour_costs_its_hourly_price_per_mtok() -> None:
    assert usd_per_mtok(2.0, 1_000_000 / 3600) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("usd_per_gpu_hour", "tput_per_gpu", "published"), [(1.48, 2435.8, 0.1688), (1.95, 3128.5, 0.1731)]
)
def test_the_published_claims_costs(usd_per_gpu_hour: float, tput_per_gpu: float, published: float) -> None:
    assert usd_per_mtok(usd_per_gpu_hour, tput_per_gpu) == pytest.approx(published, abs=5e-5)


@pytest.mark.parametrize("tput", [0.0, -1.0, float("nan")])
def test_no_tokens_have_no_price(tput: float) -> None:
    with pytest.raises(ValueError, match="throughput must be positive"):
        usd_per_mtok(2.0, tput)


def test_one_kilowatt_at_a_thousand_tokens_a_second_is_one_joule_per_token() -> None:
    assert joules_per_token(1.0, 1000.0) == pytest.approx(1.0)


def test_a_bill_worked_by_hand() -> None:
    # 4 + 8 GPUs at $3 are $36 an hour. 900 tok/s/GPU on 12 GPUs are 38.88 Mtok an hour: 34.56 in, 4.32 out.
    summary = point_summary(sweep_point(prefill_gpus=4, decode_gpus=8), tput_per_gpu=900.0)
    found = cost(summary, price_book({"b200": 3.0}, {"b200": 1.8}), "rented", "b200", Basis.WHOLE_RUN)
    assert [(line.item, line.quantity, line.usd_per_hour) for line in found.lines] == [
        ("prefill GPUs", 4, 12.0),
        ("decode GPUs", 8, 24.0),
    ]
    assert found.usd_per_hour == 36.0
    assert found.usd_per_mtok_total == pytest.approx(36 / 38.88)
    assert found.usd_per_mtok_input == pytest.approx(36 / 34.56)
    assert found.usd_per_mtok_output == pytest.approx(36 / 4.32)
    assert found.usd_per_mtok_input_role == pytest.approx(12 / 34.56)
    assert found.usd_per_mtok_output_role == pytest.approx(24 / 4.32)
    assert found.joules_per_token_provisioned == pytest.approx(1800 / 900)
    assert (found.book, found.tier, found.basis, found.origin) == ("book", "rented", Basis.WHOLE_RUN, Origin.SIMULATED)


def test_role_costs_add_up_to_the_bill() -> None:
    summary = point_summary(sweep_point(prefill_gpus=7, decode_gpus=5), tput_per_gpu=1234.5)
    found = cost(summary, price_book({"b200": 2.34}), "rented", "b200", Basis.WHOLE_RUN)
    assert summary.whole_run is not None
    mtok_in, mtok_out = (
        tput * 3600 / 1e6
        for tput in (summary.whole_run.throughput.input_tput, summary.whole_run.throughput.output_tput)
    )
    assert found.usd_per_mtok_input_role is not None
    assert found.usd_per_mtok_input_role * mtok_in + found.usd_per_mtok_output_role * mtok_out == pytest.approx(
        found.usd_per_hour
    )


def test_without_prefill_gpus_role_accounting_charges_all_gpus_to_output() -> None:
    found = cost(
        point_summary(sweep_point(prefill_gpus=0)), price_book({"b200": 3.0}), "rented", "b200", Basis.WHOLE_RUN
    )
    assert [line.item for line in found.lines] == ["decode GPUs"]
    assert found.usd_per_mtok_input_role is None
    assert found.usd_per_mtok_output_role == pytest.approx(found.usd_per_mtok_output)


def test_a_book_without_power_gives_no_energy() -> None:
    found = cost(point_summary(), price_book({"b200": 3.0}), "rented", "b200", Basis.WINDOW)
    assert found.joules_per_token_provisioned is None


def test_the_basis_decides_which_throughput_is_priced() -> None:
    summary = point_summary(tput_per_gpu=900.0)
    faster = point_summary(tput_per_gpu=1000.0)
    mixed = summary.model_copy(update={"window": faster.window})
    book = price_book({"b200": 3.6})
    assert cost(mixed, book, "rented", "b200", Basis.WHOLE_RUN).usd_per_mtok_total == pytest.approx(3.6 / 3.24)
    assert cost(mixed, book, "rented", "b200", Basis.WINDOW).usd_per_mtok_total == pytest.approx(1.0)


def test_a_point_without_figures_on_the_basis_has_no_cost() -> None:
    summary = point_summary(window_reason="two waves only")
    with pytest.raises(UsageError, match=r"d\.t\.c8 has no window figures to price: two waves only"):
        cost(summary, price_book({"b200": 3.0}), "rented", "b200", Basis.WINDOW)


def test_a_missing_price_is_an_error_and_not_zero() -> None:
    with pytest.raises(FileError, match="unknown GPU 'mi355x'"):
        cost(point_summary(), price_book({"b200": 3.0}), "rented", "mi355x", Basis.WHOLE_RUN)


def test_a_cost_written_before_its_newer_fields_still_reads() -> None:
    found = cost(point_summary(), price_book({"b200": 3.0}, {"b200": 1.8}), "rented", "b200", Basis.WHOLE_RUN)
    newer = {
        "usd_per_gpu_hour", "usd_per_gpu_hour_low", "usd_per_gpu_hour_high", "usd_per_request",
        "usd_per_successful_request", "usd_per_mtok_goodput", "usd_per_mtok_blended", "blend", "tokens_per_usd",
        "tokens_per_s_per_mw", "joules_per_token_measured",
    }  # fmt: skip
    old = found.model_dump(mode="json", exclude=newer)
    for line in old["lines"]:
        for name in ("trust", "as_of", "assumed", "low", "high"):
            del line[name]
    again = Cost.model_validate(old)
    assert again.usd_per_mtok_total == found.usd_per_mtok_total
    assert again.tokens_per_usd is None


def test_measured_energy_is_empty_until_power_is_measured() -> None:
    found = cost(point_summary(), price_book({"b200": 3.0}, {"b200": 1.8}), "rented", "b200", Basis.WHOLE_RUN)
    assert found.joules_per_token_provisioned is not None
    assert found.joules_per_token_measured is None


def test_a_request_is_priced_over_requests_sent_on_the_whole_run_alone() -> None:
    book = price_book({"b200": 3.0})
    assert cost(point_summary(), book, "rented", "b200", Basis.WHOLE_RUN).usd_per_request is not None
    in_window = cost(point_summary(), book, "rented", "b200", Basis.WINDOW)
    assert in_window.usd_per_request is None
    assert in_window.usd_per_successful_request is not None


def test_a_mix_without_prefill_gpus_has_no_cost() -> None:
    together = point_summary(sweep_point(prefill_gpus=0))
    found = cost(
        together, price_book({"b200": 3.0}), "rented", "b200", Basis.WHOLE_RUN, blend=Blend(input_per_output=8)
    )
    assert found.usd_per_mtok_blended is None


@pytest.mark.parametrize("goodput", [None, 0.0])
def test_without_a_request_that_met_an_slo_there_is_no_goodput_cost(goodput: float | None) -> None:
    summary = point_summary()
    assert summary.whole_run is not None
    judged = summary.whole_run.throughput.model_copy(update={"goodput": goodput})
    summary = summary.model_copy(update={"whole_run": summary.whole_run.model_copy(update={"throughput": judged})})
    assert cost(summary, price_book({"b200": 3.0}), "rented", "b200", Basis.WHOLE_RUN).usd_per_mtok_goodput is None
