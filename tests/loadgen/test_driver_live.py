"""Driving on real time: what must not happen is a request without an end."""

from __future__ import annotations

import asyncio

import pytest

from inferbench.loadgen.clock import LoopClock
from inferbench.loadgen.driver import INTERRUPTED, Driven, drive_live
from inferbench.loadgen.health.loop_lag import BEAT_NS
from inferbench.loadgen.in_process_target import InProcessTarget
from inferbench.loadgen.port import Done
from inferbench.loadgen.sinks import Discard
from inferbench.records.request_record import CountSource, RequestRecord, Status
from inferbench.scenario.scenario import Lengths
from inferbench.workload.plan import PlannedRequest
from inferbench.workload.planner import make_plan

N, STREAMS, SERVE_NS = 9, 3, 2 * BEAT_NS


class Server(InProcessTarget):
    """Serves each request for two beats; fails itself at request `faulty`."""

    def __init__(self, clock: LoopClock, faulty: int | None = None) -> None:
        self.clock, self.faulty = clock, faulty
        self.serving: dict[int, tuple[PlannedRequest, int, Done]] = {}

    def submit(self, request: PlannedRequest, slot_free_ns: int, done: Done) -> None:
        if request.seq == self.faulty:
            raise ZeroDivisionError("a fault of ours")
        self.serving[request.seq] = (request, slot_free_ns, done)
        self.clock.call_at(self.clock.now_ns() + SERVE_NS, lambda: self.end(request.seq, Status.OK))

    def end(self, seq: int, status: Status) -> None:
        if seq in self.serving:
            request, free, done = self.serving.pop(seq)
            done(
                RequestRecord(
                    seq, status, None, request.isl, CountSource.PLAN, request.osl, CountSource.PLAN, None, free, None,
                    free, None, None, self.clock.now_ns(),
                )
            )  # fmt: skip

    def cancel(self) -> None:
        for seq in list(self.serving):
            self.end(seq, Status.CANCELLED)

    def backlog(self) -> int:
        return 5


def drive(faulty: int | None = None, stop_after: int | None = None) -> Driven:
    one = Lengths(nominal=1, min=1, max=1)
    plan = make_plan(N, isl=one, osl=one, seed=0, salt="", max_concurrency=STREAMS)

    async def run() -> Driven:
        loop = asyncio.get_running_loop()
        clock, stop = LoopClock(loop), loop.create_future()
        if stop_after is not None:
            clock.call_at(stop_after, lambda: stop.set_result(INTERRUPTED))
        before = loop.get_exception_handler()
        try:
            return await asyncio.wait_for(drive_live(plan, Server(clock, faulty), clock, Discard(), stop=stop), 10)
        finally:
            assert loop.get_exception_handler() is before

    return asyncio.run(run())


def test_a_drive_ends_with_its_plan_and_watches_its_loop() -> None:
    done = drive()
    assert (done.progress.ended, done.stop_reason, done.stop_kind) == (N, None, None)
    assert done.loop_lags_ms
    assert done.backlog_max == 5


def test_a_stop_from_outside_cancels_what_is_in_flight() -> None:
    done = drive(stop_after=SERVE_NS + SERVE_NS // 2)
    assert (done.stop_reason, done.progress.by_status[Status.CANCELLED]) == (INTERRUPTED, STREAMS)
    assert done.progress.by_status[Status.OK] + done.progress.unsent == N - STREAMS


@pytest.mark.parametrize("faulty", [0, 4])
def test_a_fault_in_a_callback_is_raised_and_does_not_hang(faulty: int) -> None:
    with pytest.raises(ZeroDivisionError, match="a fault of ours"):
        drive(faulty)
