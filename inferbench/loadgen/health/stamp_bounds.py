"""By at most how much a stamp can be later than the arrival that it stands for.

An event loop polls its sockets, then runs the callbacks of what has come, and polls again: one turn. What is read
in a turn was not there when the poll before returned, or it would have been read then. And nothing comes while a
poll sleeps but what ends its sleep. So since an arrival the loop's thread has not slept: a stamp is late at most by
the time that the thread has spent otherwise since the poll before, which is its CPU time and its time in the
scheduler's queue. The kernel tells both (the second in `schedstat`, Linux only; elsewhere it passes as sleep).

uvloop has no hook around its poll, and none is needed: a `call_soon` from a read runs before the next poll, so where
it has run, a poll has been. To ask the kernel in every turn would cost as much as parsing what has come, so turns are
told apart no finer than QUANTUM_NS, which the bound then includes.

A callback that blocks without using the CPU (a disk, `time.sleep`) would pass as sleep, and so would a process that is
stopped (SIGSTOP, a frozen cgroup), which waits in no queue. A beat every 10 ms shows it: where it is overdue by more
than the thread was busy, the loop may not have polled since the last one. A loop that wakes up may run the late beat
before it polls (a stop ends a poll without an event), so such a beat leaves word for the turn after it: what is read
in that may have come at any time since the beat before.
"""

from __future__ import annotations

import asyncio
import os
import time
from array import array
from bisect import bisect_right

from inferbench.loadgen.clock import LoopClock
from inferbench.units import NS_PER_MS

QUANTUM_NS = NS_PER_MS // 2
BEAT_NS = 10 * NS_PER_MS
BEAT_LATE_NS = 3 * NS_PER_MS
"""A beat may come so late on a loop that is not blocked: its timers count whole ms, and a busy turn takes some."""
NOISE_NS = 50_000
"""Off the CPU for less than this, the thread has not slept."""

QUANTA_KEPT = 1 << 16
"""At least so many of the latest quanta are remembered: half a minute where one follows the other."""


class StampBounds:
    """Follows the turns of an event loop through the reads that it is told of.

    `now` is what a hot path looks at: until when the latest quantum lasts, on CLOCK_MONOTONIC, and its *floor*, on
    the run's clock: what is read in it came after that. A read that is stamped after the quantum calls `begin`.
    """

    def __init__(self, clock: LoopClock, loop: asyncio.AbstractEventLoop) -> None:
        self.now = [0, 0]
        self._begins, self._floors = array("q"), array("q")  # of the latest quanta, run's clock
        self._clock = clock
        self._loop = loop
        self._queue = _RunQueue()
        self._polled = True  # since the turn that the times below are of
        self._wall_ns, self._cpu_ns, self._waited_ns = time.monotonic_ns(), time.thread_time_ns(), 0
        self._beat_due_ns = self._beat_ns = self._wall_ns
        self._busy_ns = 0  # until that beat
        self._sure_ns = self._wall_ns  # the loop polled after that, and was not blocked just before
        self._stood_still = False  # before the last beat, and what was read in the turn after it is not judged yet
        self._running = False

    def start(self) -> None:
        """Begin to beat. Called from the thread of the loop."""
        self._running = True
        self._waited_ns = self._queue.waited_ns()
        self._busy_ns = time.thread_time_ns() + self._waited_ns
        self._beat_due_ns = self._beat_ns = time.monotonic_ns()
        self._beat()

    def stop(self) -> None:
        """Stop beating."""
        self._running = False
        self._queue.close()

    def stamp(self) -> tuple[int, int]:
        """Return the time on the run's clock, and by at most how much what is read now can have come before, ns."""
        now_ns = time.monotonic_ns()
        if now_ns > self.now[0]:
            self.begin(now_ns)
        now_ns -= self._clock.origin_ns
        return now_ns, now_ns - self.now[1]

    def late_by(self, stamp_ns: int) -> int:
        """Return by at most how much a stamp of the run's clock can be late, ns. It must be of a read that was told of.

        That of a quantum that is no longer remembered may be as late as anything since the run's zero.
        """
        quantum = bisect_right(self._begins, stamp_ns) - 1
        return stamp_ns - (self._floors[quantum] if quantum >= 0 else 0)

    def begin(self, now_ns: int) -> None:
        """Begin a quantum with a read that was stamped `now_ns` on CLOCK_MONOTONIC."""
        if self._polled:
            cpu_ns = time.thread_time_ns()
            not_slept_ns = self._not_slept_ns(now_ns, cpu_ns)
            floor_ns = now_ns - not_slept_ns - QUANTUM_NS
            overdue = self._running and now_ns - self._beat_due_ns - BEAT_LATE_NS > not_slept_ns
            if overdue or self._stood_still:
                floor_ns = min(floor_ns, self._sure_ns)
                self._stood_still = False
            self.now[1] = max(self.now[1], floor_ns - self._clock.origin_ns)
            self._wall_ns, self._cpu_ns = now_ns, cpu_ns
            self._polled = False
            self._loop.call_soon(self._before_poll)
        self.now[0] = now_ns + QUANTUM_NS
        self._begins.append(now_ns - self._clock.origin_ns)
        self._floors.append(self.now[1])
        if len(self._begins) >= 2 * QUANTA_KEPT:
            del self._begins[:QUANTA_KEPT], self._floors[:QUANTA_KEPT]

    def _not_slept_ns(self, now_ns: int, cpu_ns: int) -> int:
        passed_ns, used_ns = now_ns - self._wall_ns, cpu_ns - self._cpu_ns
        if passed_ns - used_ns < NOISE_NS:
            return passed_ns
        before_ns, self._waited_ns = self._waited_ns, self._queue.waited_ns()
        return min(passed_ns, used_ns + self._waited_ns - before_ns)

    def _before_poll(self) -> None:
        self._polled = True

    def _beat(self) -> None:
        if not self._running:
            return
        now_ns, cpu_ns, waited_ns = time.monotonic_ns(), time.thread_time_ns(), self._queue.waited_ns()
        busy_ns, self._busy_ns = cpu_ns + waited_ns - self._busy_ns, cpu_ns + waited_ns
        late_ns = now_ns - self._beat_due_ns - BEAT_LATE_NS
        if late_ns <= 0:
            self._sure_ns, self._stood_still = now_ns, False
            if self._polled:  # and again just now, to get here: what will be read had not come
                self._wall_ns, self._cpu_ns, self._waited_ns = now_ns, cpu_ns, waited_ns
        elif not self._stood_still:  # else what that is about is older still
            self._sure_ns, self._stood_still = self._beat_ns, late_ns > busy_ns
        self._beat_ns = now_ns
        self._beat_due_ns = now_ns + BEAT_NS
        self._clock.call_at(self._beat_due_ns - self._clock.origin_ns, self._beat)


class _RunQueue:
    """How long the calling thread has waited for a CPU while it could have run (Linux; never, elsewhere)."""

    def __init__(self) -> None:
        try:
            self._file = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._file = -1

    def waited_ns(self) -> int:
        """Return the time waited since the thread began."""
        if self._file < 0:
            return 0
        # "time on the CPU, time in the queue, time slices", the first two in ns.
        return int(os.pread(self._file, 100, 0).split()[1])

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1
