"""Simulated time that follows real time, so that a server's lateness never adds up."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable

from typing_extensions import override

from inferbench.loadgen.clock import LoopClock
from inferbench.loadgen.port import Clock
from inferbench.units import NS_PER_MS

TURN_NS = 2 * NS_PER_MS
"""Time that one turn of the loop may spend on callbacks, so that requests that come meanwhile are stamped in time."""


class FollowingClock(Clock):
    """Time since the start, stretched: one simulated second takes `scale` real ones.

    While a callback runs, it is the time at which it was due, however late the event loop came to it. A pass that
    ends late therefore does not make the next one begin late: the schedule is that of the virtual clock, and what
    is late is only the sending.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, scale: float = 1.0) -> None:
        self._loop, self._real, self._scale = loop, LoopClock(loop), scale
        self._now_ns = 0
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._wake_ns: int | None = None

    @override
    def now_ns(self) -> int:
        return self._now_ns

    @override
    def call_at(self, when_ns: int, callback: Callable[[], None]) -> None:
        self._count += 1  # equal times run in the order in which they were asked for
        heapq.heappush(self._heap, (when_ns, self._count, callback))
        self._arm()

    def advance(self, monotonic_ns: int) -> None:
        """Something came from outside at this time of CLOCK_MONOTONIC: what was due before it runs before it."""
        when_ns = int((monotonic_ns - self._real.origin_ns) / self._scale)
        while self._heap and self._heap[0][0] <= when_ns:
            self._run_first()
        self._now_ns = max(self._now_ns, when_ns)

    def monotonic_of(self, when_ns: int) -> int:
        """Return when a simulated time is due, CLOCK_MONOTONIC."""
        return self._real.origin_ns + round(when_ns * self._scale)

    def monotonic_now(self) -> int:
        """Return when the present was due, CLOCK_MONOTONIC: real time, or before it where the loop is late."""
        return self.monotonic_of(self._now_ns)

    def _arm(self) -> None:
        """Wake when the first callback is due, unless it has been asked for."""
        if self._heap and (self._wake_ns is None or self._heap[0][0] < self._wake_ns):
            self._wake_ns = self._heap[0][0]
            self._real.call_at(round(self._wake_ns * self._scale), self._wake)

    def _wake(self) -> None:
        self._wake_ns = None
        enough_ns = time.monotonic_ns() + TURN_NS
        while self._heap and self.monotonic_of(self._heap[0][0]) <= time.monotonic_ns() < enough_ns:
            self._run_first()
        self._arm()

    def _run_first(self) -> None:
        when_ns, _, callback = heapq.heappop(self._heap)
        self._now_ns = max(self._now_ns, when_ns)
        callback()
