"""Finding what the client of this machine can take: more and more streams from the null server."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from inferbench.errors import Interruption, UsageError
from inferbench.loadgen.driver import Driven
from inferbench.loadgen.event_loop import run_in_loop
from inferbench.loadgen.health.ceiling import TOKENS_PER_S, Ceiling, Limit, Step, ceiling_of
from inferbench.loadgen.health.ceiling_cache import ceiling, machine, remember
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.null_server import start_null
from inferbench.loadgen.sinks import Kept
from inferbench.loadgen.workers.coordinator import Link, Together, drive_together
from inferbench.loadgen.workers.local import LocalWorker, WorkerJob, send_load
from inferbench.records.request_record import RequestRecord, StampedChunks
from inferbench.scenario.scenario import Lengths
from inferbench.units import NS_PER_MS, NS_PER_S
from inferbench.workload.plan import Plan
from inferbench.workload.planner import make_plan

STREAMS = (512, 1024, 2048, 4096, 8192, 16384)
"""Steps, until one is not held."""
ATTEMPTS = 3
"""At a step that is not held, whose best counts: what else the machine does can only make it worse."""
WAVES = 2
OSL = Lengths(nominal=20, min=10, max=30)
"""Tokens of a request, different ones so that not all streams end at once. At TOKENS_PER_S a step takes some 2 s."""
ISL = Lengths(nominal=16, min=16, max=16)


def selfcheck(*, fresh: bool = False, streams: Sequence[int] = STREAMS) -> Ceiling:
    """Return the ceiling of this machine: from the cache, or measured in a few seconds and kept there.

    `fresh` measures it again. Each step is our own client, in this process, against a null server in another: as
    many `streams` as the step says, each getting TOKENS_PER_S. The first that is not held ends it, after one more
    between it and the one before.
    """
    if not fresh and (known := ceiling()) is not None:
        return known
    steps: list[Step] = []
    ended_by = Limit.NONE
    with start_null(TOKENS_PER_S) as url:
        try:
            for number in _ladder(streams, steps):
                steps.append(_best(url, number))
        except UsageError:  # more sockets than the system allows
            ended_by = Limit.FILES
    found = ceiling_of(machine(), steps, ended_by)
    remember(found)
    return found


def _ladder(ladder: Sequence[int], steps: list[Step]) -> Iterator[int]:
    """The streams of each next step, as long as the last one was held; then once half way back."""
    held = 0
    for streams in ladder:
        yield streams
        if not steps[-1].held:
            if held:
                yield round(math.sqrt(held * streams))
            return
        held = streams


def _best(url: str, streams: int) -> Step:
    best = _step(url, streams)
    for _ in range(ATTEMPTS - 1):
        if best.held:
            break
        best = min(best, _step(url, streams), key=lambda step: (not step.held, step.stamp_late_p90_ms))
    return best


def _step(url: str, streams: int) -> Step:
    """Take one step. Raises UsageError where the system allows no more sockets."""
    sink = Kept()
    job = WorkerJob(0, (Endpoint(url, "/v1/completions", "null"),), _plan(streams), Path())

    async def do(link: Link) -> None:
        link.send(await send_load(job, link, sink))

    async def drive() -> Together:
        return await drive_together([LocalWorker(do)])

    together = run_in_loop(drive())
    if stopped := Interruption.from_reason(together.driven.stop_reason):
        raise stopped
    return _measured(streams, sink.records, together.driven)


def _plan(streams: int) -> Plan:
    return make_plan(WAVES * streams, isl=ISL, osl=OSL, seed=0, salt="selfcheck", max_concurrency=streams)


def _measured(streams: int, records: list[RequestRecord], driven: Driven) -> Step:
    """What a step came to; the pace is that from the first to the last token of each request."""
    times = [record.chunks.times_ns for record in records if isinstance(record.chunks, StampedChunks)]
    span_s = sum(own[-1] - own[0] for own in times) / NS_PER_S
    pace = sum(len(own) - 1 for own in times) / span_s if span_s else 0.0
    bounds = [late for record in records for late in (record.first_late_ns, record.last_late_ns) if late is not None]
    return Step(
        streams=streams,
        offered_events_per_s=streams * TOKENS_PER_S,
        events_per_s=streams * pace,
        stamp_late_p90_ms=float(np.quantile(bounds, 0.9)) / NS_PER_MS if bounds else 0.0,
        cpu_share=driven.cpu_share,
    )
