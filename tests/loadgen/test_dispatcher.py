"""The dispatcher on simulated time, against closed forms and against what can go wrong."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from inferbench.errors import InferbenchError, UsageError
from inferbench.loadgen.clock import VirtualClock
from inferbench.loadgen.dispatcher import Dispatcher, RunLimits
from inferbench.loadgen.driver import drive_virtual
from inferbench.loadgen.in_process_target import InProcessTarget
from inferbench.loadgen.port import Done
from inferbench.records.request_record import Status
from inferbench.scenario.scenario import Lengths
from inferbench.workload.plan import Arrival, PlannedRequest
from inferbench.workload.planner import make_plan
from tests.support.dispatcher_rig import MS, Log, Server, plan


def test_a_closed_loop_keeps_every_slot_busy() -> None:
    clock, log = VirtualClock(), Log()
    server = Server(clock, lambda request: (1 + request.seed % 97) * MS)
    made = plan(400, 16)
    drive_virtual(made, server, clock, log)
    assert server.most_at_once == 16
    assert [seq for seq, _ in log.starts] == list(range(400))
    assert sorted(r.seq for r in log.records) == list(range(400))
    # While requests are left, a slot that frees is filled at that very moment: 16 are in flight at all times.
    ends = sorted(r.end_ns for r in log.records)
    assert [at for _, at in log.starts[16:]] == ends[: 400 - 16]


def test_the_makespan_of_equal_requests_is_waves_times_service() -> None:
    clock, log = VirtualClock(), Log()
    drive_virtual(plan(100, 10), Server(clock, lambda _: 7 * MS), clock, log)
    assert clock.now_ns() == 10 * 7 * MS


def test_an_open_loop_sends_on_plan_whatever_the_server_does() -> None:
    clock, log = VirtualClock(), Log()
    made = plan(300, None, arrival=Arrival.POISSON, rate=1000.0)
    drive_virtual(made, Server(clock, lambda _: 500 * MS, servers=1), clock, log)
    assert made.planned_ns is not None
    assert [at for _, at in log.starts] == made.planned_ns.tolist()


def test_an_open_loop_with_a_limit_waits_for_a_slot_and_the_plan() -> None:
    clock, log = VirtualClock(), Log()
    made = plan(200, 4, arrival=Arrival.POISSON, rate=1000.0)
    server = Server(clock, lambda _: 10 * MS)
    drive_virtual(made, server, clock, log)
    assert made.planned_ns is not None
    assert server.most_at_once == 4
    starts = np.array([at for _, at in log.starts])
    assert np.all(starts >= made.planned_ns)
    assert np.any(starts > made.planned_ns)


def test_md1_waiting_time() -> None:
    """One server, Poisson arrivals, fixed service: mean wait = rho * s / (2 (1 - rho)) (Pollaczek-Khinchine)."""
    n, service_ms, rho = 60_000, 1.0, 0.6
    waits = []
    for seed in range(5):
        clock, log = VirtualClock(), Log()
        lengths = Lengths(nominal=1, min=1, max=1)
        made = make_plan(
            n, isl=lengths, osl=lengths, seed=seed, salt="md1", max_concurrency=None, arrival=Arrival.POISSON,
            rate=rho / (service_ms / 1000),
        )  # fmt: skip
        drive_virtual(made, Server(clock, lambda _: MS, servers=1), clock, log)
        waits.append(np.mean([(r.end_ns - r.slot_free_ns) / MS - service_ms for r in log.records]))
    expected = rho * service_ms / (2 * (1 - rho))
    # Five runs: their own spread gives the standard error; Student's t for 4 degrees at 99.9 % is 8.6.
    assert abs(np.mean(waits) - expected) < 8.6 * np.std(waits, ddof=1) / np.sqrt(5)
    assert np.std(waits, ddof=1) < 0.05 * expected


def test_a_target_that_ends_requests_at_once_does_not_recurse() -> None:
    clock, log = VirtualClock(), Log()
    drive_virtual(plan(50_000, 1), Server(clock, lambda _: 0), clock, log)
    assert len(log.records) == 50_000


def test_too_many_errors_stop_the_run_and_every_request_still_ends_once() -> None:
    clock, log = VirtualClock(), Log()
    server = Server(clock, lambda r: (1 + r.seq % 7) * MS, status=lambda r: Status.ERROR if r.seq > 60 else Status.OK)
    dispatcher = Dispatcher(plan(1000, 8), server, clock, log, limits=RunLimits(max_error_rate=0.1, min_ended=20))
    dispatcher.start()
    clock.run(lambda: dispatcher.finished)
    assert dispatcher.stop_reason is not None
    assert "of" in dispatcher.stop_reason
    assert "limit of 10%" in dispatcher.stop_reason
    assert sorted(r.seq for r in log.records) == sorted(seq for seq, _ in log.starts)
    assert dispatcher.progress.by_status[Status.CANCELLED] > 0
    assert len(log.records) < 100


def test_stop_cancels_what_is_in_flight_and_reports_once() -> None:
    clock, log, finished = VirtualClock(), Log(), []
    server = Server(clock, lambda _: 10 * MS)
    dispatcher = Dispatcher(plan(100, 8), server, clock, log, on_finished=lambda: finished.append(1))
    dispatcher.start()
    clock.call_at(25 * MS, lambda: dispatcher.stop("asked"))
    clock.call_at(26 * MS, lambda: dispatcher.stop("asked again"))
    clock.run(lambda: clock.now_ns() >= 26 * MS)
    assert (dispatcher.stop_reason, finished, dispatcher.finished) == ("asked", [1], True)
    assert [r.status for r in log.records].count(Status.CANCELLED) == 8
    assert dispatcher.progress.sent == 24


def test_a_closed_loop_without_a_limit_is_refused() -> None:
    clock = VirtualClock()
    with pytest.raises(UsageError, match="concurrency limit"):
        Dispatcher(plan(10, None), Server(clock, lambda _: MS), clock, Log())


def test_a_target_that_loses_a_request_is_a_fault_and_not_a_hang() -> None:
    class Black(InProcessTarget):
        def submit(self, request: PlannedRequest, slot_free_ns: int, done: Done) -> None: ...
        def cancel(self) -> None: ...

    with pytest.raises(InferbenchError, match="still in flight"):
        drive_virtual(plan(10, 2), Black(), VirtualClock(), Log())


def test_the_virtual_clock_runs_in_order_of_time_and_then_of_asking() -> None:
    clock, ran = VirtualClock(), []
    for when, name in [(5, "c"), (1, "a"), (5, "d"), (1, "b")]:
        clock.call_at(when, lambda name=name: ran.append((clock.now_ns(), name)))
    clock.call_at(-3, lambda: ran.append((clock.now_ns(), "past")))
    clock.run(lambda: len(ran) == 5)
    assert ran == [(0, "past"), (1, "a"), (1, "b"), (5, "c"), (5, "d")]
    assert all(a[0] <= b[0] for a, b in pairwise(ran))
