"""An ad-hoc load against one endpoint, as `vllm bench serve` would give it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from inferbench.endpoint.fingerprint import TargetIdentity
from inferbench.endpoint.prefix_cache import Flush, flush_cache
from inferbench.endpoint.readiness import probe
from inferbench.errors import Interruption, StoreError, reason_of
from inferbench.loadgen.event_loop import run_in_loop
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.progress import Progress, StopKind
from inferbench.metrics.summary import Origin, PointSummary, SweepPoint
from inferbench.records import layout
from inferbench.records.columns import Records
from inferbench.runs.bench.bench_plan import BenchLoad
from inferbench.runs.manifest import begun, ended
from inferbench.runs.measure.plan_run import HttpOutcome, run_http_point
from inferbench.runs.measure.point_summary import notes_on, summarise_http, why_partial
from inferbench.runs.opened_run import Run
from inferbench.store.manifest import OfferedLoad, PointManifest, RunManifest, RunState
from inferbench.store.run_directory import DEFAULT_STORE, RunDirectory
from inferbench.workload.plan import Plan

SCENARIO = "bench"


@dataclass(frozen=True)
class Client:
    """How an ad-hoc load is sent. Changes no request, only who sends it."""

    workers: int | Literal["auto"] = 1
    """Processes that share it."""
    ray: str | None = None
    """Address of a Ray cluster whose actors share it; `local` starts one on this machine."""
    ready_timeout_s: float = 0.0
    """Longest to wait for the endpoint to answer, s; 0: it must answer at once."""
    flush_cache: bool = True
    """Empty the server's prefix cache first, where it has a way to."""


@dataclass(frozen=True)
class BenchRun:
    """An ad-hoc run and the summary of its one point."""

    run: Run
    """The run as it is kept."""
    summary: PointSummary
    """Latencies in ms and throughput in tok/s, over the whole run and over the steady state (docs/glossary.md)."""
    model: str
    """The model that answered, as the endpoint names it."""
    records_directory: Path
    """Where the records of its requests lie."""
    began_unix: float
    """When time zero of the load was, s since 1970 UTC."""
    ended_unix: float
    """When its last record was kept, s since 1970 UTC."""
    stop_reason: str | None
    """Why it stopped early, None where it did not."""
    stop_kind: StopKind | None = None
    """What kind of end that was, None where it ran to its end."""
    notes: tuple[str, ...] = ()
    """What must be known to read its figures."""

    @property
    def interrupted(self) -> Interruption | None:
        """What stopped it, where somebody did: Ctrl-C, or a signal."""
        return Interruption.from_reason(self.stop_reason)

    @property
    def lost(self) -> bool:
        """Whether a worker was lost."""
        return self.stop_kind is StopKind.LOST

    def records(self) -> Records:
        """All records of the point."""
        from inferbench.records.reader import read_records

        return read_records(self.records_directory)


def bench(
    endpoints: Endpoint | Sequence[Endpoint],
    load: BenchLoad,
    client: Client | None = None,
    *,
    store: str | Path = DEFAULT_STORE,
    on_progress: Callable[[Progress], None] = lambda _: None,
    command: Sequence[str] = (),
) -> BenchRun:
    """Send a load, request by request as planned, and return what came of it.

    `endpoints` is one, or several that serve the same model and get requests in turn; `load` is what is sent, and
    `client` by how many processes. There is no canary and no retry; warm-ups are sent only where asked for. The run is
    kept in `<store>/bench/<run_id>/`, with `command` as what was typed. `on_progress` is told a few times a second how
    many requests have been sent and have ended; within a running event loop that is in another thread. Whatever ends
    the load, the manifest says so; after Ctrl-C what was measured is returned, marked partial, as it is where the disk
    is too full for the summary. Figures are defined in docs/glossary.md.
    Raises EndpointError where an endpoint is down, refuses, or does not serve the model, UsageError and FileError for a
    load that cannot be made.
    """
    client = client or Client()
    asked = [endpoints] if isinstance(endpoints, Endpoint) else list(endpoints)
    identities = [run_in_loop(probe(endpoint, client.ready_timeout_s)) for endpoint in asked]
    served = [replace(e, model=identity.model) for e, identity in zip(asked, identities, strict=True)]
    plan, said = load.plan(f"c{load.concurrency}")
    point = SweepPoint(
        deployment="endpoint",
        topology="as-served",
        concurrency=min(load.concurrency, len(plan)),
        prefill_gpus=0,
        decode_gpus=load.gpus,
    )
    directory = RunDirectory.create(Path(store), SCENARIO)
    manifest = begun(directory, "bench", SCENARIO, load.seed, command)
    with directory.lock(), _ended_early(directory, manifest):
        directory.write_value(layout.MANIFEST, manifest)
        flushed = [run_in_loop(flush_cache(endpoint)) for endpoint in served] if client.flush_cache else []
        outcome = run_in_loop(
            run_http_point(
                served,
                plan,
                directory.point(point),
                warmup=load.warmup(),
                limits=load.limits,
                watch=lambda progress, _: on_progress(progress),
                workers=client.workers,
                ray=client.ray,
                prompts=load.prompts,
                probe_rate=load.probe_rate,
            )
        )
        summary = summarise_http(directory.point(point), plan, point, outcome, load.slo)
        notes = _notes(load, summary, said, plan.salt, flushed)
        reason, kind = why_partial(outcome), outcome.driven.stop_kind
        try:
            directory.write_value(layout.SUMMARY, [summary])
            entry = _point_manifest(directory, point, plan, load, identities[0], outcome, flushed, notes)
            directory.write_value(layout.MANIFEST, _finished(manifest, reason, (entry,), directory))
        except StoreError as error:  # the records are as they are, and so are the figures
            reason, kind = str(error), StopKind.UNRECORDED
    return BenchRun(
        run=Run(directory),
        summary=summary,
        model=identities[0].model,
        records_directory=directory.point(point),
        began_unix=outcome.began_unix,
        ended_unix=outcome.ended_unix,
        stop_reason=reason,
        stop_kind=kind,
        notes=notes,
    )


@contextmanager
def _ended_early(directory: RunDirectory, manifest: RunManifest) -> Iterator[None]:
    """Have the manifest say what ended a run before it had a summary."""
    try:
        yield
    except BaseException as error:
        with suppress(StoreError):
            directory.write_value(layout.MANIFEST, _finished(manifest, reason_of(error), (), directory))
        if isinstance(error, KeyboardInterrupt):
            raise Interruption(Interruption.of(error).number, f"{directory.path} holds no figures") from None
        raise


def _notes(
    load: BenchLoad, summary: PointSummary, said: Sequence[str], salt: str, flushed: Sequence[Flush]
) -> tuple[str, ...]:
    notes = list(notes_on(summary, load.prompts.maker(salt)))
    kept = next((flush.why_not for flush in flushed if flush.why_not), None)
    if kept and (summary.whole_run is None or summary.whole_run.cache_hit_rate is None):
        notes.append(
            f"the prefix cache was not emptied ({kept}), and the server does not tell what comes from it: prompts that "
            f"it has seen before, as in another run with --seed {load.seed}, make TTFT too short"
        )
    return (*notes, *said)


def _finished(
    manifest: RunManifest, why: str | None, points: tuple[PointManifest, ...], directory: RunDirectory
) -> RunManifest:
    state = RunState.COMPLETE if why is None else RunState.PARTIAL
    return ended(manifest, points, directory.checksums(), state=state, reason=why)


def _point_manifest(
    directory: RunDirectory,
    point: SweepPoint,
    plan: Plan,
    load: BenchLoad,
    identity: TargetIdentity,
    outcome: HttpOutcome,
    flushed: Sequence[Flush],
    notes: tuple[str, ...],
) -> PointManifest:
    drawn = load.trace is None
    return PointManifest(
        point=point,
        attempt=1,
        origin=Origin.MEASURED,
        target=identity,
        prompt_hash=plan.prompt_hash,
        isl=load.isl.nominal if drawn else None,
        osl=load.osl.nominal if drawn else None,
        offered=OfferedLoad(
            request_rate=None if math.isinf(load.request_rate) else load.request_rate,
            burstiness=load.burstiness,
            max_concurrency=load.max_concurrency,
        ),
        prompts=load.prompts.maker(plan.salt).name,
        notes=notes,
        cache_flushed=", ".join(flush.path for flush in flushed if flush.path) or None,
        anchor=outcome.anchor,
        benchmark_start_time_unix=outcome.began_unix,
        benchmark_end_time_unix=outcome.ended_unix,
        checksums=directory.checksums(directory.point(point)),
    )
