"""Running one plan against a real endpoint."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from ..domain.manifest import ClockAnchor
from ..domain.plan import Plan
from ..domain.record import RequestRecord
from ..loadgen.clock import LoopClock
from ..loadgen.dispatcher import Limits
from ..loadgen.drive import Driven, Watch, drive_live
from ..store.spool import SpooledSink
from ..targets.endpoint import Endpoint
from ..targets.http import HttpTarget
from ..workload.prompts import word_prompts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HttpOutcome:
    """How a plan went against an endpoint; its records are on disk."""

    driven: Driven
    streams_open_max: int
    anchor: ClockAnchor
    began_unix: float
    ended_unix: float


class _Discard:
    """A sink for warm-up requests, which nobody counts."""

    def started(self, seq: int, slot_free_ns: int) -> None:
        pass

    def ended(self, record: RequestRecord) -> None:
        pass


def run_in_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run on an event loop of its own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


async def run_http_point(
    endpoint: Endpoint,
    plan: Plan,
    directory: Path,
    *,
    warmup: Plan | None = None,
    limits: Limits | None = None,
    watch: Watch | None = None,
) -> HttpOutcome:
    """Open the connections, warm up, then drive the plan and keep every record in `directory`.

    Raises EndpointError where no connection can be had, StoreError where records cannot be written.
    """
    loop = asyncio.get_running_loop()
    if warmup is not None:
        await _drive(endpoint, warmup, LoopClock(loop), _Discard(), Limits(), None)
    sink = SpooledSink(directory)
    try:
        began, clock = time.time(), LoopClock(loop)
        anchor = ClockAnchor(wall_unix_ns=time.time_ns(), monotonic_ns=clock.origin_ns)
        driven, streams = await _drive(endpoint, plan, clock, sink, limits, watch)
        ended = time.time()
    finally:
        sink.close()
    return HttpOutcome(driven, streams, anchor, began, ended)


async def _drive(
    endpoint: Endpoint,
    plan: Plan,
    clock: LoopClock,
    sink: SpooledSink | _Discard,
    limits: Limits | None,
    watch: Watch | None,
) -> tuple[Driven, int]:
    target = HttpTarget(endpoint, plan, word_prompts(plan.salt), clock, asyncio.get_running_loop())
    try:
        await target.open(min(plan.max_concurrency or len(plan), len(plan)))
        driven = await drive_live(plan, target, clock, sink, limits=limits, watch=watch)
    finally:
        await target.close()
    return driven, target.streams_open_max
