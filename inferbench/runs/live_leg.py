"""The live leg: the real client over loopback against a server of known pace."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inferbench.errors import ExitCode, Interruption, StoppedError
from inferbench.loadgen.dispatcher import Progress
from inferbench.loadgen.event_loop import run_in_loop
from inferbench.loadgen.health.invalid_client import judge_client
from inferbench.loadgen.health.live_check import LiveResult, LiveStep
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.metrics.summarise import summarise
from inferbench.metrics.summary import Distribution, Origin, PointSummary, SweepPoint
from inferbench.runs.measure.plan_run import run_http_point
from inferbench.runs.sweep import OnProgress, progress_of
from inferbench.scenario.scenario import LIVE_LEG, Lengths, LiveLeg
from inferbench.simulator.server.send_record import SendRecord
from inferbench.simulator.server.server_process import fetch_record, start_paced
from inferbench.units import NS_PER_MS
from inferbench.workload.planner import make_plan

MODEL = "paced"


def run_live_leg(leg: LiveLeg, directory: Path, on_progress: OnProgress) -> LiveResult:
    """Try each number of streams in turn, until the client can no longer be believed."""
    steps: list[LiveStep] = []
    for concurrency in leg.concurrency:
        steps.append(_step(leg, concurrency, directory, on_progress))
        client = steps[-1].summary.client
        if client is None or not client.valid:
            break
    held = [s.concurrency for s in steps if s.summary.client is not None and s.summary.client.valid]
    return LiveResult(steps=tuple(steps), held=max(held, default=None))


def _step(leg: LiveLeg, concurrency: int, directory: Path, on_progress: OnProgress) -> LiveStep:
    point = SweepPoint(
        deployment=LIVE_LEG[0], topology=LIVE_LEG[1], concurrency=concurrency, prefill_gpus=0, decode_gpus=1
    )
    plan = make_plan(
        leg.waves * concurrency,
        isl=Lengths(nominal=leg.isl, min=leg.isl, max=leg.isl),
        osl=Lengths(nominal=leg.osl, min=leg.osl, max=leg.osl),
        seed=0,
        salt=f"live-c{concurrency}",
        max_concurrency=concurrency,
    )

    def watch(progress: Progress, _: int) -> None:
        on_progress(progress_of(point, progress))

    with start_paced(leg.ttft_ms, leg.tpot_ms, MODEL) as server:
        endpoint = Endpoint(server.url, "/v1/completions", MODEL)
        outcome = run_in_loop(run_http_point(endpoint, plan, directory / point.key, watch=watch))
        truth = fetch_record(server.url)
    if stopped := Interruption.from_reason(outcome.driven.stop_reason):
        raise stopped
    if outcome.driven.stop_kind is not None:
        raise StoppedError(f"live leg at {concurrency} streams: {outcome.driven.stop_reason}", ExitCode.USAGE)
    from inferbench.records.reader import read_records  # pyarrow, after the load has ended

    records = read_records(directory / point.key)
    figures = summarise(records, plan, point, Origin.MEASURED)
    client = judge_client(records, plan.arrival, outcome.client, streams_asked=concurrency)
    return _against_truth(figures.model_copy(update={"client": client}), concurrency, truth)


def _against_truth(summary: PointSummary, concurrency: int, truth: list[SendRecord]) -> LiveStep:
    """Set the client's medians beside those of the server's own record."""
    true_ttft = float(np.median([r.first_token_ns - r.arrival_ns for r in truth])) / NS_PER_MS
    spans = [(r.last_token_ns - r.first_token_ns) / (r.tokens - 1) for r in truth if r.tokens > 1]
    true_tpot = float(np.median(spans)) / NS_PER_MS
    run = summary.whole_run
    return LiveStep(
        concurrency=concurrency,
        summary=summary,
        truth_ttft_p50_ms=true_ttft,
        truth_tpot_p50_ms=true_tpot,
        ttft_error=_error(run.ttft_ms if run else None, true_ttft),
        tpot_error=_error(run.tpot_ms if run else None, true_tpot),
    )


def _error(measured: Distribution | None, truth: float) -> float:
    return measured.p50 / truth - 1 if measured is not None else -1.0
