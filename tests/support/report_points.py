"""Sweep points with invented but plausible figures."""

from __future__ import annotations

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
from inferbench.scenario.scenario import Scenario

# Invented: tok/s/GPU at full load, and tok/s/user of one request alone.
PEAK = {"mi355x-sglang-mori": (6300.0, 176.0), "b200-trtllm": (7200.0, 195.0), "b200-sglang": (6100.0, 132.0)}


def distribution(p50: float, tail: float = 1.6) -> Distribution:
    return Distribution(
        n=640, mean=p50 * 1.05, std=p50 * 0.2, p50=p50, p90=p50 * 1.3, p95=p50 * 1.4, p99=p50 * tail, p999=p50 * 2
    )


def basis_summary(basis: Basis, ttft: float, tpot: float, per_gpu: float, gpus: int, in_flight: float) -> BasisSummary:
    total = per_gpu * gpus
    throughput = Throughput(
        seconds=60, request_tput=total / 8294, input_tput=total * 8 / 9, output_tput=total / 9, total_tput=total,
        tput_per_gpu=per_gpu, in_flight_mean=in_flight,
    )  # fmt: skip
    return BasisSummary(
        basis=basis,
        begin_ns=0,
        end_ns=60_000_000_000,
        throughput=throughput,
        ttft_ms=distribution(ttft, 2.5),
        ttft_queued_ms=distribution(ttft, 2.5),
        tpot_ms=distribution(tpot, 1.2),
        itl_ms=distribution(tpot),
        e2el_ms=distribution(ttft + 921 * tpot),
        interactivity_p50=1000 / tpot,
    )


def healthy(lag: float = 1.2) -> ClientHealth:
    return ClientHealth(
        loop_lag_p99_ms=lag, loop_lag_max_ms=lag * 3, send_lag_p99_ms=0.4, streams_open_max=64, cpu_share=0.4,
        valid=True,
    )  # fmt: skip


def late(reason: str = "loop lag p99 of 61 ms is above 10 ms") -> ClientHealth:
    return healthy(61).model_copy(update={"valid": False, "reasons": (reason,), "remedies": ("--workers 2",)})


def summary(
    point: SweepPoint,
    per_gpu: float = 2000.0,
    tpot: float = 8.0,
    ttft: float = 700.0,
    origin: Origin = Origin.SIMULATED,
    client: ClientHealth | None = None,
    partial: bool = False,
) -> PointSummary:
    n = point.concurrency * 10
    counts = Counts(planned=n, ok=n - 3, error=1, unsent=2) if partial else Counts(planned=n, ok=n)
    return PointSummary(
        point=point,
        origin=origin,
        partial=partial,
        counts=counts,
        isl_mean=7372.5,
        osl_mean=921.5,
        prompt_hash="7f3a" * 16,
        whole_run=basis_summary(Basis.WHOLE_RUN, ttft, tpot, per_gpu, point.gpus, point.concurrency * 0.92),
        window=None
        if point.concurrency == 1
        else basis_summary(Basis.WINDOW, ttft * 1.02, tpot * 1.01, per_gpu * 1.09, point.gpus, point.concurrency),
        window_reason="one wave has no steady state" if point.concurrency == 1 else None,
        client=client,
    )


def sweep(scenario: Scenario, origin: Origin) -> tuple[PointSummary, ...]:
    out = []
    for deployment in scenario.deployments:
        peak, fastest = PEAK.get(deployment.name, (3000.0, 120.0))
        for topology in deployment.topologies:
            for concurrency in topology.concurrency:
                point = SweepPoint(
                    deployment=deployment.name,
                    topology=topology.name,
                    concurrency=concurrency,
                    prefill_gpus=topology.prefill.total_gpus,
                    decode_gpus=topology.decode.total_gpus,
                )
                load = concurrency / point.gpus
                interactivity = fastest * 1.25 / (1 + (load / 6) ** 0.62) * (1 + 0.02 * (len(topology.name) % 5))
                per_gpu = peak * load / (load + 12) * 9 / 8
                out.append(
                    summary(point, per_gpu, 1000 / interactivity, 220 + 60 * load**0.8, origin)
                )  # fmt: skip
    return tuple(out)
