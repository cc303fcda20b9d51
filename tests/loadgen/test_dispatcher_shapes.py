"""Ramps, sessions, time limits and the sum of all records, on simulated time against closed forms."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferbench.errors import InferbenchError
from inferbench.loadgen.clock import VirtualClock
from inferbench.loadgen.dispatcher import Dispatcher, RunLimits, StopKind
from inferbench.loadgen.port import Done
from inferbench.records.request_record import RequestRecord, Status
from inferbench.workload.plan import Arrival, Plan, PlannedRequest
from inferbench.workload.shared_prefixes import Turns
from inferbench.workload.split_over_workers import split
from tests.support.dispatcher_rig import MS, Log, Server, plan


def drive(made: Plan, server: Server, clock: VirtualClock, limits: RunLimits | None = None) -> tuple[Dispatcher, Log]:
    log = Log()
    dispatcher = Dispatcher(made, server, clock, log, limits=limits)
    dispatcher.start()
    clock.run(lambda: dispatcher.finished)
    dispatcher.progress.check()
    return dispatcher, log


def test_slots_open_along_the_ramp() -> None:
    clock = VirtualClock()
    made = plan(100, 10, slot_ramp_s=0.1)
    _, log = drive(made, Server(clock, lambda _: 1000 * MS), clock)
    # Requests outlast the ramp, so the first ten leave as their slots open, 10 ms apart.
    assert [at for _, at in log.starts[:10]] == [i * 10 * MS for i in range(10)]
    assert [at for _, at in log.starts[10:20]] == [(1000 + i * 10) * MS for i in range(10)]


def test_a_slot_that_frees_during_the_ramp_is_used_again() -> None:
    clock = VirtualClock()
    made = plan(40, 4, slot_ramp_s=0.4)
    _, log = drive(made, Server(clock, lambda _: 50 * MS), clock)
    # One slot from 0, two from 100 ms, three from 200 ms: 2, 4, 6 requests in the first three tenths.
    assert [sum(100 * MS * i <= at < 100 * MS * (i + 1) for _, at in log.starts) for i in range(3)] == [2, 4, 6]


def test_turns_follow_each_other_after_the_think_time() -> None:
    clock = VirtualClock()
    made = plan(60, 4, turns=Turns(3, think_s=0.05))
    server = Server(clock, lambda request: (10 + request.seq % 7) * MS, status=lambda r: Status(r.seq % 5 == 1))
    _, log = drive(made, server, clock)
    start, end = dict(log.starts), {record.seq: record.end_ns for record in log.records}
    for session in range(20):
        rows = range(3 * session, 3 * session + 3)
        assert [start[b] for _, b in pairwise(rows)] == [end[a] + 50 * MS for a, _ in pairwise(rows)]
    assert any(record.status is Status.ERROR for record in log.records)  # a turn that failed is followed as well


def test_a_later_turn_with_a_time_of_its_own_is_due_then_or_when_the_turn_before_has_ended() -> None:
    clock = VirtualClock()
    made = plan(3, None, arrival=Arrival.CONSTANT, rate=1.0, turns=Turns(3, think_s=0.0))
    made = replace(made, planned_ns=np.array([0, 50 * MS, 60 * MS]))
    _, log = drive(made, Server(clock, lambda _: 20 * MS), clock)
    assert log.starts == [(0, 0), (1, 50 * MS), (2, 70 * MS)]
    assert [record.planned_ns for record in log.records] == [0, 50 * MS, 70 * MS]


def test_a_session_holds_its_slot_while_it_thinks() -> None:
    """C users who each wait s for an answer and think for z: at most C sessions, and C s / (s + z) in flight."""
    clock, serve, think = VirtualClock(), 20 * MS, 60 * MS
    made = plan(800, 8, turns=Turns(10, think_s=think / 1e9))
    _, log = drive(made, Server(clock, lambda _: serve), clock)
    start, end = dict(log.starts), {record.seq: record.end_ns for record in log.records}
    sessions = [(start[10 * k], end[10 * k + 9]) for k in range(80)]
    events = sorted([(a, 1) for a, _ in sessions] + [(b, -1) for _, b in sessions])
    assert max(np.cumsum([step for _, step in events])) == 8
    # 10 answers and 9 pauses make a session, and the next one takes its slot at once.
    assert clock.now_ns() == 800 // 8 // 10 * (10 * serve + 9 * think)


def test_in_an_open_loop_later_turns_are_due_after_their_pause() -> None:
    clock, due = VirtualClock(), {}

    class Noting(Server):
        def submit(self, request: PlannedRequest, slot_free_ns: int, done: Done) -> None:
            due[request.seq] = request.planned_ns
            super().submit(request, slot_free_ns, done)

    made = plan(30, None, arrival=Arrival.POISSON, rate=100.0, turns=Turns(2, think_s=0.01))
    _, log = drive(made, Noting(clock, lambda _: 5 * MS), clock)
    assert made.planned_ns is not None
    end = {record.seq: record.end_ns for record in log.records}
    for seq, at in log.starts:
        assert due[seq] == at == (made.planned_ns[seq] if seq % 2 == 0 else end[seq - 1] + 10 * MS)


@pytest.mark.parametrize(("grace_s", "cancelled"), [(0.015, 0), (0.004, 4), (0.0, 4)])
def test_a_duration_is_a_normal_end_with_grace(grace_s: float, cancelled: int) -> None:
    clock = VirtualClock()
    limits = RunLimits(duration_s=0.095, grace_s=grace_s)
    dispatcher, log = drive(plan(1000, 4), Server(clock, lambda _: 10 * MS), clock, limits)
    assert dispatcher.stop_reason == "0.095 s were over"
    assert dispatcher.stop_kind is StopKind.DURATION
    assert dispatcher.stop_kind.is_normal
    assert dispatcher.progress.by_status[Status.CANCELLED] == cancelled
    assert (dispatcher.progress.ended, dispatcher.progress.unsent) == (40, 960)
    assert max(at for _, at in log.starts) == 90 * MS
    assert clock.now_ns() == min(100 * MS, int((0.095 + grace_s) * 1e9))


def test_a_duration_that_the_plan_does_not_last_ends_nothing() -> None:
    clock = VirtualClock()
    dispatcher, _ = drive(plan(40, 4), Server(clock, lambda _: 10 * MS), clock, RunLimits(duration_s=60))
    assert (dispatcher.stop_reason, dispatcher.stop_kind, clock.now_ns()) == (None, None, 100 * MS)


def test_a_stop_during_the_grace_cuts_it_short() -> None:
    clock, log = VirtualClock(), Log()
    server = Server(clock, lambda _: 1000 * MS)
    dispatcher = Dispatcher(plan(50, 4), server, clock, log, limits=RunLimits(duration_s=0.1, grace_s=100))
    dispatcher.start()
    clock.call_at(300 * MS, lambda: dispatcher.stop("asked"))
    clock.run(lambda: dispatcher.finished)
    assert (dispatcher.stop_reason, dispatcher.stop_kind, clock.now_ns()) == ("asked", StopKind.ASKED, 300 * MS)
    assert dispatcher.stop_kind is not None
    assert not dispatcher.stop_kind.is_normal


def test_a_session_that_thinks_when_time_is_up_sends_no_more() -> None:
    clock = VirtualClock()
    made = plan(20, 2, turns=Turns(5, think_s=1.0))
    dispatcher, log = drive(made, Server(clock, lambda _: 10 * MS), clock, RunLimits(duration_s=0.5))
    assert (len(log.records), dispatcher.progress.unsent, clock.now_ns()) == (2, 18, 500 * MS)


def test_a_target_that_ends_a_request_twice_is_found_out() -> None:
    class Twice(Server):
        def submit(self, request: PlannedRequest, slot_free_ns: int, done: Done) -> None:
            def both(record: RequestRecord) -> None:
                done(record)
                done(replace(record, status=Status.ERROR))

            super().submit(request, slot_free_ns, both)

    clock, log = VirtualClock(), Log()
    dispatcher = Dispatcher(plan(10, 2), Twice(clock, lambda _: MS), clock, log)
    dispatcher.start()
    clock.run(lambda: dispatcher.finished)
    assert Counter(record.seq for record in log.records) == Counter(range(10))
    with pytest.raises(InferbenchError, match=r"do not add up: 10 planned, 10 ended, .* 10 ended that were not in"):
        dispatcher.progress.check()


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 60),
    concurrency=st.integers(1, 12),
    turns=st.integers(1, 4),
    ramp_ms=st.sampled_from([0, 30]),
    duration_ms=st.sampled_from([None, 20, 75]),
    workers=st.integers(1, 4),
)
def test_every_request_ends_once_or_is_unsent(
    n: int, concurrency: int, turns: int, ramp_ms: int, duration_ms: int | None, workers: int
) -> None:
    """Whatever the shape, and however it is split: planned = ended + unsent, and no number twice."""
    made = plan(n, concurrency, turns=Turns(turns, think_s=0.003), slot_ramp_s=ramp_ms / 1000)
    limits = RunLimits(duration_s=None if duration_ms is None else duration_ms / 1000, grace_s=0.005)
    ended: Counter[int] = Counter()
    unsent = 0
    for part in split(made, min(workers, concurrency)):
        clock = VirtualClock()
        server = Server(clock, lambda request: (1 + request.seed % 19) * MS)
        dispatcher, log = drive(part, server, clock, limits)
        assert server.most_at_once <= (part.max_concurrency or 0)
        ended.update(record.seq for record in log.records)
        unsent += dispatcher.progress.unsent
    assert ended.total() + unsent == n
    assert all(times == 1 for times in ended.values())
    assert duration_ms is not None or unsent == 0
