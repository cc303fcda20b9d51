"""Twins of known bottleneck, run on the virtual clock and watched once a second as a real deployment would be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from typing_extensions import override

from inferbench.loadgen.clock import VirtualClock
from inferbench.loadgen.dispatcher import Dispatcher
from inferbench.loadgen.in_process_target import InProcessTarget
from inferbench.loadgen.port import Done
from inferbench.metrics.summarise import summarise
from inferbench.metrics.summary import Origin, PointSummary, SweepPoint
from inferbench.records.arrow_writer import ArrowSink
from inferbench.records.reader import read_records
from inferbench.records.request_record import RequestRecord, StampedChunks
from inferbench.simulator.engine.cluster import Cluster, TwinTarget
from inferbench.telemetry.series import Metric, Series, Telemetry, TelemetrySource, WorkerRole
from inferbench.units import NS_PER_S
from inferbench.workload.plan import PlannedRequest
from tests.support.twin_factories import plan

CONCURRENCY = 32
PREFILL = TelemetrySource(name="prefill", role=WorkerRole.PREFILL, engine="sglang")
DECODE = TelemetrySource(name="decode", role=WorkerRole.DECODE, engine="sglang")


@dataclass
class Surroundings(InProcessTarget):
    """What stands between client and engines: a router that takes time, and a host that sends tokens late."""

    inner: TwinTarget
    clock: VirtualClock
    router_s: float = 0.0
    late_s: float = 0.0
    """By how much the last token of a request is late; the first is not, and those between in proportion."""

    @override
    def submit(self, request: PlannedRequest, slot_free_ns: int, done: Done) -> None:
        sent = self.clock.now_ns()
        at = sent + round(self.router_s * NS_PER_S)
        self.clock.call_at(at, partial(self.inner.submit, request, slot_free_ns, partial(self._ended, done, sent)))

    def _ended(self, done: Done, sent_ns: int, record: RequestRecord) -> None:
        first, end = record.first_byte_ns, record.end_ns + round(self.late_s * NS_PER_S)
        assert first is not None
        times = np.linspace(first, end, record.osl).round().astype(np.int64)
        chunks = StampedChunks(times.tolist(), [1] * record.osl)
        later = replace(record, sent_ns=sent_ns, end_ns=end, chunks=chunks)
        self.clock.call_at(end, partial(done, later))

    @override
    def cancel(self) -> None:
        self.inner.cancel()


def gauges(twin: TwinTarget) -> dict[tuple[TelemetrySource, Metric], int]:
    """Where the requests of a twin are, under the names of SGLang's queues."""
    running = sum(worker.running for worker in twin._decode)
    waiting = len(twin._admission._waiting)
    queued = sum(len(worker._queue) for worker in twin._prefill)
    prefilling = sum(worker._busy for worker in twin._prefill)
    return {
        (PREFILL, Metric.QUEUED): queued,
        (PREFILL, Metric.RUNNING): prefilling,
        (DECODE, Metric.RUNNING): running,
        (DECODE, Metric.KV_WAITING): waiting,
        (DECODE, Metric.KV_RECEIVING): max(0, len(twin._sequences) - running - waiting - queued - prefilling),
    }


def watched_run(
    of: Cluster, directory: Path, *, router_s: float = 0.0, late_s: float = 0.0
) -> tuple[PointSummary, Telemetry]:
    """Drive a closed loop, look once a second, and summarise."""
    load = plan(CONCURRENCY * 8, CONCURRENCY, isl=(900, 1100), osl=(90, 110))
    clock = VirtualClock()
    twin = TwinTarget(of, clock)
    sink, looks = ArrowSink(directory), []
    dispatcher = Dispatcher(load, Surroundings(twin, clock, router_s, late_s), clock, sink)

    def look() -> None:
        looks.append((clock.now_ns(), gauges(twin)))
        clock.call_at(clock.now_ns() + NS_PER_S, look)

    dispatcher.start()
    look()
    clock.run(_finished(dispatcher))
    sink.close()
    point = SweepPoint(deployment="d", topology="t", concurrency=CONCURRENCY, prefill_gpus=1, decode_gpus=1)
    summary = summarise(read_records(directory), load, point, Origin.SIMULATED)
    at = np.array([ns for ns, _ in looks])
    series = tuple(
        Series(source, None, metric, at, np.array([float(found[source, metric]) for _, found in looks]))
        for source, metric in looks[0][1]
    )
    return summary, Telemetry((PREFILL, DECODE), series, ())


def _finished(dispatcher: Dispatcher) -> Callable[[], bool]:
    return lambda: dispatcher.finished
