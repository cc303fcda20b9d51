"""Requests for one token beside a load: how long a stranger's request waits while others are served."""

from __future__ import annotations

import numpy as np

from inferbench.loadgen.clock import LoopClock
from inferbench.loadgen.dispatcher import Dispatcher
from inferbench.loadgen.port import Target
from inferbench.metrics.request_counts import ProbeRequests
from inferbench.records.request_record import RequestRecord, StampedChunks, Status
from inferbench.scenario.scenario import Lengths
from inferbench.units import NS_PER_MS
from inferbench.workload.plan import Arrival, Plan
from inferbench.workload.planner import make_plan
from inferbench.workload.prompt_source import WARM_UP

MOST = 100_000
"""Probe requests of one load; there are no more after that many."""
ENDED = "the load has ended"


def probe_plan(rate: float, ignore_eos: bool) -> Plan:
    """Plan probe requests at `rate` requests/s: an open loop, so that those behind a stall wait in it as well."""
    one = Lengths(nominal=1, min=1, max=1)
    return make_plan(
        MOST, isl=one, osl=one, seed=0, salt=WARM_UP, max_concurrency=None, arrival=Arrival.CONSTANT, rate=rate,
        ignore_eos=ignore_eos,
    )  # fmt: skip


class Prober:
    """Sends a plan of probe requests on connections of their own, past the concurrency limit of the load."""

    def __init__(self, plan: Plan, rate: float, target: Target, clock: LoopClock) -> None:
        self._rate, self._target = rate, target
        self._records: list[RequestRecord] = []
        self._dispatcher = Dispatcher(plan, target, clock, self)

    async def open(self) -> None:
        """Open a connection. Raises EndpointError where none can be had."""
        await self._target.open(1)

    def begin(self) -> None:
        """Begin to send; due times count from the clock's time zero."""
        self._dispatcher.start()

    def end(self) -> ProbeRequests:
        """Send no more, give up those that are out, and say how long they all waited."""
        self._dispatcher.stop(ENDED)
        return summarised(self._records, self._rate)

    async def close(self) -> None:
        """Close the connections."""
        await self._target.close()

    def started(self, seq: int, slot_free_ns: int) -> None:
        """See `loadgen.port.Sink`."""

    def ended(self, record: RequestRecord) -> None:
        """See `loadgen.port.Sink`."""
        self._records.append(record)


def summarised(records: list[RequestRecord], rate: float) -> ProbeRequests:
    """Waits of probe requests, from sent to the last token."""
    done = [
        (record.chunks.times_ns[-1] - record.sent_ns) / NS_PER_MS
        for record in records
        if record.status is Status.OK and isinstance(record.chunks, StampedChunks) and record.sent_ns is not None
    ]
    out = [record for record in records if record.status is Status.CANCELLED]
    so_far = [(record.end_ns - record.sent_ns) / NS_PER_MS for record in out if record.sent_ns is not None]
    p50, p99 = (float(p) for p in np.percentile(done, (50, 99))) if done else (None, None)
    return ProbeRequests(
        rate=rate,
        completed=len(done),
        failed=len(records) - len(done) - len(out),
        unfinished=len(out),
        p50_ms=p50,
        p99_ms=p99,
        max_ms=max((*done, *so_far), default=None),
    )
