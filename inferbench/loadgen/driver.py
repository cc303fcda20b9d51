"""Driving a plan to its end, on either clock."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from inferbench.errors import Interruption
from inferbench.loadgen.clock import LoopClock, VirtualClock
from inferbench.loadgen.dispatcher import Dispatcher, Progress, RunLimits, StopKind
from inferbench.loadgen.health.loop_lag import LoopWatch
from inferbench.loadgen.port import Sink, Target
from inferbench.metrics.request_counts import ProbeRequests
from inferbench.workload.plan import Plan

Watch = Callable[[Progress, int], None]
"""Called now and then with the progress and the time on the run's clock, ns."""

INTERRUPTED = Interruption().reason

_WATCH_S = 0.2


@dataclass(frozen=True, slots=True)
class Driven:
    """How a drive ended."""

    progress: Progress
    stop_reason: str | None = None
    """Why it stopped early, None where it did not."""
    stop_kind: StopKind | None = None
    loop_lags_ms: Sequence[float] = ()
    """Empty on the virtual clock."""
    cpu_share: float = 0.0
    backlog_max: int = 0
    """Most connections that had been read and waited to be looked at."""
    probe: ProbeRequests | None = None
    """What probe requests beside the load came to, where this worker sent them."""


def drive_virtual(plan: Plan, target: Target, clock: VirtualClock, sink: Sink, watch: Watch | None = None) -> Driven:
    """Drive a plan on simulated time."""
    dispatcher = Dispatcher(plan, target, clock, sink)
    dispatcher.start()
    notify = None if watch is None else lambda: watch(dispatcher.progress, clock.now_ns())
    clock.run(lambda: dispatcher.finished, notify)
    return _driven(dispatcher)


async def drive_live(
    plan: Plan,
    target: Target,
    clock: LoopClock,
    sink: Sink,
    *,
    limits: RunLimits | None = None,
    watch: Watch | None = None,
    stop: asyncio.Future[str] | None = None,
) -> Driven:
    """Drive a plan on real time. `stop` ends it early once it holds the reason why.

    Raises what a callback on the event loop raised meanwhile: a fault must not leave a request without an end.
    """
    finished = asyncio.Event()
    dispatcher = Dispatcher(plan, target, clock, sink, limits=limits, on_finished=finished.set)
    health = LoopWatch(clock, target.backlog)
    if stop is not None:
        stop.add_done_callback(lambda asked: dispatcher.stop(asked.result()))
    health.start()
    try:
        with _faults(finished) as faults:
            dispatcher.start()
            while not finished.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(finished.wait(), _WATCH_S)
                if watch is not None:
                    watch(dispatcher.progress, clock.now_ns())
    except BaseException:  # cancelled, or `watch` has failed: what is in flight would keep its timers, and the loop
        dispatcher.stop("the drive was broken off")
        raise
    finally:
        health.stop()
    if faults:
        raise faults[0]
    return _driven(dispatcher, health)


@contextlib.contextmanager
def _faults(finished: asyncio.Event) -> Iterator[list[BaseException]]:
    """Collect what callbacks raise, and set `finished` at the first."""
    loop, faults = asyncio.get_running_loop(), list[BaseException]()

    def take(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        faults.append(context.get("exception") or RuntimeError(context["message"]))
        finished.set()

    before = loop.get_exception_handler()
    loop.set_exception_handler(take)
    try:
        yield faults
    finally:
        loop.set_exception_handler(before)


def _driven(dispatcher: Dispatcher, health: LoopWatch | None = None) -> Driven:
    dispatcher.progress.check()
    how = (dispatcher.progress, dispatcher.stop_reason, dispatcher.stop_kind)
    return Driven(*how, health.lags_ms, health.cpu_share, health.backlog_max) if health else Driven(*how)


@contextlib.contextmanager
def no_collections() -> Iterator[None]:
    """Keep the garbage collector from stopping the loop while answers arrive.

    What was there before stays frozen: modules, mostly, which a collection after the load need not go through.
    """
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.enable()
