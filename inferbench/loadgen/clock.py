"""Two clocks behind one port: simulated time, and the event loop's."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable

from typing_extensions import override

from inferbench.errors import InferbenchError
from inferbench.loadgen.port import Clock
from inferbench.units import MS_PER_S, NS_PER_MS

Callback = Callable[[], None]


class VirtualClock(Clock):
    """Simulated time: it stands still while code runs, and jumps to the next callback when none does."""

    def __init__(self) -> None:
        self._now_ns = 0
        self._heap: list[tuple[int, int, Callback]] = []
        self._count = 0

    @override
    def now_ns(self) -> int:
        return self._now_ns

    @override
    def call_at(self, when_ns: int, callback: Callback) -> None:
        self._count += 1  # equal times run in the order in which they were asked for
        heapq.heappush(self._heap, (when_ns, self._count, callback))

    def run(self, finished: Callable[[], bool], watch: Callback | None = None, watch_every: int = 4096) -> None:
        """Run callbacks in order of time until `finished()`.

        `watch` is called every `watch_every` callbacks, to show progress. Raises InferbenchError where nothing
        is left to run and `finished()` is still false: a target lost a request.
        """
        heap, pop, steps = self._heap, heapq.heappop, 0
        while not finished():
            if not heap:
                raise InferbenchError("the simulation has nothing left to do and requests are still in flight")
            when, _, callback = pop(heap)
            if when > self._now_ns:
                self._now_ns = when
            callback()
            steps += 1
            if watch is not None and steps % watch_every == 0:
                watch()


class LoopClock(Clock):
    """Real time on an asyncio event loop, from an origin set when the clock is made."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.origin_ns = time.monotonic_ns()
        """Time zero on CLOCK_MONOTONIC, ns."""

    @override
    def now_ns(self) -> int:
        return time.monotonic_ns() - self.origin_ns

    @override
    def call_at(self, when_ns: int, callback: Callback) -> None:
        # uvloop counts whole ms of CLOCK_MONOTONIC, so the wait is from the ms that it is in to the first one that
        # begins after `when_ns`. A timer that fired early would have its callback ask for another, and so on.
        now_ms = time.monotonic_ns() // NS_PER_MS
        due_ms = -(-(when_ns + self.origin_ns) // NS_PER_MS)
        self._loop.call_later(max(0, due_ms - now_ms) / MS_PER_S, callback)
