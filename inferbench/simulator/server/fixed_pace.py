"""A server of known pace: the ground truth that a client is checked against."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from functools import partial

from typing_extensions import override

from inferbench.loadgen.in_process_target import InProcessTarget
from inferbench.loadgen.port import Clock, Done
from inferbench.records.request_record import CountSource, RequestRecord, StampedChunks, Status
from inferbench.simulator.engine.streaming import OnChunk
from inferbench.workload.plan import PlannedRequest


@dataclass(slots=True, eq=False)
class _PacedStream:
    """One request that is being answered."""

    request: PlannedRequest
    slot_free_ns: int
    submitted_ns: int
    done: Done
    times_ns: list[int] = field(default_factory=list)


class FixedPace(InProcessTarget):
    """Answers every request with the first token `ttft_ns` after it came and one more every `tpot_ns`.

    Due times are absolute, so lateness never adds up. Tokens wait in one heap behind one callback of the clock:
    a timer per stream would cost more than the tokens. `grain_ns` is the least time between two such callbacks:
    an event loop cannot wait for less than a millisecond, and spins where it is asked to.
    """

    def __init__(
        self, ttft_ns: int, tpot_ns: int, clock: Clock, on_chunk: OnChunk | None = None, *, grain_ns: int = 0
    ) -> None:
        self._ttft_ns = ttft_ns
        self._tpot_ns = tpot_ns
        self._clock = clock
        self._on_chunk = on_chunk
        self._grain_ns = grain_ns
        self._due: list[tuple[int, int, _PacedStream]] = []
        self._count = 0  # equal due times go in the order in which they arose
        self._wake_ns: int | None = None

    @override
    def submit(self, request: PlannedRequest, slot_free_ns: int, done: Done) -> None:
        now_ns = self._clock.now_ns()
        self._push(now_ns + self._ttft_ns, _PacedStream(request, slot_free_ns, now_ns, done))
        self._wake_at_first()

    @override
    def cancel(self) -> None:
        cancelled, self._due = self._due, []
        now_ns = self._clock.now_ns()
        for _, _, stream in sorted(cancelled, key=lambda entry: entry[2].request.seq):
            stream.done(_record(stream, Status.CANCELLED, now_ns))

    def _push(self, due_ns: int, stream: _PacedStream) -> None:
        self._count += 1
        heapq.heappush(self._due, (due_ns, self._count, stream))

    def _wake_at_first(self) -> None:
        """Ask the clock for a callback when the first token is due, unless one comes by then anyway."""
        if not self._due:
            return
        wake_ns = max(self._due[0][0], self._clock.now_ns() + self._grain_ns)
        if self._wake_ns is None or wake_ns < self._wake_ns:
            self._wake_ns = wake_ns
            self._clock.call_at(wake_ns, partial(self._wake, wake_ns))

    def _wake(self, wake_ns: int) -> None:
        """Send every token that is due by now."""
        if wake_ns != self._wake_ns:
            return  # another callback has taken the place of this one; a second chain of them would never end
        self._wake_ns = None
        now_ns = self._clock.now_ns()
        while self._due and self._due[0][0] <= now_ns:
            due_ns, _, stream = heapq.heappop(self._due)
            self._send(due_ns, stream)
        self._wake_at_first()

    def _send(self, due_ns: int, stream: _PacedStream) -> None:
        stream.times_ns.append(self._clock.now_ns())
        last = len(stream.times_ns) >= stream.request.osl
        if not last:
            self._push(due_ns + self._tpot_ns, stream)
        if self._on_chunk is not None:
            self._on_chunk(stream.request.seq, 1)
        if last:
            stream.done(_record(stream, Status.OK, stream.times_ns[-1]))


def _record(stream: _PacedStream, status: Status, end_ns: int) -> RequestRecord:
    request, times = stream.request, stream.times_ns
    return RequestRecord(
        seq=request.seq,
        status=status,
        error=None if status is Status.OK else "cancelled",
        isl=request.isl,
        isl_source=CountSource.SERVER,
        osl=len(times),
        osl_source=CountSource.SERVER,
        planned_ns=request.planned_ns,
        slot_free_ns=stream.slot_free_ns,
        connect_ns=None,
        sent_ns=stream.submitted_ns,
        first_byte_ns=times[0] if times else None,
        chunks=StampedChunks(times, [1] * len(times)) if times else None,
        end_ns=end_ns,
    )
