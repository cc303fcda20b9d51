"""Metrics against hand-worked figures, a plain re-computation, and closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferbench.arrays import NEVER
from inferbench.metrics.percentiles import QUANTILES, distribution
from inferbench.metrics.summarise import summarise
from inferbench.metrics.summary import Basis, ClientHealth, EnergySummary, Origin, SweepPoint
from inferbench.metrics.ttft_tpot import latencies
from inferbench.records.columns import Records, StampedColumn
from inferbench.records.request_record import Status
from inferbench.workload.plan import Arrival, Plan

MS = 1_000_000
POINT = SweepPoint(deployment="d", topology="t", concurrency=2, prefill_gpus=4, decode_gpus=12)


def plan(n: int, concurrency: int | None = 2, arrival: Arrival = Arrival.CLOSED) -> Plan:
    zeros = np.zeros(n, dtype=np.int64)
    return Plan(0, arrival, concurrency, zeros, zeros, zeros, zeros if arrival.is_open else None, True, "", "hash")


def records(*rows: tuple[int, list[tuple[int, int]]], status: list[Status] | None = None, isl: int = 100) -> Records:
    """Rows of (sent, chunks as (time, tokens)), ms."""
    n = len(rows)
    sizes = [len(chunks) for _, chunks in rows]
    times = np.array([t * MS for _, chunks in rows for t, _ in chunks], dtype=np.int64)
    tokens = np.array([k for _, chunks in rows for _, k in chunks], dtype=np.int64)
    column = StampedColumn(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), times, tokens)
    sent = np.array([s * MS for s, _ in rows], dtype=np.int64)
    never = np.full(n, NEVER)
    return Records(
        seq=np.arange(n), status=np.array(status or [Status.OK] * n, dtype=np.int64), isl=np.full(n, isl),
        osl=np.array([sum(k for _, k in chunks) for _, chunks in rows]), osl_source=np.zeros(n, dtype=np.int64),
        planned_ns=sent - 5 * MS, slot_free_ns=sent - 2 * MS, connect_ns=never, sent_ns=sent, first_byte_ns=never,
        end_ns=np.where(column.last_ns == NEVER, sent, column.last_ns), answer_ns=never, first_late_ns=never,
        last_late_ns=never, cached_tokens=never, accepted_tokens=never, attempts=np.ones(n, dtype=np.int64),
        client_worker=np.zeros(n, dtype=np.int64), chunks=column, errors=[None] * n,
    )  # fmt: skip


def test_one_request_by_hand() -> None:
    # Sent at 10; 2 tokens at 110, 3 at 170, 1 at 180. E2EL 170, TTFT 100, TPOT (170 - 100)/(6 - 2) = 17.5.
    made = records((10, [(110, 2), (170, 3), (180, 1)]))
    run = summarise(made, plan(1, 1), POINT, Origin.MEASURED).whole_run
    assert run is not None
    assert run.ttft_ms is not None
    assert run.tpot_ms is not None
    assert run.itl_ms is not None
    assert run.e2el_ms is not None
    assert run.ttft_queued_ms is not None
    assert (run.ttft_ms.p50, run.e2el_ms.p50, run.tpot_ms.p50) == (100, 170, 17.5)
    assert run.ttft_queued_ms.p50 == 102
    assert (run.itl_ms.n, run.itl_ms.mean) == (4, (3 * 20 + 10) / 4)
    assert run.interactivity_p50 == 1000 / 17.5
    # 106 tokens in 170 ms on 16 GPUs.
    assert run.throughput.total_tput == pytest.approx(106 / 0.17)
    assert run.throughput.tput_per_gpu == pytest.approx(106 / 0.17 / 16)
    assert run.throughput.in_flight_mean == pytest.approx(1.0)


def test_an_open_loop_counts_from_plan() -> None:
    made = records((10, [(110, 1), (120, 1)]))
    run = summarise(made, plan(1, None, Arrival.POISSON), POINT, Origin.MEASURED).whole_run
    assert run is not None
    assert run.ttft_ms is not None
    assert run.e2el_ms is not None
    assert run.ttft_queued_ms is not None
    # Due at 5, though its slot was free at 8 and it was sent at 10 only.
    assert (run.ttft_ms.p50, run.e2el_ms.p50, run.ttft_queued_ms.p50) == (105, 115, 105)
    assert run.begin_ns == 5 * MS


@pytest.mark.parametrize(("gap_ms", "interactivity"), [(0.5, 2000), (1, 1000), (40, 25), (0, None)])
def test_interactivity_is_the_inverse_of_tpot_below_a_millisecond_too(gap_ms: float, interactivity: float) -> None:
    made = records((0, [(100, 1), (100 + gap_ms, 1)]))  # type: ignore[list-item]
    run = summarise(made, plan(1, 1), POINT, Origin.MEASURED).whole_run
    assert run is not None
    assert run.interactivity_p50 == interactivity


def test_tpot_needs_a_token_after_the_first_chunk() -> None:
    run = summarise(records((0, [(50, 4)])), plan(1, 1), POINT, Origin.MEASURED).whole_run
    assert run is not None
    assert run.tpot_ms is None
    assert run.itl_ms is None
    assert run.interactivity_p50 is None


def test_requests_that_failed_count_as_such_and_in_no_latency() -> None:
    good, bad = (0, [(100, 1), (200, 1)]), (0, [(900, 1), (5000, 1)])
    made = records(good, bad, (0, []), status=[Status.OK, Status.ERROR, Status.REFUSED])
    summary = summarise(made, plan(5), POINT, Origin.MEASURED, partial=True)
    assert summary.counts.model_dump() == {
        "planned": 5, "ok": 1, "error": 1, "timeout": 0, "cancelled": 0, "refused": 1, "unsent": 2,
            "retried": 0, "retries": 0,
    }  # fmt: skip
    assert summary.whole_run is not None
    assert summary.whole_run.e2el_ms is not None
    assert summary.whole_run.e2el_ms.n == 1
    assert summary.whole_run.throughput.seconds == 0.2


def test_nothing_succeeded_gives_no_figures_and_no_crash() -> None:
    made = records((0, []), (0, []), status=[Status.TIMEOUT, Status.ERROR])
    summary = summarise(made, plan(2), POINT, Origin.MEASURED)
    assert summary.whole_run is None
    assert summary.window is None
    assert summary.window_reason == "no request succeeded"


def fixed_pace(n: int, concurrency: int, ttft: int, tpot: int, osl: int) -> Records:
    """A closed loop against a server of fixed pace: request k starts when request k - concurrency ends."""
    length = ttft + (osl - 1) * tpot
    rows = []
    for k in range(n):
        start = (k // concurrency) * length + (k % concurrency)  # one ms apart, so that no two coincide
        rows.append((start, [(start + ttft + i * tpot, 1) for i in range(osl)]))
    return records(*rows)


def test_the_window_of_a_fixed_pace_is_its_closed_form() -> None:
    n, c, ttft, tpot, osl = 120, 6, 200, 10, 51
    made = fixed_pace(n, c, ttft, tpot, osl)
    point = POINT.model_copy(update={"concurrency": c})
    summary = summarise(made, plan(n, c), point, Origin.MEASURED)
    length = (ttft + (osl - 1) * tpot) / 1000
    assert summary.window is not None, summary.window_reason
    window = summary.window.throughput
    # 18 whole waves: every slot makes osl tokens per `length`; edges fall within one token of each stream.
    assert window.output_tput == pytest.approx(c * osl / length, rel=2 / (18 * osl))
    assert window.in_flight_mean == pytest.approx(c, rel=0.002)
    # Little's law over the window: in flight = request rate x time in the system.
    assert window.request_tput * length == pytest.approx(window.in_flight_mean, rel=0.06)
    assert summary.whole_run is not None
    # The whole run holds the ramp and drain as well, so its throughput can only be lower.
    assert summary.whole_run.throughput.output_tput <= window.output_tput
    assert summary.window.basis is Basis.WINDOW


def test_a_trend_is_no_steady_state() -> None:
    rows, start = [], 0
    for k in range(60):  # one stream, each request slower than the one before
        rows.append((start, [(start + 10 + i * (1 + k), 1) for i in range(20)]))
        start = rows[-1][1][-1][0]
    summary = summarise(records(*rows), plan(60, 1), POINT, Origin.MEASURED)
    assert summary.window is None
    assert summary.window_reason is not None
    assert "still changed by -" in summary.window_reason


def test_too_few_requests_are_no_steady_state() -> None:
    summary = summarise(fixed_pace(8, 4, 10, 1, 5), plan(8, 4), POINT, Origin.MEASURED)
    assert summary.window_reason == "8 requests are too few for a steady state of 4 streams"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e6), st.integers(1, 5)), min_size=1, max_size=40))
def test_weighted_quantiles_are_numpys_over_the_repeated_values(pairs: list[tuple[float, int]]) -> None:
    values, counts = np.array([v for v, _ in pairs]), np.array([c for _, c in pairs])
    found, whole = distribution(values, counts), np.repeat(values, counts)
    assert found is not None
    assert found.n == len(whole)
    assert (found.mean, found.std) == (pytest.approx(whole.mean()), pytest.approx(whole.std(), abs=1e-6))
    expected = np.percentile(whole, [100 * q for q in QUANTILES])
    assert [found.p50, found.p90, found.p95, found.p99, found.p999] == pytest.approx(expected.tolist())


def test_nan_is_no_value() -> None:
    assert distribution(np.array([math.nan])) is None
    found = distribution(np.array([math.nan, 3.0]))
    assert found is not None
    assert (found.n, found.p50) == (1, 3.0)


def test_requests_that_failed_have_no_latency_and_those_of_one_token_no_tpot() -> None:
    made = records(
        (0, [(100, 1), (200, 1)]), (0, [(100, 3)]), (0, [(100, 3), (200, 0)]), (0, [(100, 1), (200, 1)]),
        status=[Status.OK, Status.OK, Status.OK, Status.TIMEOUT],
    )  # fmt: skip
    found = latencies(made, Arrival.CLOSED)
    nan = math.nan
    np.testing.assert_array_equal(found.ttft, [100, 100, 100, nan])
    np.testing.assert_array_equal(found.ttft_queued, [102, 102, 102, nan])
    np.testing.assert_array_equal(found.e2el, [200, 100, 200, nan])
    np.testing.assert_array_equal(found.tpot, [100, nan, nan, nan])
    np.testing.assert_array_equal(found.ok, [True, True, True, False])


def test_what_else_is_known_of_a_point_stands_in_its_summary() -> None:
    made = records((0, [(100, 1), (300, 1)]), (0, [(100, 3)]), (0, []), status=[Status.OK, Status.OK, Status.ERROR])
    made = replace(made, errors=[None, None, "HTTP 500"], isl=np.array([10, 30, 99]))
    client = ClientHealth(valid=True)
    energy = EnergySummary(
        origin=Origin.MEASURED, source="a meter", joules_total=3.0, joules_per_output_token=1.0,
        mean_power_w_per_gpu=None, valid=True,
    )  # fmt: skip
    found = summarise(made, plan(3), POINT, Origin.MEASURED, client=client, energy=energy)
    assert (found.client, found.energy, found.partial, found.prompt_hash) == (client, energy, False, "hash")
    assert [(one.kind, one.n) for one in found.failures] == [("HTTP 500", 1)]
    assert (found.isl_mean, found.osl_mean, found.point, found.origin) == (20, 2.5, POINT, Origin.MEASURED)
    nothing = summarise(records((0, []), status=[Status.ERROR]), plan(1), POINT, Origin.MEASURED)
    assert (nothing.isl_mean, nothing.osl_mean, nothing.client, nothing.energy) == (0, 0, None, None)
