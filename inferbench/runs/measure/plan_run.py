"""Running one plan against a real endpoint, in this process or shared out over several."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Literal

from inferbench.loadgen.dispatcher import RunLimits
from inferbench.loadgen.driver import Driven, Watch
from inferbench.loadgen.health.ceiling import workers_for
from inferbench.loadgen.health.ceiling_cache import ceiling
from inferbench.loadgen.health.cpu_placement import look
from inferbench.loadgen.health.host_load import HostWatch
from inferbench.loadgen.health.invalid_client import ClientFacts
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.workers.clock_sync import ClockAnchor
from inferbench.loadgen.workers.coordinator import Worker, drive_together
from inferbench.loadgen.workers.local import LocalWorker, MakePrompts, WorkerJob, work
from inferbench.records.layout import worker_directory
from inferbench.units import NS_PER_MS, NS_PER_S
from inferbench.workload.plan import Plan
from inferbench.workload.prompts import word_prompts
from inferbench.workload.split_over_workers import split


@dataclass(frozen=True, slots=True)
class HttpOutcome:
    """How a plan went against an endpoint; its records are on disk."""

    driven: Driven
    client: ClientFacts
    """What the client noted of itself, for `judge_client`."""
    workers: int
    anchor: ClockAnchor
    began_unix: float
    ended_unix: float


async def run_http_point(
    endpoints: Endpoint | Sequence[Endpoint],
    plan: Plan,
    directory: Path,
    *,
    warmup: Plan | None = None,
    limits: RunLimits | None = None,
    watch: Watch | None = None,
    workers: int | Literal["auto"] = 1,
    ray: str | None = None,
    prompts: MakePrompts = word_prompts,
    probe_rate: float = 0.0,
) -> HttpOutcome:
    """Open the connections, warm up, then drive the plan and keep every record in `directory`.

    `workers` is how many processes share the load; one is this process itself. `auto` takes what the self-check
    says that the streams need, if one was made. With `ray`, the address of a cluster, they are actors on it.
    With `probe_rate`, one of them also sends probe requests, so many per s. `limits` hold for each worker's part.
    Where a worker is killed, what it had in flight ends as cancelled and the others go on; `driven.stop_reason` then
    says so. Raises EndpointError where no connection can be had, StoreError where records cannot be written,
    UsageError for more workers than streams.
    """
    servers = (endpoints,) if isinstance(endpoints, Endpoint) else tuple(endpoints)
    known = ceiling()
    if workers == "auto":
        workers = workers_for(plan.max_concurrency, known)
    jobs = _jobs(
        WorkerJob(0, servers, plan, directory, warmup, limits, prompts, probe_rate), workers, shared=ray is not None
    )
    urls = [server.base_url for server in servers]
    places = [look(urls)]
    host = HostWatch()
    async with _workers(jobs, ray) as crew:
        together = await drive_together(crew, watch)
    places.append(look(urls))  # a router may have reached its workers only for the load
    facts = ClientFacts(
        loop_lags_ms=together.driven.loop_lags_ms,
        cpu_shares=together.cpu_shares,
        backlog_max=together.driven.backlog_max,
        clock_residual_ms=together.clock_residual_ns / NS_PER_MS,
        lost=together.lost,
        misplaced=_said(place.reasons for place in places),
        warnings=_said(place.warnings for place in places),
        ceiling_events_per_s=known.events_per_s if known else None,
        cores=host.cores if ray is None else None,
        busy_cores=host.busy_cores() if ray is None else None,
    )
    began = together.anchor.wall_unix_ns / NS_PER_S
    return HttpOutcome(together.driven, facts, workers, together.anchor, began, time.time())


def _said(sentences: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Every sentence once."""
    return tuple(dict.fromkeys(chain.from_iterable(sentences)))


def _jobs(whole: WorkerJob, workers: int, shared: bool) -> list[WorkerJob]:
    """Share a job out. The records of one worker lie in the point's own directory."""
    if workers == 1 and not shared:
        return [whole]
    parts = split(whole.plan, workers)
    # A warm-up of fewer requests, or slots, than workers is sent by as many as can have a part of it.
    warmup = whole.warmup
    parts_of_warmup = [] if warmup is None else split(warmup, min(workers, len(warmup), _slots(warmup)))
    return [
        WorkerJob(
            number, whole.endpoints, part, worker_directory(whole.directory, number),
            parts_of_warmup[number] if number < len(parts_of_warmup) else None, whole.limits, whole.prompts,
            0.0 if number else whole.probe_rate,
        )
        for number, part in enumerate(parts)
    ]  # fmt: skip


def _slots(plan: Plan) -> int:
    return len(plan) if plan.max_concurrency is None else plan.max_concurrency


@asynccontextmanager
async def _workers(jobs: Sequence[WorkerJob], ray: str | None) -> AsyncIterator[Sequence[Worker]]:
    if ray is not None:
        from inferbench.loadgen.workers.ray_actors import ray_workers

        async with ray_workers(jobs, ray) as actors:
            yield actors
    elif len(jobs) == 1:
        yield [LocalWorker(partial(work, jobs[0]))]
    else:
        from inferbench.loadgen.workers.process import ProcessWorker

        yield [await ProcessWorker.start(job) for job in jobs]
