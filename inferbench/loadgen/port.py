"""The ports of the load generator: what it needs of a target, of a clock, and of whoever keeps the records.

All are called from one thread and never block, so that the same dispatcher drives a simulation on a virtual clock and
sockets on a real one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

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
    """Something that answers requests: a real endpoint, or the twin.

    Who makes one opens it, has it driven, and closes it; one that is an `InProcessTarget` needs neither.
    """

    async def open(self, connections: int) -> None:
        """Be ready for so many requests at once. Raises EndpointError where it cannot be reached."""

    def submit(self, request: PlannedRequest, slot_free_ns: int, done: Done) -> None:
        """Send a request now. `done` is called exactly once with its record, failures included."""

    def cancel(self) -> None:
        """End every request in flight as CANCELLED, calling its `done`."""

    def backlog(self) -> int:
        """Answers that have come and wait to be looked at: work of the client, not of the server."""

    async def close(self) -> None:
        """Cancel what is in flight and let go of what `open` took."""


class Sink(Protocol):
    """Keeps what happens to requests, while it happens."""

    def started(self, seq: int, slot_free_ns: int) -> None:
        """A request is about to be sent."""

    def ended(self, record: RequestRecord) -> None:
        """A request has ended."""


class PassSink(Protocol):
    """Keeps when a simulated deployment's decode passes ended: records with chunk times by reference point there."""

    def decode_worker(self, index: int) -> Callable[[int], None]:
        """Decode worker `index` is there. What this returns is called with the time of each of its passes, ns.

        That is the time at which clients got the tokens of the pass; a worker's passes come in order.
        """
