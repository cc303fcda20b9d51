"""The result file of `vllm bench serve`: its keys, and its formulas over the whole run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inferbench.arrays import Floats
from inferbench.formats.vllm.times import Lists, Times
from inferbench.metrics.families import LATENCIES
from inferbench.records.columns import Records
from inferbench.units import MS_PER_S, NS_PER_S

METRICS = (*(metric.name for metric in LATENCIES), "client_queue_time", "e2el_including_client_queue")
"""Latencies of the file. Its formulas for ours, and two that only it has."""
DEFAULT_METRICS = METRICS[:3]
"""Those that `vllm bench serve` writes percentiles of unless told otherwise."""
RAMP_KEYS = ("ramp_up_strategy", "ramp_up_start_rps", "ramp_up_end_rps")


@dataclass(frozen=True, slots=True)
class VllmHeader:
    """What the file says about the run beside its figures."""

    date: str
    """Start of the run, YYYYmmdd-HHMMSS."""
    endpoint_type: str
    model_id: str
    num_prompts: int
    request_rate: float
    """Requests/s; inf where all were due at once, or at the times of a trace or a ramp."""
    burstiness: float
    max_concurrency: int | None
    begin_unix: float
    end_unix: float
    label: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    ramp: tuple[str, float, float] | None = None
    """How the request rate rose, from and to how many requests/s; None: it did not."""
    sessions: bool = False
    """Whether requests may be turns, due when the one before has ended."""
    good_requests: int | None = None
    """Requests that kept the goodput SLO; None where there was none."""


def vllm_result(
    records: Records,
    header: VllmHeader,
    *,
    percentile_metrics: Sequence[str] = DEFAULT_METRICS,
    percentiles: Sequence[float] = (99,),
    detailed: bool = False,
) -> dict[str, Any]:
    """Return the result as `vllm bench serve` writes it.

    TPOT is (latency - ttft)/(n - 1) per request, whatever the first chunk held; ITL is the gap between chunks,
    pooled over requests; both differ from inferbench's own where chunks hold several tokens. Failed requests
    count in `failed` alone. Lists hold every planned request in its order, also those that failed, so that they line
    up. `generated_texts` is not there, since answers are not kept. The two `benchmark_*_time_unix` keys are those of
    InferenceX's client.
    """
    times = Times(records, due_at_once=not header.sessions)
    lists = Lists(records, header.num_prompts)
    result = _header(header) | _scalars(records, header, times)
    result |= lists.kept_anyway(records, times, due_at_once=not header.sessions)
    for metric in METRICS:
        if metric in percentile_metrics:
            result |= _statistics(metric, times.of(metric), percentiles)
    if detailed:
        result |= lists.details(records, times)
    return result


def _header(header: VllmHeader) -> dict[str, Any]:
    return {
        "date": header.date,
        "endpoint_type": header.endpoint_type,
        "backend": header.endpoint_type,
        "label": header.label,
        "model_id": header.model_id,
        "tokenizer_id": header.model_id,
        "num_prompts": header.num_prompts,
        **header.metadata,
        "request_rate": header.request_rate if np.isfinite(header.request_rate) else "inf",
        "burstiness": header.burstiness,
        "max_concurrency": header.max_concurrency,
        **({} if header.ramp is None else dict(zip(RAMP_KEYS, header.ramp, strict=True))),
        "benchmark_start_time_unix": header.begin_unix,
        "benchmark_end_time_unix": header.end_unix,
    }


def _scalars(records: Records, header: VllmHeader, times: Times) -> dict[str, Any]:
    duration = (int(records.end_ns.max()) - int(records.slot_free_ns.min())) / NS_PER_S if len(records) else 0.0
    completed = int(times.ok.sum())
    prompts, generated = int(records.isl[times.ok].sum()), int(records.osl[times.ok].sum())

    def per_second(count: int) -> float:
        return count / duration if duration > 0 else 0.0

    return {
        "duration": duration,
        "completed": completed,
        "failed": len(records) - completed,
        "total_input_tokens": prompts,
        "total_output_tokens": generated,
        "request_throughput": per_second(completed),
        "request_goodput": None if header.good_requests is None else per_second(header.good_requests),
        "output_throughput": per_second(generated),
        "total_token_throughput": per_second(prompts + generated),
        "max_output_tokens_per_s": times.peak_tokens(),
        "max_concurrent_requests": times.peak_requests(),
        "rtfx": 0.0,
    }


def _statistics(metric: str, seconds: Floats, percentiles: Sequence[float]) -> dict[str, float]:
    ms = seconds * MS_PER_S if len(seconds) else np.zeros(1)
    out = {
        f"mean_{metric}_ms": float(ms.mean()),
        f"median_{metric}_ms": float(np.median(ms)),
        f"std_{metric}_ms": float(ms.std()),
    }
    for p in percentiles:
        out[f"p{int(p) if p == int(p) else p}_{metric}_ms"] = float(np.percentile(ms, p))
    return out
