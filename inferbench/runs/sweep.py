"""Running the sweep points of a scenario on the twin, side by side in processes."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from inferbench.catalog.bundled import gpus, models
from inferbench.catalog.model import ModelSpec
from inferbench.endpoint.fingerprint import TargetIdentity
from inferbench.errors import ExitCode, StoppedError
from inferbench.loadgen.clock import VirtualClock
from inferbench.loadgen.dispatcher import Progress
from inferbench.loadgen.driver import drive_virtual
from inferbench.loadgen.workers.clock_sync import ClockAnchor
from inferbench.metrics.summarise import summarise
from inferbench.metrics.summary import Origin, PointSummary, SweepPoint
from inferbench.processes.pool import ProcessLostError, in_processes
from inferbench.runs.provenance import twin_parameters_sha256
from inferbench.scenario.deployment import Deployment, Topology
from inferbench.scenario.scenario import Load, Scenario
from inferbench.workload.plan import Plan
from inferbench.workload.planner import make_plan
from inferbench.workload.prompts import TOKENIZER


@dataclass(frozen=True, slots=True)
class PointProgress:
    """How far one sweep point is, in requests."""

    deployment: str
    """Name of the deployment in its scenario."""
    key: str
    """Name of the sweep point: deployment, topology and concurrency."""
    planned: int
    """Requests in its plan."""
    ended: int
    """Those that have ended, however that was."""
    in_flight: int
    """Those that have been sent and have not ended."""
    failed: int
    """Those that have ended otherwise than well."""


OnProgress = Callable[[PointProgress], None]


@dataclass(frozen=True, slots=True)
class TwinJob:
    """One sweep point to run on the twin."""

    model: ModelSpec
    deployment: Deployment
    topology: Topology
    point: SweepPoint
    load: Load
    directory: Path
    run_noise: float


@dataclass(frozen=True, slots=True)
class PointOutcome:
    """A sweep point that has run; its records are on disk."""

    summary: PointSummary
    target: TargetIdentity
    anchor: ClockAnchor
    began_unix: float
    ended_unix: float
    prompts: str | None = None
    notes: tuple[str, ...] = ()
    cache_flushed: str | None = None
    """These three as in `PointManifest`."""


def jobs(scenario: Scenario, directory_of: Callable[[SweepPoint], Path], done: Collection[str] = ()) -> list[TwinJob]:
    """All sweep points of a scenario, in its order, but for those with a key in `done`."""
    model = models()[scenario.model]
    return [
        TwinJob(model, deployment, topology, point, scenario.load, directory_of(point), scenario.twin.run_noise)
        for deployment in scenario.deployments
        for topology in deployment.topologies
        for concurrency in topology.concurrency
        for point in [sweep_point(deployment, topology, concurrency)]
        if point.key not in done
    ]


def sweep_point(deployment: Deployment, topology: Topology, concurrency: int) -> SweepPoint:
    """The sweep point of a topology at a load."""
    return SweepPoint(
        deployment=deployment.name,
        topology=topology.name,
        concurrency=concurrency,
        prefill_gpus=topology.prefill_gpus,
        decode_gpus=topology.decode.total_gpus,
    )


def point_plan(load: Load, concurrency: int, prompts: str | None = None) -> Plan:
    """The plan of a sweep point. It depends on the load alone: every deployment gets the same prompts.

    `prompts` is the name of the prompt maker; None: words.
    """
    return make_plan(
        load.prompts_per_concurrency * concurrency,
        isl=load.isl,
        osl=load.osl,
        seed=load.seed,
        salt=f"c{concurrency}",
        max_concurrency=concurrency,
        ignore_eos=load.ignore_eos,
        prompts=prompts or TOKENIZER,
    )


def warmup_plan(load: Load, concurrency: int) -> Plan | None:
    """The warm-up of a sweep point on a real endpoint: the same shape, prompts of its own; None for none."""
    n = math.ceil(load.warmups_per_concurrency * concurrency)
    if n == 0:
        return None
    return make_plan(
        n,
        isl=load.isl,
        osl=load.osl,
        seed=load.seed,
        salt=f"warmup-c{concurrency}",
        max_concurrency=min(concurrency, n),
        ignore_eos=load.ignore_eos,
    )


def run_job(job: TwinJob, on_progress: OnProgress | None = None) -> PointOutcome:
    """Run one sweep point on the twin: drive it, keep every record, summarise what is on disk."""
    from inferbench.records.arrow_writer import ArrowSink
    from inferbench.records.reader import read_records
    from inferbench.simulator.engine.build import cluster_of
    from inferbench.simulator.engine.cluster import TwinTarget
    from inferbench.simulator.engine.noise import paced, run_factor
    from inferbench.simulator.timing.modelled_energy import modelled_energy

    began, anchor = time.time(), ClockAnchor(wall_unix_ns=time.time_ns(), monotonic_ns=time.monotonic_ns())
    plan, clock = point_plan(job.load, job.point.concurrency), VirtualClock()
    pace = run_factor(job.load.seed, job.point.key, job.run_noise)
    gpu = gpus()[job.deployment.gpu]
    cluster = paced(cluster_of(job.model, gpu, job.deployment, job.topology), pace)

    def watch(progress: Progress, _: int) -> None:
        if on_progress is not None:
            on_progress(progress_of(job.point, progress))

    sink = ArrowSink(job.directory)
    driven = drive_virtual(plan, TwinTarget(cluster, clock, pass_sink=sink), clock, sink, watch)
    sink.close()
    watch(driven.progress, 0)
    records = read_records(job.directory)
    energy = modelled_energy(cluster, gpu.power, records, job.point)
    summary = summarise(records, plan, job.point, Origin.SIMULATED, energy=energy)
    return PointOutcome(summary, _identity(job), anchor, began, time.time())


def _identity(job: TwinJob) -> TargetIdentity:
    return TargetIdentity(
        kind="twin",
        engine=job.deployment.stack.framework,
        model=job.model.hugging_face_id,
        gpu=job.deployment.gpu,
        precision=job.deployment.precision,
        twin_parameters=twin_parameters_sha256(),
    )


def progress_of(point: SweepPoint, progress: Progress) -> PointProgress:
    """Return how far one point is, from the state of its load."""
    return PointProgress(
        point.deployment, point.key, progress.planned, progress.ended, progress.in_flight, progress.failed
    )


def run_jobs(todo: list[TwinJob], workers: int | None, on_progress: OnProgress) -> Iterator[PointOutcome]:
    """Run jobs in `workers` processes (one a core by default) and yield each outcome as it comes.

    The largest go first, so that no core is left waiting for one at the end. Results do not depend on the order.
    Raises StoppedError where one of the processes is killed.
    """
    order = sorted(todo, key=lambda job: -job.point.concurrency)
    try:
        for _, outcome in in_processes(_run_in_process, order, workers or os.cpu_count() or 1, on_progress):
            yield outcome
    except ProcessLostError as error:
        raise StoppedError(
            f"a process that simulates {error}; does the machine have enough memory?", ExitCode.INTERNAL
        ) from None


def _run_in_process(job: TwinJob, say: OnProgress) -> PointOutcome:
    last = 0.0

    def send(progress: PointProgress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > 0.1 or progress.ended == progress.planned:
            last = now
            say(progress)

    return run_job(job, send)
