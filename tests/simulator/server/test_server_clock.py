"""The clock that follows real time: what is late is the sending, never the schedule."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

import pytest
import uvloop

from inferbench.simulator.server.realtime_clock import FollowingClock

MS = 1_000_000


def on_a_loop(scale: float, work: Callable[[FollowingClock, asyncio.Future[None]], None]) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        finished: asyncio.Future[None] = loop.create_future()
        work(FollowingClock(loop, scale), finished)
        await asyncio.wait_for(finished, 30)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_lateness_does_not_add_up_and_nothing_is_early(scale: float):
    seen: list[int] = []

    def work(clock: FollowingClock, finished: asyncio.Future[None]) -> None:
        def tick() -> None:
            assert time.monotonic_ns() >= clock.monotonic_of(clock.now_ns())
            seen.append(clock.now_ns())
            if len(seen) == 10:
                time.sleep(0.03)  # the loop is held up, for longer than several ticks
            if len(seen) < 40:
                clock.call_at(clock.now_ns() + MS, tick)
            else:
                finished.set_result(None)

        clock.call_at(MS, tick)

    on_a_loop(scale, work)
    assert seen == [MS * n for n in range(1, 41)]


def test_what_was_due_before_an_arrival_runs_before_it():
    seen: list[tuple[str, int]] = []

    def work(clock: FollowingClock, finished: asyncio.Future[None]) -> None:
        def note(name: str) -> None:
            seen.append((name, clock.now_ns()))

        for name, when in (("b", 3 * MS), ("a", 2 * MS), ("late", 9 * MS)):
            clock.call_at(when, partial(note, name))
        clock.advance(clock.monotonic_of(5 * MS))
        note("arrival")
        clock.advance(clock.monotonic_of(4 * MS))  # one that came earlier is looked at later: time does not go back
        note("another")
        clock.call_at(10 * MS, partial(finished.set_result, None))

    on_a_loop(1.0, work)
    assert seen == [("a", 2 * MS), ("b", 3 * MS), ("arrival", 5 * MS), ("another", 5 * MS), ("late", 9 * MS)]


def test_an_earlier_callback_asked_for_later_comes_first():
    seen: list[str] = []

    def work(clock: FollowingClock, finished: asyncio.Future[None]) -> None:
        def end() -> None:
            seen.append("far")
            finished.set_result(None)

        clock.call_at(60 * MS, end)
        clock.call_at(MS, partial(seen.append, "near"))

    on_a_loop(1.0, work)
    assert seen == ["near", "far"]
