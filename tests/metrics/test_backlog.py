"""Open loops below and above what the server can do, on simulated time through the real dispatcher."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import linregress
from scipy.stats import t as student

from inferbench.arrays import NEVER
from inferbench.loadgen.clock import VirtualClock
from inferbench.loadgen.driver import drive_virtual
from inferbench.metrics.steady_state import growth
from inferbench.metrics.summarise import summarise
from inferbench.metrics.summary import Origin, PointSummary
from inferbench.records.columns import Records, StampedColumn
from inferbench.records.request_record import RequestRecord
from inferbench.scenario.scenario import Lengths
from inferbench.workload.arrivals import RampStrategy, RateRamp
from inferbench.workload.plan import Arrival, Plan
from inferbench.workload.planner import make_plan
from tests.metrics.test_summarise import POINT
from tests.support.dispatcher_rig import MS, Log, Server

ONE = Lengths(nominal=1, min=1, max=1)


def m_d_1(rho: float, n: int, seed: int, **more: object) -> tuple[PointSummary, Plan]:
    """Poisson arrivals at rho requests/ms, one server, 1 ms of service: its token comes at the end."""
    made = make_plan(
        n, isl=ONE, osl=ONE, seed=seed, salt="", arrival=Arrival.POISSON, rate=1000 * rho,
        **{"max_concurrency": None, **more},  # type: ignore[arg-type]
    )  # fmt: skip
    clock, log = VirtualClock(), Log()
    drive_virtual(made, Server(clock, lambda _: MS, servers=1), clock, log)
    return summarise(columns(log.records), made, POINT, Origin.SIMULATED), made


def columns(records: Sequence[RequestRecord]) -> Records:
    n = len(records)
    end = np.array([record.end_ns for record in records])
    ones, never = np.ones(n, dtype=np.int64), np.full(n, NEVER)
    free = np.array([record.slot_free_ns for record in records])
    return Records(
        seq=np.array([record.seq for record in records]), status=0 * ones, isl=ones, osl=ones, osl_source=0 * ones,
        planned_ns=np.array([record.planned_ns for record in records], dtype=np.int64), slot_free_ns=free,
        connect_ns=never, sent_ns=free, first_byte_ns=never, end_ns=end, answer_ns=never, first_late_ns=never,
        last_late_ns=never, cached_tokens=never, accepted_tokens=never, attempts=ones, client_worker=0 * ones,
        chunks=StampedColumn(np.arange(n + 1), end, ones), errors=[None] * n,
    )  # fmt: skip


@pytest.mark.parametrize("rho", [0.3, 0.7, 0.9])
def test_below_saturation_there_is_a_steady_state(rho: float) -> None:
    for seed in range(8):
        summary, _ = m_d_1(rho, 4000, seed)
        assert summary.window is not None, summary.window_reason
        assert summary.window.throughput.request_tput == pytest.approx(1000 * rho, rel=0.08)
        assert summary.window.ttft_ms is not None
        if rho < 0.9:  # Pollaczek-Khinchine, mean time in the system; nearer to saturation 4,000 requests vary more
            assert summary.window.ttft_ms.mean == pytest.approx(1 + rho / (2 * (1 - rho)), rel=0.25)


@pytest.mark.parametrize("rho", [1.1, 1.5, 3.0])
def test_above_saturation_the_backlog_grows_by_the_excess(rho: float) -> None:
    for seed in range(8):
        summary, _ = m_d_1(rho, 2000, seed)
        assert summary.window is None
        assert summary.window_reason is not None
        assert summary.window_reason.startswith("unstable: the backlog grows by ")
        rate = float(summary.window_reason.split()[5])
        # 2,000 Poisson arrivals are sure to 2.2 %; three of those.
        assert rate == pytest.approx(1000 * (rho - 1), abs=3 * 0.022 * 1000 * rho)


def test_a_limit_does_not_hide_the_backlog() -> None:
    summary, _ = m_d_1(1.5, 2000, 0, max_concurrency=4)
    assert summary.window_reason is not None
    assert summary.window_reason.startswith("unstable")


def test_a_rising_rate_is_no_steady_state() -> None:
    summary, _ = m_d_1(0.5, 4000, 0, rate_ramp=RateRamp(RampStrategy.LINEAR, 100.0, 900.0))
    assert summary.window_reason is not None
    assert "still changed by +" in summary.window_reason


def test_few_requests_are_no_steady_state() -> None:
    summary, _ = m_d_1(0.5, 90, 0)
    assert summary.window_reason is not None
    assert "too few" in summary.window_reason


def test_growth_by_hand() -> None:
    """100 arrivals a second of which 80 leave: requests end one by one, 12.5 ms apart."""
    start = np.arange(2000) * 10 * MS
    end = np.maximum(start + MS, (np.arange(2000) + 1) * 12_500_000)
    assert growth(start, end, 0, int(start[-1])) == pytest.approx(20, rel=0.001)
    assert growth(start, start + 500 * MS, 0, int(start[-1])) is None


def test_growth_of_less_than_a_fiftieth_of_the_arrivals_is_none_whenever_a_run_began() -> None:
    """100 arrivals a second, of which 98.5 or 97.5 leave."""
    start = np.arange(2000) * 10 * MS
    for leave, grows in ((98.5, None), (97.5, 2.5)):
        end = np.maximum(start + MS, ((np.arange(2000) + 1) * 1000 * MS / leave).astype(np.int64))
        for begin in (0, 100_000 * MS):
            found = growth(start + begin, end + begin, begin, begin + int(start[-1]))
            assert found == (None if grows is None else pytest.approx(grows, rel=0.01))


@pytest.mark.parametrize("unit", [1, MS])
def test_growth_is_a_regression_of_the_means_of_twelve_parts(unit: int) -> None:
    """Against scipy's regression, over a backlog that is counted one nanosecond, or millisecond, after the other."""
    for seed in range(150):
        rng = np.random.default_rng(seed)
        length = 13 * 50  # thirteen parts, of which the first is left out
        start = np.sort(rng.integers(0, length, 120))
        start[0] = 0
        end = start + rng.integers(1, 200, 120) + (start * (seed % 6) / 6).astype(np.int64)
        alive = ((start <= np.arange(length)[:, None]) & (end > np.arange(length)[:, None])).sum(axis=1)
        means, seconds = np.reshape(alive, (13, 50)).mean(axis=1)[1:], 50 * unit / 1e9
        line = linregress((np.arange(12) + 1.5) * seconds, means)
        lowest = line.slope - student.ppf(0.995, 10) * line.stderr
        found = growth(start * unit, end * unit, 0, length * unit)
        grows = lowest > 0.02 * 120 / (13 * seconds)
        assert found == (pytest.approx(line.slope) if grows else None), seed
