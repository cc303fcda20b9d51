"""What a worker does, in whichever process: open connections, warm up, wait for time zero, send, keep records."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from typing_extensions import override

from inferbench.errors import EndpointError, InferbenchError, StoreError
from inferbench.loadgen.clock import LoopClock
from inferbench.loadgen.dialects.request_bodies import MakePrompt
from inferbench.loadgen.dispatcher import RunLimits
from inferbench.loadgen.driver import Driven, drive_live, no_collections
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.http.round_robin import SpreadTarget
from inferbench.loadgen.http.target import HttpTarget
from inferbench.loadgen.port import Sink, Target
from inferbench.loadgen.probe_requests import Prober, probe_plan
from inferbench.loadgen.progress import Progress, StopKind
from inferbench.loadgen.sinks import Discard
from inferbench.loadgen.workers.clock_sync import SAME_CLOCK, Alignment
from inferbench.loadgen.workers.coordinator import Begin, Command, Failed, Link, Message, Ready, Worker
from inferbench.records.writer_process import SpooledSink
from inferbench.units import NS_PER_S
from inferbench.workload.plan import Plan
from inferbench.workload.prompts import word_prompts

MakePrompts = Callable[[str], MakePrompt]
"""Makes the maker of prompts from a plan's salt. It is pickled on its way to a worker: a function of a module, or a
`functools.partial` of one."""

_FAR_NS = 24 * 3600 * NS_PER_S
"""Until time zero is known it lies far ahead, so that no time noted before is later than one noted after."""


@dataclass(frozen=True)
class WorkerJob:
    """A worker's part of a load."""

    number: int
    endpoints: tuple[Endpoint, ...]
    """Servers of the same model, which get requests in turn."""
    plan: Plan
    directory: Path
    """Where its records go."""
    warmup: Plan | None = None
    limits: RunLimits | None = None
    prompts: MakePrompts = word_prompts
    probe_rate: float = 0.0
    """Probe requests/s that this worker sends beside its part; 0: none."""

    @property
    def unnamed(self) -> WorkerJob:
        """The same job with requests that carry no ids: ids are those of the load's own requests."""
        return replace(self, endpoints=tuple(replace(e, request_id_prefix=None) for e in self.endpoints))


async def work(job: WorkerJob, link: Link) -> None:
    """Do a job and say over `link` how it went. Records are on disk before the last message.

    Where they cannot be written any longer, the load stops at once, and what was written counts.
    """
    loop, stop = asyncio.get_running_loop(), _Stop()
    try:
        if job.warmup is not None:
            await _warm_up(job, job.warmup)
        broken = partial(stop, "records can no longer be written", StopKind.UNRECORDED)
        sink = SpooledSink(job.directory, lambda: loop.call_soon_threadsafe(broken))
        try:
            driven = await send_load(job, link, sink, stop)
        except BaseException:
            with contextlib.suppress(StoreError):
                sink.close()
            raise
        link.send(_with_records(driven, sink))
    except InferbenchError as error:
        link.send(Failed(error))


def _with_records(driven: Driven, sink: SpooledSink) -> Driven:
    """Bring the records to disk; where that fails, it is what stopped the load."""
    try:
        sink.close()
    except StoreError as error:
        return replace(driven, stop_reason=str(error), stop_kind=StopKind.UNRECORDED)
    return driven


class _Stop:
    """Stops a load from within: the first reason counts, and whether it is of one of these kinds."""

    def __init__(self) -> None:
        self.asked: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._kind: StopKind | None = None

    def __call__(self, reason: str, kind: StopKind | None = None) -> None:
        if not self.asked.done():
            self.asked.set_result(reason)
            self._kind = kind

    def name(self, driven: Driven) -> Driven:
        """Say of a load that ended at the word of this what kind of end it was."""
        told = self._kind is not None and driven.stop_kind is StopKind.ASKED
        return replace(driven, stop_kind=self._kind) if told else driven


async def send_load(job: WorkerJob, link: Link, sink: Sink, stop: _Stop | None = None) -> Driven:
    """Open the connections, wait for time zero, and drive the plan."""
    loop, stop = asyncio.get_running_loop(), stop or _Stop()
    clock = LoopClock(loop)
    clock.origin_ns += _FAR_NS
    target = _target(job, job.plan, clock, partial(stop, kind=StopKind.SILENT))
    prober = _prober(job, clock)

    def report(progress: Progress, _: int) -> None:
        link.send(replace(progress, by_status=dict(progress.by_status)))

    try:
        await target.open(_connections(job.plan))
        if prober is not None:
            await prober.open()
        with no_collections():
            link.send(Ready())
            clock.origin_ns = await _time_zero(link)
            listener = loop.create_task(_listen(link, stop))
            try:
                begun = loop.create_future()
                clock.call_at(0, lambda: begun.set_result(None))
                await begun
                if prober is not None:
                    prober.begin()
                driven = await drive_live(
                    job.plan,
                    target,
                    clock,
                    sink,
                    limits=job.limits,
                    watch=report,
                    stop=stop.asked,
                )
                driven = stop.name(driven)
                return driven if prober is None else replace(driven, probe=prober.end())
            finally:
                listener.cancel()
    finally:
        await target.close()
        if prober is not None:
            await prober.close()


def _prober(job: WorkerJob, clock: LoopClock) -> Prober | None:
    if not job.probe_rate:
        return None
    plan = probe_plan(job.probe_rate, job.plan.ignore_eos)
    return Prober(plan, job.probe_rate, _target(job.unnamed, plan, clock), clock)


async def _warm_up(job: WorkerJob, plan: Plan) -> None:
    clock = LoopClock(asyncio.get_running_loop())
    stop = _Stop()
    target = _target(job.unnamed, plan, clock, stop)
    try:
        await target.open(_connections(plan))
        driven = await drive_live(plan, target, clock, Discard(), stop=stop.asked)
        if driven.stop_reason is not None:
            raise EndpointError(f"warm-up: {driven.stop_reason}")
    finally:
        await target.close()


def _target(job: WorkerJob, plan: Plan, clock: LoopClock, on_silence: Callable[[str], None] | None = None) -> Target:
    make_prompt, loop = job.prompts(plan.salt), asyncio.get_running_loop()
    if len(job.endpoints) == 1:
        return HttpTarget(job.endpoints[0], plan, make_prompt, clock, loop, on_silence=on_silence)
    return SpreadTarget(job.endpoints, plan, make_prompt, clock, loop, on_silence)


def _connections(plan: Plan) -> int:
    return min(plan.max_concurrency or len(plan), len(plan))


async def _time_zero(link: Link) -> int:
    command = await link.receive()
    if isinstance(command, Begin):
        return command.origin_ns
    raise InferbenchError(command.reason)


async def _listen(link: Link, stop: _Stop) -> None:
    command = await link.receive()
    while isinstance(command, Begin):
        command = await link.receive()
    stop(command.reason)


class LocalWorker(Worker):
    """A worker in this process, on the event loop that runs when it is made."""

    def __init__(self, do: Callable[[Link], Coroutine[Any, Any, None]]) -> None:
        self._said: asyncio.Queue[Message] = asyncio.Queue()
        self._told: asyncio.Queue[Command] = asyncio.Queue()
        self._work = asyncio.get_running_loop().create_task(do(_LocalLink(self._said, self._told)))
        self._work.add_done_callback(self._hand_over_fault)

    def _hand_over_fault(self, work: asyncio.Future[None]) -> None:
        """A fault in inferbench must not leave whoever listens waiting."""
        if not work.cancelled() and (error := work.exception()) is not None:
            self._said.put_nowait(Failed(error))

    @override
    async def receive(self) -> Message:
        return await self._said.get()

    @override
    def send(self, command: Command) -> None:
        self._told.put_nowait(command)

    @override
    async def align(self) -> Alignment:
        return SAME_CLOCK

    @override
    async def close(self) -> None:
        self._work.cancel()
        await asyncio.wait([self._work])


class _LocalLink(Link):
    def __init__(self, said: asyncio.Queue[Message], told: asyncio.Queue[Command]) -> None:
        self._said, self._told = said, told

    @override
    def send(self, message: Message) -> None:
        self._said.put_nowait(message)

    @override
    async def receive(self) -> Command:
        return await self._told.get()
