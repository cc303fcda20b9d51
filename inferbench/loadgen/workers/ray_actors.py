"""Workers as Ray actors, where one machine is not enough: the same work, on whichever nodes the cluster has."""

from __future__ import annotations

import asyncio
import queue
import tempfile
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop
from typing_extensions import override

from inferbench.distribution import install
from inferbench.errors import FieldName, UsageError
from inferbench.files.untrusted_files import inside
from inferbench.files.whole_files import write_whole
from inferbench.loadgen.driver import Driven
from inferbench.loadgen.workers.clock_sync import Alignment, align
from inferbench.loadgen.workers.coordinator import Command, Failed, Link, Message, Worker, WorkerLostError
from inferbench.loadgen.workers.local import WorkerJob, work
from inferbench.loadgen.workers.ray_cluster import connect, prepare
from inferbench.workload.prompt_source import PromptSource

EXCHANGES = 32
"""Readings of a worker's clock per alignment; the quickest counts."""
PLACE_S = 60
"""Longest that the cluster may take to give a worker a place, s."""
RECORDS_S = 600
"""Longest that the records of a worker may take to come over, s."""

_HEAR_S = 1.0
_THREADS = 4
"""Of an actor: one works, the others answer meanwhile."""


@asynccontextmanager
async def ray_workers(jobs: Sequence[WorkerJob], address: str) -> AsyncIterator[list[Worker]]:
    """Have an actor for each job, spread over the nodes of a cluster, while the block runs.

    `address` is `local`, `auto` for a cluster that runs here already, or HOST:PORT. Ray's settings are made before it
    is imported: it sends no usage statistics, and a cluster of this machine alone stays on the loopback interface.
    Raises UsageError where Ray is not installed, or the cluster cannot be had or has no room.
    """
    prepare(address)
    try:
        import ray
    except ImportError:
        raise UsageError(FieldName("ray"), f" needs Ray: {install('ray')}") from None
    ours = not ray.is_initialized()
    if ours:
        connect(ray, address)
    try:
        make = ray.remote(_Actor).options(num_cpus=1, max_concurrency=_THREADS, scheduling_strategy="SPREAD")
        workers = [RayWorker(ray, job, make.remote()) for job in jobs]
        await asyncio.gather(*(worker.start() for worker in workers))
        yield list(workers)
    finally:
        if ours:
            ray.shutdown()


def _found_anywhere(job: WorkerJob) -> WorkerJob:
    """The same job with its files named whole: an actor works where its node was started, and not where we are."""
    prompts = job.prompts.absolute() if isinstance(job.prompts, PromptSource) else job.prompts
    endpoints = (replace(e, tokenizer=e.tokenizer and e.tokenizer.absolute()) for e in job.endpoints)
    return replace(job, prompts=prompts, endpoints=tuple(endpoints))


class RayWorker(Worker):
    """An actor, as whoever started it sees it."""

    def __init__(self, ray: Any, job: WorkerJob, actor: Any) -> None:
        self.number, self.actor = job.number, actor
        self._ray, self._job = ray, job
        self._heard: deque[Message] = deque()
        self._reported = False

    async def start(self) -> None:
        """Wait until the actor has a place, and give it its job."""
        try:
            await asyncio.wait_for(self.actor.clock_ns.remote(), PLACE_S)
        except TimeoutError:
            raise UsageError(f"the Ray cluster had no CPU for worker {self._job.number} within {PLACE_S} s") from None
        except self._ray.exceptions.RayError as error:
            why = " ".join(str(error).split())[:300]
            raise UsageError(f"the Ray cluster could not start worker {self._job.number}: {why}") from None
        self.actor.run.remote(_found_anywhere(self._job))

    @override
    async def receive(self) -> Message:
        while not self._heard:
            try:
                self._heard.extend(await self.actor.hear.remote())
            except self._ray.exceptions.RayActorError:
                why = f"worker {self._job.number} was lost, and its records with it"
                raise WorkerLostError(why) from None
        message = self._heard.popleft()
        self._reported = isinstance(message, Driven | Failed)
        return message

    @override
    def send(self, command: Command) -> None:
        self.actor.tell.remote(command)

    @override
    async def align(self) -> Alignment:
        exchanges = []
        for _ in range(EXCHANGES):
            before = time.monotonic_ns()
            theirs = await self.actor.clock_ns.remote()
            exchanges.append((before, theirs, time.monotonic_ns()))
        return align(exchanges)

    @override
    async def close(self) -> None:
        if self._reported:
            try:
                files = await asyncio.wait_for(self.actor.records.remote(), RECORDS_S)
            except (self._ray.exceptions.RayActorError, TimeoutError):
                raise WorkerLostError(f"worker {self.number} was lost before its records had come over") from None
            for name, content in files.items():
                self._job.directory.mkdir(parents=True, exist_ok=True)
                write_whole(inside(self._job.directory, name), content)
        self._ray.kill(self.actor)


class _Actor:
    """Does a worker's job on whichever node it was put, in one of its threads."""

    def __init__(self) -> None:
        self._link = _ActorLink()
        self._files: dict[str, bytes] = {}
        self._done = threading.Event()

    def run(self, job: WorkerJob) -> None:
        """Do the job, with records in a directory of this node."""
        with tempfile.TemporaryDirectory(prefix="inferbench-") as scratch:
            here = replace(job, directory=Path(scratch) / "records")
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._link.use(here))
            with suppress(FileNotFoundError):
                self._files = {path.name: path.read_bytes() for path in here.directory.iterdir()}
        self._done.set()

    def clock_ns(self) -> int:
        """Read the clock that the job's stamps are on."""
        return time.monotonic_ns()

    def hear(self) -> list[Message]:
        """Wait a while for what the worker says."""
        return self._link.said()

    def tell(self, command: Command) -> None:
        """Pass a command on."""
        self._link.told(command)

    def records(self) -> dict[str, bytes]:
        """Return the files of the records, by name."""
        self._done.wait()
        return self._files


class _ActorLink(Link):
    """Queues between the thread that works and those that answer."""

    def __init__(self) -> None:
        self._said: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop
        self._told: asyncio.Queue[Command]

    async def use(self, job: WorkerJob) -> None:
        """Do a job on this event loop."""
        self._loop, self._told = asyncio.get_running_loop(), asyncio.Queue()
        await work(job, self)

    def said(self) -> list[Message]:
        """What has been said, after a while of waiting for it."""
        messages: list[Message] = []
        with suppress(queue.Empty):
            messages.append(self._said.get(timeout=_HEAR_S))
            while True:
                messages.append(self._said.get_nowait())
        return messages

    def told(self, command: Command) -> None:
        """Take a command in from another thread."""
        self._loop.call_soon_threadsafe(self._told.put_nowait, command)

    @override
    def send(self, message: Message) -> None:
        self._said.put(message)

    @override
    async def receive(self) -> Command:
        return await self._told.get()
