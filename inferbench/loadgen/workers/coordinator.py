"""One load over several workers: they get ready, start at one time zero, report as they go, and end together.

A worker is whatever sends a part of the plan: this process itself, another one, or an actor on another machine. This
file knows only what is said between it and who started it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from inferbench.errors import InferbenchError
from inferbench.loadgen.driver import Driven, Watch
from inferbench.loadgen.progress import Progress, StopKind
from inferbench.loadgen.stop_signals import on_interrupt
from inferbench.loadgen.workers.clock_sync import Alignment, ClockAnchor, residual_ns
from inferbench.records.request_record import Status
from inferbench.units import NS_PER_MS

LEAD_NS = 50 * NS_PER_MS
"""From when time zero is told to when it is, so that every worker knows it in time."""


class WorkerLostError(InferbenchError):
    """A worker is gone, and did not say that it would go."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker has warmed up, and its connections are open."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A worker cannot go on."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Begin:
    """Start the load."""

    origin_ns: int
    """Time zero on the worker's own CLOCK_MONOTONIC."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Send nothing more, cancel what is in flight, and report."""

    reason: str


Message = Ready | Progress | Driven | Failed
"""What a worker says: Ready, then Progress a few times a second, then Driven once its records are safe; or Failed."""
Command = Begin | Stop


class Link(Protocol):
    """A worker's end of the line."""

    def send(self, message: Message) -> None:
        """Say something, without waiting for anybody to hear it."""

    async def receive(self) -> Command:
        """Wait for the next command."""


class Worker(Protocol):
    """The other end: a worker as whoever started it sees it."""

    async def receive(self) -> Message:
        """Wait for the next message. Raises WorkerLostError where there will be none."""

    def send(self, command: Command) -> None:
        """Tell the worker something. One that is gone does not mind."""

    async def align(self) -> Alignment:
        """Set the worker's clock beside ours."""

    async def close(self) -> None:
        """End the worker if it has not ended, and see to it that its records are where they belong."""


@dataclass(frozen=True, slots=True)
class Together:
    """How a load over several workers ended."""

    driven: Driven
    """Sums over the workers; `cpu_share` too is a sum."""
    anchor: ClockAnchor
    cpu_shares: tuple[float, ...]
    """CPU time over wall time, of each worker that reported."""
    clock_residual_ns: int
    """By at most how much workers' clocks are off against each other after alignment."""
    lost: tuple[str, ...]
    """One sentence for each worker that was lost."""


async def drive_together(workers: Sequence[Worker], watch: Watch | None = None) -> Together:
    """Drive what the workers have been given, to its end. A signal stops all, and all records are kept.

    A worker that is lost while the load goes on leaves the others to go on. Raises WorkerLostError where one is lost
    before, and what a worker has failed with, after the others have been stopped. Closes the workers.
    """
    try:
        await asyncio.gather(*(_until_ready(worker) for worker in workers))
        before = [await worker.align() for worker in workers]
        anchor = ClockAnchor(wall_unix_ns=time.time_ns() + LEAD_NS, monotonic_ns=time.monotonic_ns() + LEAD_NS)
        crew = _Crew(workers, anchor.monotonic_ns, watch)
        with on_interrupt(crew.stop):
            for worker, alignment in zip(workers, before, strict=True):
                worker.send(Begin(anchor.monotonic_ns + alignment.offset_ns))
            await asyncio.gather(*(crew.follow(number) for number in range(len(workers))))
        left = [number for number in range(len(workers)) if number not in crew.lost]
        residuals = [residual_ns(before[number], await workers[number].align()) for number in left]
    finally:
        await asyncio.gather(*(worker.close() for worker in workers))
    if crew.error is not None:
        raise crew.error
    shares = tuple(driven.cpu_share for driven in crew.driven.values())
    return Together(crew.sum(), anchor, shares, max(residuals, default=0), tuple(crew.lost.values()))


async def _until_ready(worker: Worker) -> None:
    message = await worker.receive()
    if isinstance(message, Failed):
        raise message.error


class _Crew:
    """The workers while the load goes on."""

    def __init__(self, workers: Sequence[Worker], origin_ns: int, watch: Watch | None) -> None:
        self._workers = workers
        self._origin_ns = origin_ns
        self._watch = watch
        self._progress: dict[int, Progress] = {}
        self._stopped = False
        self.driven: dict[int, Driven] = {}
        self.lost: dict[int, str] = {}
        self.error: BaseException | None = None

    def stop(self, reason: str) -> None:
        """Stop every worker, once."""
        if not self._stopped:
            self._stopped = True
            for worker in self._workers:
                worker.send(Stop(reason))

    async def follow(self, number: int) -> None:
        """Listen to a worker until it has reported, failed or vanished. What stops one stops all."""
        while number not in self.driven:
            try:
                message = await self._workers[number].receive()
            except WorkerLostError as error:
                self.lost[number] = str(error)
                return
            if isinstance(message, Progress):
                self._show(number, message)
            elif isinstance(message, Failed):
                self.error = self.error or message.error
                self.stop(str(message.error))
                return
            elif isinstance(message, Driven):
                self.driven[number] = message
                self._progress[number] = message.progress
                if message.stop_reason is not None and message.stop_kind is not StopKind.DURATION:
                    self.stop(message.stop_reason)

    def _show(self, number: int, progress: Progress) -> None:
        self._progress[number] = progress
        if self._watch is not None:
            self._watch(add_up(list(self._progress.values())), time.monotonic_ns() - self._origin_ns)

    def sum(self) -> Driven:
        """What the workers came to together."""
        parts = list(self.driven.values())
        stopped = min((part for part in parts if part.stop_kind is not None), key=_told, default=None)
        reason, kind = (stopped.stop_reason, stopped.stop_kind) if stopped else (None, None)
        if self.lost and (kind is None or kind.is_normal):
            reason, kind = "; ".join(self.lost.values()), StopKind.LOST
        for number in self.lost.keys() & self._progress.keys():
            _give_up(self._progress[number])
        return Driven(
            progress=add_up(list(self._progress.values())),
            stop_reason=reason,
            stop_kind=kind,
            loop_lags_ms=[lag for part in parts for lag in part.loop_lags_ms],
            cpu_share=sum(part.cpu_share for part in parts),
            backlog_max=max((part.backlog_max for part in parts), default=0),
            probe=next((part.probe for part in parts if part.probe is not None), None),
        )


def _told(part: Driven) -> int:
    """Parts that stopped for a reason of their own come before those that were told to, and those that went through."""
    return 2 if part.stop_kind is StopKind.DURATION else int(part.stop_kind is StopKind.ASKED)


def add_up(parts: Sequence[Progress]) -> Progress:
    """The progress of all workers as one."""
    total = Progress(planned=0)
    for part in parts:
        for name in ("planned", "sent", "ended", "in_flight", "tokens", "strays"):
            setattr(total, name, getattr(total, name) + getattr(part, name))
        for status, count in part.by_status.items():
            total.by_status[status] += count
    return total


def _give_up(progress: Progress) -> None:
    """Count what a lost worker had in flight when it was last heard of as cancelled, as its records will say."""
    progress.by_status[Status.CANCELLED] += progress.in_flight
    progress.ended += progress.in_flight
    progress.in_flight = 0
