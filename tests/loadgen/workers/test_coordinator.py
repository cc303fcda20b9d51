"""What is said between workers and who started them, where real ones would take chance to get there."""

from __future__ import annotations

import asyncio
import time

import pytest

from inferbench.errors import EndpointError, InferbenchError
from inferbench.loadgen.driver import Driven
from inferbench.loadgen.progress import Progress, StopKind
from inferbench.loadgen.workers.clock_sync import Alignment
from inferbench.loadgen.workers.coordinator import (
    Begin,
    Command,
    Failed,
    Message,
    Ready,
    Stop,
    Together,
    WorkerLostError,
    drive_together,
)
from inferbench.records.request_record import Status


def progress(ended: int, in_flight: int = 0, planned: int = 10) -> Progress:
    made = Progress(planned, sent=ended + in_flight, ended=ended, in_flight=in_flight, tokens=3 * ended)
    made.by_status[Status.OK] = ended
    return made


class Scripted:
    """A worker that says what it is told to: Ready, then after Begin the rest; an error is its end.

    Where `obeys`, it waits for Stop before its last message.
    """

    def __init__(self, *script: Message | InferbenchError, offsets: tuple[int, int] = (0, 0), obeys: bool = False):
        self.script = list(script)
        self.offsets = list(offsets)
        self.told: list[Command] = []
        self.obeys = obeys
        self.closed = False
        self.ready = False
        self.news = asyncio.Event()

    async def receive(self) -> Message:
        message = self.script.pop(0)
        while self.ready and not self.told:
            await self.wait()
        self.ready = True
        while self.obeys and isinstance(message, Driven) and not isinstance(self.told[-1], Stop):
            await self.wait()
        if isinstance(message, InferbenchError):
            raise message
        return message

    async def wait(self) -> None:
        self.news.clear()
        await self.news.wait()

    def send(self, command: Command) -> None:
        self.told.append(command)
        self.news.set()

    async def align(self) -> Alignment:
        return Alignment(self.offsets.pop(0), 20_000)

    async def close(self) -> None:
        self.closed = True


def together(*workers: Scripted, watched: list[Progress] | None = None) -> Together:
    async def drive() -> Together:
        watch = None if watched is None else lambda p, _: watched.append(p)
        return await asyncio.wait_for(drive_together(workers, watch), 5)

    try:
        return asyncio.run(drive())
    finally:
        assert all(worker.closed for worker in workers)


def test_all_begin_at_one_time_each_on_its_own_clock() -> None:
    here, there = 0, 5_000_000_000
    workers = [
        Scripted(Ready(), Driven(progress(10)), offsets=(here, here)),
        Scripted(Ready(), Driven(progress(10)), offsets=(there, there + 3_000)),
    ]
    before = time.monotonic_ns()
    done = together(*workers)
    first, second = (worker.told[0] for worker in workers)
    assert isinstance(first, Begin)
    assert isinstance(second, Begin)
    assert second.origin_ns - first.origin_ns == there
    assert before < first.origin_ns == done.anchor.monotonic_ns
    assert done.clock_residual_ns == 20_000 + 3_000


def test_progress_and_results_add_up() -> None:
    watched: list[Progress] = []
    done = together(
        Scripted(Ready(), progress(1, 2), Driven(progress(10), None, None, [1.0], 0.5, 3)),
        Scripted(Ready(), progress(4, 1), Driven(progress(10), None, None, [2.0, 3.0], 0.25, 9)),
        watched=watched,
    )
    assert (watched[0].planned, watched[0].sent) == (10, 3)
    assert (watched[-1].planned, watched[-1].sent) == (20, 15)  # the first had ended when the second spoke
    assert (done.driven.progress.planned, done.driven.progress.ended, done.driven.progress.tokens) == (20, 20, 60)
    assert done.driven.progress.by_status[Status.OK] == 20
    assert sorted(done.driven.loop_lags_ms) == [1.0, 2.0, 3.0]
    assert (done.driven.backlog_max, done.driven.cpu_share, done.cpu_shares) == (9, 0.75, (0.5, 0.25))
    assert (done.driven.stop_reason, done.lost) == (None, ())


def test_what_stops_one_stops_all() -> None:
    other = Scripted(Ready(), Driven(progress(4), "40 of 50 failed", StopKind.ASKED), obeys=True)
    done = together(Scripted(Ready(), Driven(progress(6), "40 of 50 failed", StopKind.ERRORS)), other)
    assert other.told[1:] == [Stop("40 of 50 failed")]
    assert (done.driven.stop_reason, done.driven.stop_kind) == ("40 of 50 failed", StopKind.ERRORS)


def test_a_time_that_is_up_stops_nobody_else() -> None:
    other = Scripted(Ready(), Driven(progress(4), "2 s were over", StopKind.DURATION))
    done = together(Scripted(Ready(), Driven(progress(6), "2 s were over", StopKind.DURATION)), other)
    assert len(other.told) == 1
    assert done.driven.stop_kind is StopKind.DURATION


def test_a_worker_that_is_lost_leaves_the_others_to_go_on() -> None:
    gone = Scripted(Ready(), progress(3, 4), WorkerLostError("worker 1 was killed by SIGKILL"))
    other = Scripted(Ready(), progress(2, 1), Driven(progress(10)))
    done = together(other, gone)
    assert len(other.told) == 1
    assert (done.driven.stop_reason, done.driven.stop_kind) == ("worker 1 was killed by SIGKILL", StopKind.LOST)
    assert done.lost == ("worker 1 was killed by SIGKILL",)
    total = done.driven.progress
    assert (total.planned, total.ended, total.in_flight, total.unsent) == (20, 17, 0, 3)
    assert total.by_status[Status.CANCELLED] == 4
    total.check()


def test_a_worker_that_is_lost_or_fails_before_the_load_ends_it() -> None:
    other = Scripted(Ready())
    with pytest.raises(WorkerLostError, match="worker 0 ended"):
        together(Scripted(WorkerLostError("worker 0 ended with exit code 1")), other)
    assert other.told == []
    with pytest.raises(EndpointError, match="cannot be reached"):
        together(Scripted(Failed(EndpointError("http://x cannot be reached"))), Scripted(Ready()))


def test_a_worker_that_fails_later_stops_the_others_before_its_error_is_raised() -> None:
    other = Scripted(Ready(), Driven(progress(4), "disk full", StopKind.ASKED), obeys=True)
    with pytest.raises(EndpointError, match="disk full"):
        together(Scripted(Ready(), Failed(EndpointError("disk full"))), other)
    assert other.told[1:] == [Stop("disk full")]
    assert other.script == []
