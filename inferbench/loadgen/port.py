"""The ports of the load generator: what it needs of a target, of a clock, and of whoever keeps the records.

All three are called from one thread and never block, so that the same dispatcher drives a simulation on a
virtual clock and sockets on a real one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from inferbench.records.columns import Ints
from inferbench.records.request_record import RequestRecord
from inferbench.workload.plan import PlannedRequest

Done = Callable[[RequestRecord], None]


class Clock(Protocol):
    """Time in ns since the start of the run, and callbacks at given times."""

    def now_ns(self) -> int:
        """Return the time since the run's time zero."""

    def call_at(self, when_ns: int, callback: Callable[[], None]) -> None:
        """Call `callback` at `when_ns`, or as soon as possible where that is past."""


class Target(Protocol):
    """Something that answers requests: a real endpoint, or the twin."""

    def submit(self, request: PlannedRequest, slot_free_ns: int, done: Done) -> None:
        """Send a request now. `done` is called exactly once with its record, failures included."""

    def cancel_all(self) -> None:
        """End every request in flight as CANCELLED, calling its `done`."""

    def pass_times_ns(self) -> Sequence[Ints]:
        """Pass times per decode worker, for records that keep chunk times by reference; empty otherwise."""


class Sink(Protocol):
    """Keeps what happens, while it happens."""

    def started(self, seq: int, slot_free_ns: int) -> None:
        """A request is about to be sent."""

    def ended(self, record: RequestRecord) -> None:
        """A request has ended."""
