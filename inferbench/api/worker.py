"""What a worker does, in whichever process: open connections, warm up, wait for time zero, send, keep records."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from typing_extensions import override

from ..domain.errors import InferbenchError
from ..domain.plan import Plan
from ..domain.record import RequestRecord
from ..domain.units import NS_PER_S
from ..loadgen.alignment import SAME_CLOCK, Alignment
from ..loadgen.clock import LoopClock
from ..loadgen.dispatcher import Limits
from ..loadgen.drive import Driven, drive_live, no_collections
from ..loadgen.port import Sink
from ..loadgen.progress import Progress
from ..loadgen.shards import Begin, Command, Failed, Link, Message, Ready, Worker
from ..store.spool import SpooledSink
from ..targets.bodies import MakePrompt
from ..targets.endpoint import Endpoint
from ..targets.http import HttpTarget
from ..targets.spread import SpreadTarget
from ..workload.prompts import word_prompts
from .probe_requests import Prober, probe_plan

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
    limits: Limits | None = None
    prompts: MakePrompts = word_prompts
    probe_rate: float = 0.0
    """Probe requests/s that this worker sends beside its part; 0: none."""

    @property
    def unnamed(self) -> WorkerJob:
        """The same job with requests that carry no ids: ids are those of the load's own requests."""
        return replace(self, endpoints=tuple(replace(e, request_id_prefix=None) for e in self.endpoints))


class Discard:
    """A sink for requests that nobody counts."""

    def started(self, seq: int, slot_free_ns: int) -> None:
        """Forget it."""

    def ended(self, record: RequestRecord) -> None:
        """Forget it."""


async def work(job: WorkerJob, link: Link) -> None:
    """Do a job and say over `link` how it went. Records are on disk before the last message."""
    try:
        if job.warmup is not None:
            await _warm_up(job, job.warmup)
        sink = SpooledSink(job.directory)
        try:
            driven = await send_load(job, link, sink)
        finally:
            sink.close()
        link.send(driven)
    except InferbenchError as error:
        link.send(Failed(error))


async def send_load(job: WorkerJob, link: Link, sink: Sink) -> Driven:
    """Open the connections, wait for time zero, and drive the plan."""
    loop = asyncio.get_running_loop()
    clock = LoopClock(loop)
    clock.origin_ns += _FAR_NS
    target = _target(job, job.plan, clock)
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
            stop: asyncio.Future[str] = loop.create_future()
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
                    stop=stop,
                    backlog=target.backlog,
                )
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
    target = _target(job.unnamed, plan, clock)
    try:
        await target.open(_connections(plan))
        await drive_live(plan, target, clock, Discard())
    finally:
        await target.close()


def _target(job: WorkerJob, plan: Plan, clock: LoopClock) -> HttpTarget | SpreadTarget:
    make_prompt, loop = job.prompts(plan.salt), asyncio.get_running_loop()
    if len(job.endpoints) == 1:
        return HttpTarget(job.endpoints[0], plan, make_prompt, clock, loop)
    return SpreadTarget(job.endpoints, plan, make_prompt, clock, loop)


def _connections(plan: Plan) -> int:
    return min(plan.max_concurrency or len(plan), len(plan))


async def _time_zero(link: Link) -> int:
    command = await link.receive()
    if isinstance(command, Begin):
        return command.origin_ns
    raise InferbenchError(command.reason)


async def _listen(link: Link, stop: asyncio.Future[str]) -> None:
    command = await link.receive()
    while isinstance(command, Begin):
        command = await link.receive()
    stop.set_result(command.reason)


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
