"""How the client itself is doing while it drives a load."""

from __future__ import annotations

import time
from collections.abc import Callable

from inferbench.loadgen.port import Clock
from inferbench.units import NS_PER_MS

BEAT_NS = 20 * NS_PER_MS


class LoopWatch:
    """Asks the event loop for a call every 20 ms and notes how late each one comes.

    How late stamps are is not judged by this, since every stamp has a bound of its own: it shows what the client's
    trouble was. `backlog` is the target's.
    """

    def __init__(self, clock: Clock, backlog: Callable[[], int]) -> None:
        self._clock = clock
        self._backlog = backlog
        self._due = 0
        self._running = False
        self._began = (0.0, 0.0)
        self.lags_ms: list[float] = []
        self.cpu_share = 0.0
        """CPU time of this process over wall time, from start to stop."""
        self.backlog_max = 0

    def start(self) -> None:
        """Begin to watch."""
        self._running = True
        self._began = (time.monotonic(), time.process_time())
        self._due = self._clock.now_ns() + BEAT_NS
        self._clock.call_at(self._due, self._beat)

    def stop(self) -> None:
        """Stop watching."""
        self._running = False
        wall, cpu = self._began
        self.cpu_share = (time.process_time() - cpu) / max(time.monotonic() - wall, 1e-9)

    def _beat(self) -> None:
        if not self._running:
            return
        now = self._clock.now_ns()
        self.lags_ms.append((now - self._due) / NS_PER_MS)
        self.backlog_max = max(self.backlog_max, self._backlog())
        self._due = max(self._due, now - BEAT_NS) + BEAT_NS  # after a stall: one late beat, not a burst of them
        self._clock.call_at(self._due, self._beat)
