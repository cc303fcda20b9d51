"""Small values for tests, valid by default; a test names only what it is about."""

from __future__ import annotations

import datetime

from inferbench.comparison.verdict import FrontierPoint
from inferbench.endpoint.fingerprint import TargetIdentity
from inferbench.loadgen.workers.clock_sync import ClockAnchor
from inferbench.metrics.request_counts import Counts
from inferbench.metrics.summary import (
    Basis,
    BasisSummary,
    ClientHealth,
    Distribution,
    Origin,
    PointSummary,
    SweepPoint,
    Throughput,
)
from inferbench.pricing.rate_card import PowerFigure, Price, PriceBook
from inferbench.store.manifest import BookStamp, ClientHost, PointManifest, RunManifest, RunState

DAY = datetime.date(2026, 1, 1)


def distribution(p50: float, p99: float | None = None) -> Distribution:
    p99 = p50 if p99 is None else p99
    return Distribution(n=10, mean=p50, std=0.0, p50=p50, p90=p99, p95=p99, p99=p99, p999=p99)


def sweep_point(
    deployment: str = "d", topology: str = "t", concurrency: int = 8, prefill_gpus: int = 4, decode_gpus: int = 8
) -> SweepPoint:
    return SweepPoint(
        deployment=deployment,
        topology=topology,
        concurrency=concurrency,
        prefill_gpus=prefill_gpus,
        decode_gpus=decode_gpus,
    )


def basis_summary(
    gpus: int,
    basis: Basis = Basis.WHOLE_RUN,
    tput_per_gpu: float = 900.0,
    interactivity: float = 50.0,
    ttft_p50_ms: float = 400.0,
    ttft_p99_ms: float = 900.0,
    tpot_p99_ms: float | None = None,
) -> BasisSummary:
    """Eight ninths of the tokens are prompt tokens, as at 8k in and 1k out."""
    total, tpot = tput_per_gpu * gpus, 1000 / interactivity
    return BasisSummary(
        basis=basis,
        begin_ns=0,
        end_ns=100_000_000_000,
        throughput=Throughput(
            seconds=100.0,
            request_tput=1.0,
            input_tput=total * 8 / 9,
            output_tput=total / 9,
            total_tput=total,
            tput_per_gpu=tput_per_gpu,
            in_flight_mean=8.0,
        ),
        ttft_ms=distribution(ttft_p50_ms, ttft_p99_ms),
        ttft_queued_ms=distribution(ttft_p50_ms, ttft_p99_ms),
        tpot_ms=distribution(tpot, tpot_p99_ms),
        itl_ms=distribution(tpot, tpot_p99_ms),
        e2el_ms=distribution(ttft_p50_ms + 1000 * tpot),
        interactivity_p50=interactivity,
    )


def point_summary(
    point: SweepPoint | None = None,
    *,
    origin: Origin = Origin.SIMULATED,
    partial: bool = False,
    invalid: str | None = None,
    window_reason: str | None = None,
    prompt_hash: str = "hash",
    **figures: float,
) -> PointSummary:
    """A point whose window has the figures of its whole run, or none where `window_reason` says why."""
    point = point or sweep_point()
    client = ClientHealth(
        loop_lag_p99_ms=0,
        loop_lag_max_ms=0,
        send_lag_p99_ms=0,
        streams_open_max=8,
        cpu_share=0.1,
        valid=invalid is None,
        reasons=(invalid,) if invalid else (),
    )
    return PointSummary(
        point=point,
        origin=origin,
        partial=partial,
        counts=Counts(planned=80, ok=80),
        isl_mean=7372.5,
        osl_mean=921.5,
        prompt_hash=prompt_hash,
        whole_run=basis_summary(point.gpus, Basis.WHOLE_RUN, **figures),
        window=None if window_reason else basis_summary(point.gpus, Basis.WINDOW, **figures),
        window_reason=window_reason,
        client=client,
    )


def frontier_point(
    interactivity: float,
    tput_per_gpu: float,
    *,
    deployment: str = "d",
    concurrency: int = 8,
    ttft_p99_ms: float = 900.0,
    tpot_p99_ms: float = 20.0,
) -> FrontierPoint:
    return FrontierPoint(
        deployment=deployment,
        topology="t",
        concurrency=concurrency,
        interactivity=interactivity,
        tput_per_gpu=tput_per_gpu,
        ttft_p99_ms=ttft_p99_ms,
        tpot_p99_ms=tpot_p99_ms,
        gpus=12,
    )


def price(gpu: str, value: float, tier: str = "rented") -> Price:
    return Price(gpu=gpu, tier=tier, value=value, unit="USD/GPU/h", source="a test", as_of=DAY)


def price_book(prices: dict[str, float], kw: dict[str, float] | None = None, name: str = "book") -> PriceBook:
    """A book of one tier, `rented`."""
    return PriceBook(
        format=1,
        name=name,
        title="A book",
        as_of=DAY,
        currency="USD",
        all_in=True,
        tiers=("rented",),
        prices=tuple(price(gpu, value) for gpu, value in prices.items()),
        power=tuple(
            PowerFigure(gpu=gpu, value=value, unit="kW/GPU", source="a test", as_of=DAY)
            for gpu, value in (kw or {}).items()
        ),
    )


def point_manifest(
    point: SweepPoint | None = None,
    *,
    attempt: int = 1,
    origin: Origin = Origin.SIMULATED,
    prompt_hash: str = "hash",
    engine: str = "sglang",
    engine_version: str = "0.5.9",
    model: str = "deepseek-r1-0528",
    gpu: str = "mi355x",
) -> PointManifest:
    return PointManifest(
        point=point or sweep_point(),
        attempt=attempt,
        origin=origin,
        target=TargetIdentity(kind="twin", engine=engine, engine_version=engine_version, model=model, gpu=gpu),
        prompt_hash=prompt_hash,
        anchor=ClockAnchor(wall_unix_ns=0, monotonic_ns=0),
        benchmark_start_time_unix=0.0,
        benchmark_end_time_unix=100.0,
        checksums={},
    )


def run_manifest(
    *points: PointManifest,
    run_id: str = "run",
    scenario_sha256: str | None = "0" * 64,
    seed: int = 0,
    book_sha256: str = "1" * 64,
    platform: str = "Linux",
) -> RunManifest:
    return RunManifest(
        format=1,
        run_id=run_id,
        kind="run",
        state=RunState.COMPLETE,
        scenario="s",
        scenario_sha256=scenario_sha256,
        command=(),
        seed=seed,
        host=ClientHost(platform=platform, python="3.11", cpus=2, inferbench="0.1.0"),
        benchmark_start_time_unix=0.0,
        benchmark_end_time_unix=100.0,
        price_books=(BookStamp(name="book", as_of="2026-01-01", sha256=book_sha256),),
        points=points or (point_manifest(),),
    )
