"""An ad-hoc load against one endpoint, as `vllm bench serve` would give it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..domain.errors import UsageError
from ..domain.manifest import PointManifest, RunManifest, RunState, TargetIdentity
from ..domain.plan import Arrival, Plan
from ..domain.records import Records
from ..domain.scenario import Lengths
from ..domain.summary import ClientHealth, Origin, PointSummary, SweepPoint
from ..loadgen.dispatcher import Limits, Progress
from ..metrics.summarise import summarise
from ..metrics.validity import judge_client
from ..store import layout
from ..store.rundir import DEFAULT_STORE, RunDirectory
from ..targets.control import probe
from ..targets.endpoint import Endpoint
from ..workload.planning import make_plan
from .http_point import HttpOutcome, run_http_point, run_in_loop
from .identity import client_host
from .runs import Run

SCENARIO = "bench"


@dataclass(frozen=True)
class BenchLoad:
    """The load of an ad-hoc run. Raises UsageError for a load that cannot be sent."""

    num_prompts: int = 1000
    isl: Lengths = field(default_factory=lambda: Lengths(nominal=1024, min=1024, max=1024))
    osl: Lengths = field(default_factory=lambda: Lengths(nominal=128, min=128, max=128))
    max_concurrency: int | None = None
    request_rate: float = math.inf
    """Requests/s; inf: all due at once."""
    burstiness: float = 1.0
    num_warmups: int = 0
    ignore_eos: bool = True
    seed: int = 0
    max_error_rate: float = 1.0
    gpus: int = 1
    """GPUs of the deployment, for figures per GPU."""

    def __post_init__(self) -> None:
        least_one = {"num-prompts": self.num_prompts, "gpus": self.gpus, "max-concurrency": self.max_concurrency}
        for name, value in least_one.items():
            if value is not None and value < 1:
                raise UsageError(f"--{name} {value} must be at least 1")
        if self.num_warmups < 0:
            raise UsageError(f"--num-warmups {self.num_warmups} must be at least 0")
        for name, rate in {"request-rate": self.request_rate, "burstiness": self.burstiness}.items():
            if not rate > 0:
                raise UsageError(f"--{name} {rate} must be above 0")

    @property
    def concurrency(self) -> int:
        """The closed-loop limit; all requests at once where none is set."""
        return min(self.max_concurrency or self.num_prompts, self.num_prompts)

    def plan(self, n: int, salt: str) -> Plan:
        """Plan n requests."""
        closed = math.isinf(self.request_rate)
        return make_plan(
            n,
            isl=self.isl,
            osl=self.osl,
            seed=self.seed,
            salt=salt,
            max_concurrency=self.concurrency if closed else self.max_concurrency,
            arrival=Arrival.CLOSED if closed else Arrival.GAMMA,
            rate=1.0 if closed else self.request_rate,
            burstiness=self.burstiness,
            ignore_eos=self.ignore_eos,
        )


@dataclass(frozen=True)
class BenchRun:
    """An ad-hoc run and the summary of its one point."""

    run: Run
    summary: PointSummary
    model: str
    """The model that answered, as the endpoint names it."""
    records_directory: Path
    began_unix: float
    ended_unix: float
    stop_reason: str | None
    """Why it stopped early, None where it did not."""

    def records(self) -> Records:
        """All records of the point."""
        from ..store.reader import read_records

        return read_records(self.records_directory)


def bench(
    endpoint: Endpoint,
    load: BenchLoad,
    *,
    store: str | Path = DEFAULT_STORE,
    ready_timeout_s: float = 0.0,
    on_progress: Callable[[Progress], None] = lambda _: None,
    command: Sequence[str] = (),
) -> BenchRun:
    """Send exactly `num_prompts` requests and return what came of them.

    There is no canary and no retry; warm-ups are sent only where asked for. Raises EndpointError where the
    endpoint is down, refuses, or does not serve the model.
    """
    identity = run_in_loop(probe(endpoint, ready_timeout_s))
    directory = RunDirectory.create(Path(store), SCENARIO)
    point = SweepPoint(
        deployment="endpoint", topology="as-served", concurrency=load.concurrency, prefill_gpus=0, decode_gpus=load.gpus
    )
    plan = load.plan(load.num_prompts, f"c{load.concurrency}")
    manifest = _manifest(directory, load, command)
    directory.write_value(layout.MANIFEST, manifest)
    outcome = run_in_loop(
        run_http_point(
            _served(endpoint, identity),
            plan,
            directory.point(point),
            warmup=load.plan(load.num_warmups, "warmup") if load.num_warmups else None,
            limits=Limits(max_error_rate=load.max_error_rate),
            watch=lambda progress, _: on_progress(progress),
        )
    )
    summary = _summarise(directory.point(point), plan, point, outcome)
    directory.write_value(layout.SUMMARY, [summary])
    stopped = outcome.driven.stop_reason
    directory.write_value(
        layout.MANIFEST,
        manifest.model_copy(
            update={
                "state": RunState.PARTIAL if stopped else RunState.COMPLETE,
                "reason": stopped,
                "benchmark_end_time_unix": time.time(),
                "points": (_point_manifest(directory, point, plan, identity, outcome),),
                "checksums": directory.checksums(),
            }
        ),
    )
    return BenchRun(
        run=Run(directory),
        summary=summary,
        model=identity.model,
        records_directory=directory.point(point),
        began_unix=outcome.began_unix,
        ended_unix=outcome.ended_unix,
        stop_reason=stopped,
    )


def _served(endpoint: Endpoint, identity: TargetIdentity) -> Endpoint:
    """The endpoint with the model that the probe found, where none was named."""
    return replace(endpoint, model=identity.model)


def _summarise(directory: Path, plan: Plan, point: SweepPoint, outcome: HttpOutcome) -> PointSummary:
    from ..store.reader import read_records  # pyarrow, after the load has ended

    records = read_records(directory)
    partial = outcome.driven.stop_reason is not None
    summary = summarise(records, plan, point, Origin.MEASURED, partial=partial)
    client: ClientHealth = judge_client(
        records,
        summary.whole_run,
        loop_lags_ms=outcome.driven.loop_lags_ms,
        cpu_share=outcome.driven.cpu_share,
        streams_open_max=outcome.streams_open_max,
        streams_asked=min(point.concurrency, len(records)) if plan.planned_ns is None else 0,
    )
    return summary.model_copy(update={"client": client})


def _manifest(directory: RunDirectory, load: BenchLoad, command: Sequence[str]) -> RunManifest:
    return RunManifest(
        format=1,
        run_id=directory.run_id,
        kind="bench",
        state=RunState.RUNNING,
        scenario=SCENARIO,
        scenario_sha256=None,
        command=tuple(command),
        seed=load.seed,
        host=client_host(),
        benchmark_start_time_unix=time.time(),
        benchmark_end_time_unix=None,
    )


def _point_manifest(
    directory: RunDirectory, point: SweepPoint, plan: Plan, identity: TargetIdentity, outcome: HttpOutcome
) -> PointManifest:
    return PointManifest(
        point=point,
        attempt=1,
        origin=Origin.MEASURED,
        target=identity,
        prompt_hash=plan.prompt_hash,
        anchor=outcome.anchor,
        benchmark_start_time_unix=outcome.began_unix,
        benchmark_end_time_unix=outcome.ended_unix,
        checksums=directory.checksums(directory.point(point)),
    )
