"""Every metric of the catalogue, read off one summary that was worked out by hand, in the unit that it states."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inferbench.arrays import NEVER
from inferbench.metrics.catalog import CATALOG, TTFT
from inferbench.metrics.families import ENERGY, INDEXED
from inferbench.metrics.goodput import GoodputSlo
from inferbench.metrics.metric import CostMetric, DistributionMetric, ScalarMetric
from inferbench.metrics.summarise import summarise
from inferbench.metrics.summary import Basis, EnergySummary, Origin, PointSummary, SweepPoint
from inferbench.records.columns import Records, StampedColumn
from inferbench.records.request_record import Status
from inferbench.token_cost.cost import Blend, Cost
from inferbench.token_cost.per_token import cost
from inferbench.workload.plan import Arrival, Plan
from tests.support.factories import price_book

MS = 1_000_000
S = 0.17
"""From the start to the last token, s."""
HOURLY, KW = 2.0, 1.5
"""Price and all-in power of a GPU."""
GPUS, PREFILL_GPUS, DECODE_GPUS = 16, 4, 12
MTOK = 3600 / 1e6
"""Million tokens an hour per tok/s."""

EXPECTED = {
    "isl": (100, "tokens"),
    "osl": (6, "tokens"),
    # Due and free at 8 ms, sent at 10; tokens at 110 (2), 170 (3, of which the first is of the answer) and 180 (1).
    "ttft": (100, "ms"),
    "ttft_queued": (102, "ms"),
    "ttfat": (160, "ms"),
    "tpot": ((170 - 100) / (6 - 2), "ms"),
    "itl": (20, "ms"),
    "e2el": (170, "ms"),
    "interactivity": (1000 / 17.5, "tok/s/user"),
    "concurrency": (2, "requests"),
    "in_flight_mean": (1, "requests"),
    "seconds": (S, "s"),
    "request_tput": (1 / S, "req/s"),
    "input_tput": (100 / S, "tok/s"),
    "output_tput": (6 / S, "tok/s"),
    "total_tput": (106 / S, "tok/s"),
    "tput_per_gpu": (106 / S / GPUS, "tok/s/GPU"),
    "input_tput_per_gpu": (100 / S / GPUS, "tok/s/GPU"),
    "output_tput_per_gpu": (6 / S / GPUS, "tok/s/GPU"),
    "goodput": (1 / S, "req/s"),
    "goodput_fraction": (1, ""),
    "cache_hit_rate": (0.4, ""),
    "accepted_length": (6 / (6 - 3), "tokens/step"),
    "joules_per_output_token": (272 / 6, "J"),
    "joules_per_total_token": (272 / 106, "J"),
    "mean_power_w_per_gpu": (272 / S / GPUS, "W/GPU"),
    "usd_per_gpu_hour": (HOURLY, "USD/GPU/h"),
    "usd_per_mtok_total": (HOURLY * GPUS / (106 / S * MTOK), "USD/Mtok"),
    "usd_per_mtok_input": (HOURLY * GPUS / (100 / S * MTOK), "USD/Mtok"),
    "usd_per_mtok_output": (HOURLY * GPUS / (6 / S * MTOK), "USD/Mtok"),
    "usd_per_mtok_input_role": (HOURLY * PREFILL_GPUS / (100 / S * MTOK), "USD/Mtok"),
    "usd_per_mtok_output_role": (HOURLY * DECODE_GPUS / (6 / S * MTOK), "USD/Mtok"),
    # At the point's own ratio of lengths a mix costs what all tokens cost.
    "usd_per_mtok_blended": (HOURLY * GPUS / (106 / S * MTOK), "USD/Mtok"),
    "usd_per_mtok_goodput": (HOURLY * GPUS / (106 / S * MTOK), "USD/Mtok"),
    "usd_per_request": (HOURLY * GPUS / (3600 / S), "USD"),
    "usd_per_successful_request": (HOURLY * GPUS / (3600 / S), "USD"),
    "tokens_per_usd": (106 / S * 3600 / (HOURLY * GPUS), "tok/USD"),
    "tokens_per_s_per_mw": (106 / S / (KW * GPUS / 1000), "tok/s/MW"),
    "joules_per_token_provisioned": (KW * 1000 * GPUS / (106 / S), "J/tok"),
}


def one_request() -> Records:
    """Sent at 10 ms, with a prompt of 100 tokens of which 40 were cached, and three accepted drafted tokens."""
    chunks = StampedColumn(np.array([0, 3]), np.array([110, 170, 180]) * MS, np.array([2, 3, 1]))
    one, never = np.ones(1, dtype=np.int64), np.full(1, NEVER)
    return Records(
        seq=0 * one, status=np.array([Status.OK], dtype=np.int64), isl=100 * one, osl=6 * one, osl_source=0 * one,
        planned_ns=8 * MS * one, slot_free_ns=8 * MS * one, connect_ns=never, sent_ns=10 * MS * one,
        first_byte_ns=never, end_ns=180 * MS * one, answer_ns=170 * MS * one, first_late_ns=never, last_late_ns=never,
        cached_tokens=40 * one, accepted_tokens=3 * one, attempts=one, client_worker=0 * one, chunks=chunks,
        errors=[None],
    )  # fmt: skip


@pytest.fixture(scope="module")
def summary() -> PointSummary:
    zero = np.zeros(1, dtype=np.int64)
    plan = Plan(0, Arrival.CLOSED, 1, zero, zero, zero, None, True, "", "hash")
    point = SweepPoint(deployment="d", topology="t", concurrency=2, prefill_gpus=PREFILL_GPUS, decode_gpus=DECODE_GPUS)
    energy = EnergySummary(
        origin=Origin.MEASURED, source="a meter", joules_total=272, joules_per_output_token=272 / 6,
        joules_per_total_token=272 / 106, mean_power_w_per_gpu=272 / S / GPUS, valid=True,
    )  # fmt: skip
    return summarise(one_request(), plan, point, Origin.MEASURED, energy=energy, slo=GoodputSlo(ttft=1000))


@pytest.fixture(scope="module")
def priced(summary: PointSummary) -> Cost:
    book = price_book({"b200": HOURLY}, {"b200": KW})
    return cost(summary, book, "rented", "b200", Basis.WHOLE_RUN, blend=Blend(input_per_output=100 / 6))


def test_every_metric_is_worked_out_here() -> None:
    assert list(EXPECTED) == sorted(EXPECTED, key=list(CATALOG).index)
    assert set(EXPECTED) == set(CATALOG)


@pytest.mark.parametrize("name", CATALOG)
def test_a_metric_reads_off_a_real_summary_in_its_unit(name: str, summary: PointSummary, priced: Cost) -> None:
    metric, (value, unit) = CATALOG[name], EXPECTED[name]
    if isinstance(metric, CostMetric):
        found = metric.read(priced)
    else:
        scalar = metric.at("p50") if isinstance(metric, DistributionMetric) else metric
        assert isinstance(scalar, ScalarMetric)
        found = scalar.read(summary, Basis.WHOLE_RUN)
    assert found == pytest.approx(value)
    assert metric.unit == unit


def test_there_is_no_figure_on_a_basis_that_was_not_reached(summary: PointSummary) -> None:
    assert summary.window is None
    assert [metric.read(summary, Basis.WINDOW) for metric in (*INDEXED, *ENERGY)] == [None] * 11


def test_an_energy_that_must_not_be_used_is_none(summary: PointSummary) -> None:
    assert summary.energy is not None
    bad = summary.energy.model_copy(update={"valid": False, "reasons": ("the meter stood still",)})
    bad_summary = summary.model_copy(update={"energy": bad})
    assert [metric.read(bad_summary, Basis.WHOLE_RUN) for metric in ENERGY] == [None] * 3


def test_a_statistic_keeps_what_its_latency_says() -> None:
    p99 = TTFT.at("p99")
    assert (p99.name, p99.label, p99.unit, p99.sign) == ("ttft_p99", "TTFT p99", "ms", -1)
    assert p99.formula.endswith(TTFT.formula)
    with pytest.raises(ValueError, match="no p42"):
        TTFT.at("p42")


def test_an_entry_cannot_be_changed() -> None:
    assert replace(TTFT, label="x").label == "x"
    with pytest.raises(AttributeError):
        TTFT.label = "x"  # type: ignore[misc]
