"""One thing held equal: pace, wait or money; and cost read the older way."""

from __future__ import annotations

import datetime

import pytest

from inferbench.comparison.frontier import front_of, fronts_of
from inferbench.comparison.held_equal import equal_budget, equal_interactivity, equal_ttft_slo
from inferbench.comparison.operating_point import distances, read_at, spline_cost
from inferbench.comparison.verdict import FrontierPoint
from inferbench.scenario.scenario import OperatingPoint, Slo
from tests.support.factories import frontier_point

A = [
    frontier_point(20, 1000, deployment="a", ttft_p99_ms=4000),
    frontier_point(60, 500, deployment="a", ttft_p99_ms=1000),
]
B = [
    frontier_point(30, 2000, deployment="b", ttft_p99_ms=3000),
    frontier_point(50, 1000, deployment="b", ttft_p99_ms=2500),
]
HOURLY = {"a": 1.8, "b": 3.6}


def test_equal_interactivity_reads_each_front_and_prices_it() -> None:
    a, b = equal_interactivity({"a": A, "b": B}, HOURLY, 40)
    # Two knots are joined by a straight line: 750 and 1,500 tok/s/GPU, 2.7 and 5.4 Mtok an hour.
    assert (a.reading.tput_per_gpu, b.reading.tput_per_gpu) == (750, 1500)
    assert (a.usd_per_mtok, b.usd_per_mtok) == pytest.approx((1.8 / 2.7, 3.6 / 5.4))
    assert distances(a.reading, 40) == (20, 20)
    out = equal_interactivity({"a": A, "b": B}, HOURLY, 55)[1]
    assert out.usd_per_mtok is None
    assert distances(out.reading, 55) is None


def test_equal_ttft_slo_takes_the_best_point_that_keeps_it() -> None:
    a, b = equal_ttft_slo({"a": A, "b": B}, HOURLY, 2000)
    assert a.reading.tput_per_gpu == 500
    assert a.usd_per_mtok == pytest.approx(1.8 / 1.8)
    assert b.reading.tput_per_gpu is None
    assert b.usd_per_mtok is None


def test_equal_budget_buys_whole_replicas() -> None:
    # A replica has 12 GPUs: 21.6 and 43.2 USD an hour.
    a, b = equal_budget({"a": A, "b": B}, HOURLY, 40, 50)
    assert (a.gpus, a.total_tput) == (24, 24 * 750)
    assert (b.gpus, b.total_tput) == (12, 12 * 1500)
    assert equal_budget({"b": B}, HOURLY, 40, 40)[0].gpus == 0
    assert equal_budget({"b": B}, HOURLY, 99, 40)[0].gpus is None


def test_cost_splined_by_itself_is_another_curve_than_cost_from_throughput() -> None:
    front = front_of(A)
    # On a straight line the mean of both costs, against the cost of the mean throughput.
    assert spline_cost(front, 1.8, 40) == pytest.approx((1.8 / 3.6 + 1.8 / 1.8) / 2)
    assert spline_cost(front, 1.8, 20) == pytest.approx(1.8 / 3.6)
    with pytest.raises(ValueError, match="no extrapolation"):
        spline_cost(front, 1.8, 61)


def test_what_was_not_published_keeps_no_limit() -> None:
    silent = FrontierPoint(**(A[0].model_dump() | {"ttft_p99_ms": None, "tpot_p99_ms": None}))
    limit = OperatingPoint(name="s", slo=Slo(ttft_p99_ms=10_000))
    reading = read_at([silent], "a", limit)
    assert reading.tput_per_gpu is None
    assert reading.unreachable is not None
    assert "p99 TTFT not published" in reading.unreachable
    assert read_at([silent], "a", OperatingPoint(name="s", slo=Slo())).tput_per_gpu == 1000


def test_precisions_and_speculation_have_fronts_of_their_own() -> None:
    day = datetime.date(2026, 5, 27)
    points = [
        FrontierPoint(**(p.model_dump() | {"precision": precision, "speculation": speculation, "date": day}))
        for precision, speculation in (("fp4", "mtp"), ("fp8", "mtp"), ("fp8", "none"))
        for p in A
    ]
    fronts = fronts_of(points)
    assert list(fronts) == [("a", "fp4", "mtp"), ("a", "fp8", "mtp"), ("a", "fp8", "none")]
    assert all(len(front) == 2 for front in fronts.values())
    with pytest.raises(ValueError, match="precision"):
        front_of(points)
