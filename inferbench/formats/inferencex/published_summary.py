"""A published point as a summary without records: over the whole run, holding only what was published."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from inferbench.evidence.measured_point import Latency, MeasuredPoint, MeasuredRequests
from inferbench.metrics.families import LATENCIES
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

MEAN_LENGTH = 0.9
"""Of nominal: InferenceX draws lengths from 0.8 to 1.0 of it (RANDOM_RANGE_RATIO)."""
PROMPTS_PER_SLOT = 10
PROMPT_HASH = "not published"
LENGTHS = (
    f"mean lengths are {MEAN_LENGTH} of nominal and {PROMPTS_PER_SLOT} requests per slot were sent, as InferenceX does"
)
FORMULA = "TPOT by the publisher's formula, (E2EL - TTFT)/(OSL - 1)"
SPLIT = "where input and output throughput were not published, the total is split by the nominal lengths"


def assumed(points: Iterable[MeasuredPoint]) -> tuple[str, ...]:
    """What summaries of these points take for granted beyond what was published."""
    unsaid = any(point.requests is None for point in points)
    return (LENGTHS, FORMULA, SPLIT) if unsaid else (FORMULA,)


def series(point: MeasuredPoint) -> str:
    """Name of the deployment that a point belongs to: stack, precision, speculation and shape."""
    parts = [point.gpu, point.framework, point.precision, None if point.speculation == "none" else point.speculation]
    return _safe("-".join([part for part in parts if part] + [f"{point.isl}x{point.osl}"]))


def topology(point: MeasuredPoint) -> str:
    """Name of a point's topology on its day: another day is other software."""
    return _safe(f"{point.topology.replace(' + ', '_')}.{point.date or 'undated'}")


def summary_of(point: MeasuredPoint, again: int = 1) -> PointSummary:
    """Make a summary; `again` above 1 tells measurements of the same configuration on one day apart.

    Raises ValueError for a point without a concurrency.
    """
    if point.concurrency is None:
        raise ValueError("the concurrency is missing")
    suffix = f".{again}" if again > 1 else ""
    usual = point.concurrency * PROMPTS_PER_SLOT
    requests = point.requests or MeasuredRequests(planned=usual, ok=usual)
    return PointSummary(
        point=SweepPoint(
            deployment=series(point),
            topology=topology(point) + suffix,
            concurrency=point.concurrency,
            prefill_gpus=point.prefill.gpus if point.prefill else 0,
            decode_gpus=point.decode.gpus,
        ),
        origin=Origin.IMPORTED,
        partial=False,
        counts=Counts(**requests.model_dump()),
        isl_mean=point.isl_mean or MEAN_LENGTH * point.isl,
        osl_mean=_osl_mean(point),
        prompt_hash=PROMPT_HASH,
        whole_run=_whole_run(point, requests.ok),
        window=None,
        window_reason="imported: published over the whole run",
        client=ClientHealth(valid=False, reasons=point.invalid) if point.invalid else None,
    )


def _whole_run(point: MeasuredPoint, requests: int) -> BasisSummary:
    total = point.tput_per_gpu * point.gpus
    output = _output(point, total)
    return BasisSummary(
        basis=Basis.WHOLE_RUN,
        begin_ns=None,
        end_ns=None,
        throughput=Throughput(
            seconds=point.seconds,
            request_tput=requests / point.seconds if point.seconds else output / _osl_mean(point),
            input_tput=total - output,
            output_tput=output,
            total_tput=total,
            tput_per_gpu=point.tput_per_gpu,
            in_flight_mean=point.in_flight_mean,
        ),
        ttft_queued_ms=None,
        **_distributions(point, requests),
        interactivity_p50=point.interactivity,
    )


def _distributions(point: MeasuredPoint, requests: int) -> dict[str, Any]:
    return {metric.field: _distribution(getattr(point, metric.field), requests) for metric in LATENCIES}


def _osl_mean(point: MeasuredPoint) -> float:
    return point.osl_mean or MEAN_LENGTH * point.osl


def _output(point: MeasuredPoint, total: float) -> float:
    """Generated tok/s of the whole deployment. Published over decode GPUs where roles are apart, else over all."""
    if point.output_tput_per_gpu is None:
        return total * point.osl / (point.isl + point.osl)
    return min(point.output_tput_per_gpu * point.decode.gpus, total)


def _distribution(latency: Latency | None, n: int) -> Distribution | None:
    """None where not even the median was published."""
    if latency is None or latency.p50 is None:
        return None
    return Distribution(
        n=n if latency.n is None else latency.n,
        mean=latency.mean,
        std=latency.std,
        p50=latency.p50,
        p90=latency.p90,
        p95=latency.p95,
        p99=latency.p99,
        p999=latency.p999,
    )


def _safe(text: str) -> str:
    """A name that may be a directory's."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-.")
