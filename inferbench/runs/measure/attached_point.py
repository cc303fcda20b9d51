"""Measuring one sweep point after the other on a running deployment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from inferbench.endpoint.discovery import Sight
from inferbench.errors import EndpointError, ExitCode, Interruption, StoppedError, StoreError
from inferbench.loadgen.clock import LoopClock
from inferbench.loadgen.dispatcher import Progress
from inferbench.loadgen.driver import drive_live
from inferbench.loadgen.event_loop import run_in_loop
from inferbench.loadgen.health.remedies import what_helps
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.http.target import HttpTarget
from inferbench.loadgen.progress import MAX_ERROR_RATE, RunLimits, StopKind
from inferbench.loadgen.sinks import Kept
from inferbench.metrics.failure_kinds import listing, sentence
from inferbench.metrics.summary import PointSummary, SweepPoint
from inferbench.records.request_record import Status
from inferbench.runs.measure.monitored_deployment import WhatToWatch, with_energy
from inferbench.runs.measure.plan_run import HttpOutcome, run_http_point
from inferbench.runs.measure.point_summary import notes_on, summarise_http, why_partial
from inferbench.runs.sweep import OnProgress, PointOutcome, point_plan, progress_of, warmup_plan
from inferbench.scenario.scenario import Lengths, Scenario
from inferbench.store.run_directory import RunDirectory
from inferbench.telemetry.monitor import watch as watching
from inferbench.workload.planner import make_plan
from inferbench.workload.prompt_source import PromptSource

CANARY_TOKENS = 8
"""Length of the prompt that is sent before any load."""
CANARY_TIMEOUT_S = 120.0
"""Longest that its one token may take: an engine compiles and captures graphs when it is first asked."""


@dataclass(frozen=True)
class HowToMeasure:
    """How the load is sent to a running deployment."""

    workers: int | Literal["auto"] = "auto"
    """Processes of the client that share the load; auto: as many as the self-check asks for, if one was made."""
    prompts: PromptSource = field(default_factory=PromptSource)
    """How prompts are made: of words, or of tokens of a tokenizer."""
    ready_timeout_s: float = 0.0
    """Longest to wait for every process to be ready, s; 0: they must be at once."""
    flush_cache: bool = True
    """Empty prefix caches before each sweep point, where the engine has a way to."""
    max_error_rate: float = MAX_ERROR_RATE
    """Share of requests that may fail before a point, and the run with it, is stopped."""
    watch: WhatToWatch = field(default_factory=WhatToWatch)
    """Metrics pages and GPUs that are read while the load runs."""


async def canary(endpoint: Endpoint, how: HowToMeasure) -> None:
    """Ask for one token, as the load will. Raises EndpointError where it does not come, before any load is sent."""
    isl, osl = (Lengths(nominal=n, min=n, max=n) for n in (CANARY_TOKENS, 1))
    maker = how.prompts.maker("canary")
    plan = make_plan(1, isl=isl, osl=osl, seed=0, salt="canary", max_concurrency=1, prompts=maker.name)
    loop, sink = asyncio.get_running_loop(), Kept()
    clock, timeout_s = LoopClock(loop), min(endpoint.request_timeout_s, CANARY_TIMEOUT_S)
    target = HttpTarget(replace(endpoint, request_timeout_s=timeout_s), plan, maker.make, clock, loop)
    try:
        await target.open(1)
        await drive_live(plan, target, clock, sink)
    finally:
        await target.close()
    for record in sink.records:
        if record.status is not Status.OK:
            why = record.error or record.status.name.lower()
            raise EndpointError(f"{endpoint.url()} did not answer a request for one token: {why}")


def measure(
    points: Sequence[SweepPoint],
    spec: Scenario,
    seen: Sight,
    how: HowToMeasure,
    directory: RunDirectory,
    on_progress: OnProgress,
) -> Iterator[PointOutcome]:
    """Measure points one after the other, each with empty caches and warm-ups of its own.

    One that was cut short is yielded too, and ends it: with Interruption after a signal, with StoppedError where too
    many requests failed or a worker was lost, with EndpointError where none succeeded or the server fell silent, with
    StoreError where records could no longer be kept.
    """
    for point in points:
        flushes = run_in_loop(seen.flush()) if how.flush_cache else {}
        emptied = [f"{flush.path} of {url}" for url, flush in flushes.items() if flush.path]
        outcome, summary, maker_name, notes = _one(point, spec, seen, how, directory, on_progress)
        deployment = spec.deployment(point.deployment)
        yield PointOutcome(
            summary=summary,
            target=seen.identity.model_copy(update={"gpu": deployment.gpu, "precision": deployment.precision}),
            anchor=outcome.anchor,
            began_unix=outcome.began_unix,
            ended_unix=outcome.ended_unix,
            prompts=maker_name,
            notes=notes,
            cache_flushed=", ".join(emptied) or None,
        )
        _go_on(point, outcome, summary)


def _one(
    point: SweepPoint,
    spec: Scenario,
    seen: Sight,
    how: HowToMeasure,
    directory: RunDirectory,
    on_progress: OnProgress,
) -> tuple[HttpOutcome, PointSummary, str, tuple[str, ...]]:
    name = how.prompts.maker("").name
    plan = point_plan(spec.load, point.concurrency, name)
    maker = how.prompts.maker(plan.salt)

    def watch(progress: Progress, _: int) -> None:
        on_progress(progress_of(point, progress))

    at = directory.point(point)

    async def watched() -> tuple[HttpOutcome, tuple[str, ...]]:
        what = how.watch
        async with watching(what.workers(seen), at, every_s=what.every_s, gpus=what.gpus) as told:
            outcome = await run_http_point(
                seen.endpoints,
                plan,
                at,
                warmup=warmup_plan(spec.load, point.concurrency),
                limits=RunLimits(max_error_rate=how.max_error_rate),
                watch=watch,
                workers=how.workers,
                prompts=how.prompts,
            )
        return outcome, (*(f"not watched: {line}" for line in told.problems), *(f"watched: {r}" for r in told.remarks))

    outcome, notes = run_in_loop(watched())
    watch(outcome.driven.progress, 0)
    summary = with_energy(summarise_http(at, plan, point, outcome), at, outcome.anchor)
    return outcome, summary, name, (*notes_on(summary, maker), *notes)


def _go_on(point: SweepPoint, outcome: HttpOutcome, summary: PointSummary) -> None:
    """Raise what ends a run after a point."""
    why = why_partial(outcome)
    if stopped := Interruption.from_reason(why):
        raise stopped
    if outcome.driven.stop_kind is StopKind.UNRECORDED:
        raise StoreError(f"{point.key}: {why}")
    if outcome.driven.stop_kind is StopKind.SILENT:
        raise EndpointError(f"{point.key}: {why}")
    if outcome.driven.stop_kind is StopKind.LOST:
        raise StoppedError(f"INVALID: {point.key}: {why}{what_helps(summary.client)}", ExitCode.INVALID)
    if summary.counts.ok == 0:
        raise EndpointError(f"{point.key}: no request succeeded: {sentence(summary.counts, summary.failures)}")
    if why is not None:
        raise StoppedError(f"{point.key}: {why}: {listing(summary.failures)}")
