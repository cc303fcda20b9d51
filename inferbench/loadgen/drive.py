"""Driving a plan to its end, on either clock."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..domain.plan import Plan
from .clock import LoopClock, VirtualClock
from .dispatcher import Dispatcher, Limits, Progress
from .health import LoopWatch
from .port import Sink, Target

Watch = Callable[[Progress, int], None]
"""Called now and then with the progress and the time on the run's clock, ns."""

INTERRUPTED = "interrupted"

_WATCH_S = 0.2


@dataclass(frozen=True, slots=True)
class Driven:
    """How a drive ended."""

    progress: Progress
    stop_reason: str | None
    """Why it stopped early, None where it did not."""
    loop_lags_ms: list[float]
    """Empty on the virtual clock."""
    cpu_share: float


def drive_virtual(plan: Plan, target: Target, clock: VirtualClock, sink: Sink, watch: Watch | None = None) -> Driven:
    """Drive a plan on simulated time."""
    dispatcher = Dispatcher(plan, target, clock, sink)
    dispatcher.start()
    notify = None if watch is None else lambda: watch(dispatcher.progress, clock.now_ns())
    clock.run(lambda: dispatcher.finished, notify)
    return Driven(dispatcher.progress, dispatcher.stop_reason, [], 0.0)


async def drive_live(
    plan: Plan,
    target: Target,
    clock: LoopClock,
    sink: Sink,
    *,
    limits: Limits | None = None,
    watch: Watch | None = None,
) -> Driven:
    """Drive a plan on real time. Ctrl-C stops it, with what was in flight recorded as cancelled."""
    loop = asyncio.get_running_loop()
    finished = asyncio.Event()
    dispatcher = Dispatcher(plan, target, clock, sink, limits=limits, on_finished=finished.set)
    health = LoopWatch(clock)
    with _no_collections(), _on_interrupt(loop, lambda: dispatcher.stop(INTERRUPTED)):
        health.start()
        dispatcher.start()
        while not finished.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(finished.wait(), _WATCH_S)
            if watch is not None:
                watch(dispatcher.progress, clock.now_ns())
        health.stop()
    return Driven(dispatcher.progress, dispatcher.stop_reason, health.lags_ms, health.cpu_share)


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """Keep the garbage collector from stopping the loop while answers arrive."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


@contextlib.contextmanager
def _on_interrupt(loop: asyncio.AbstractEventLoop, action: Callable[[], None]) -> Iterator[None]:
    """Turn Ctrl-C into `action` (outside the main thread nobody can press it)."""
    try:
        loop.add_signal_handler(signal.SIGINT, action)
    except (RuntimeError, ValueError):
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
