"""The result file of `vllm bench serve`: its keys, and its formulas over the whole run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..domain.record import Status
from ..domain.records import NEVER, Floats, Records
from ..domain.units import MS_PER_S, NS_PER_S

METRICS = ("ttft", "tpot", "itl", "e2el", "client_queue_time", "e2el_including_client_queue")


@dataclass(frozen=True, slots=True)
class VllmHeader:
    """What the file says about the run beside its figures."""

    date: str
    """Start of the run, YYYYmmdd-HHMMSS."""
    endpoint_type: str
    model_id: str
    num_prompts: int
    request_rate: float
    burstiness: float
    max_concurrency: int | None
    begin_unix: float
    end_unix: float
    label: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def vllm_result(
    records: Records,
    header: VllmHeader,
    *,
    percentile_metrics: Sequence[str] = ("ttft", "tpot", "itl"),
    percentiles: Sequence[float] = (99,),
    detailed: bool = False,
) -> dict[str, Any]:
    """Return the result as `vllm bench serve` writes it.

    TPOT is (latency - ttft)/(n - 1) per request, whatever the first chunk held; ITL is the gap between chunks,
    pooled over requests; both differ from inferbench's own where chunks hold several tokens. Failed requests
    count in `failed` alone. The two `benchmark_*_time_unix` keys are those of InferenceX's client.
    """
    ok = (records.status == Status.OK) & (records.chunks.first_ns != NEVER)
    times = _Times(records, ok)
    result = _header(header) | _scalars(records, ok, times)
    for metric in METRICS:
        if metric in percentile_metrics:
            result |= _statistics(metric, times.of(metric), percentiles)
    if detailed:
        result |= _details(records, ok, times)
    return result


class _Times:
    """Times in seconds of the requests that succeeded."""

    def __init__(self, records: Records, ok: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        chunks = records.chunks
        self.start = records.sent_ns[ok] / NS_PER_S
        self.ttft: Floats = chunks.first_ns[ok] / NS_PER_S - self.start
        self.e2el: Floats = chunks.last_ns[ok] / NS_PER_S - self.start
        osl = records.osl[ok]
        several = osl > 1
        self.tpot: Floats = (self.e2el - self.ttft)[several] / (osl[several] - 1)
        self.chunks = [chunks.expand(int(row)) for row in np.flatnonzero(ok)]
        self.itls = [np.diff(at) / NS_PER_S for at, _ in self.chunks]
        self.itl: Floats = np.concatenate(self.itls) if self.itls else np.empty(0)
        due = np.where(records.planned_ns == NEVER, 0, records.planned_ns)
        self.client_queue_time: Floats = np.maximum(records.sent_ns - due, 0)[ok] / NS_PER_S
        """From when a request was due to its start: in a closed loop all are due at once, at the beginning."""
        self.e2el_including_client_queue: Floats = self.e2el + self.client_queue_time

    def of(self, metric: str) -> Floats:
        """All values of a metric, s."""
        values: Floats = getattr(self, metric)
        return values


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
        "benchmark_start_time_unix": header.begin_unix,
        "benchmark_end_time_unix": header.end_unix,
    }


def _scalars(records: Records, ok: np.ndarray[tuple[int], np.dtype[np.bool_]], times: _Times) -> dict[str, Any]:
    duration = (int(records.end_ns.max()) - int(records.slot_free_ns.min())) / NS_PER_S if len(records) else 0.0
    completed, prompts, generated = int(ok.sum()), int(records.isl[ok].sum()), int(records.osl[ok].sum())
    per_second = (lambda count: count / duration) if duration > 0 else (lambda _: 0.0)
    return {
        "duration": duration,
        "completed": completed,
        "failed": len(records) - completed,
        "total_input_tokens": prompts,
        "total_output_tokens": generated,
        "request_throughput": per_second(completed),
        "request_goodput": None,
        "output_throughput": per_second(generated),
        "total_token_throughput": per_second(prompts + generated),
        "max_output_tokens_per_s": _peak_tokens(times),
        "max_concurrent_requests": _peak_requests(times),
        "rtfx": 0.0,
    }


def _peak_tokens(times: _Times) -> float:
    """Most tokens in one second of the run, in whole seconds from its first start."""
    if not times.chunks:
        return 0.0
    at = np.concatenate([at for at, _ in times.chunks]) / NS_PER_S - times.start.min()
    tokens = np.concatenate([tokens for _, tokens in times.chunks])
    return float(np.bincount(at.astype(np.int64), weights=tokens).max())


def _peak_requests(times: _Times) -> int:
    """Most requests that were in flight within one second of the run.

    vLLM counts a request that ended and the one that took its slot in the same second both, so this can be a
    multiple of the concurrency limit.
    """
    if not len(times.start):
        return 0
    first = (times.start - times.start.min()).astype(np.int64)
    last = (times.start + times.e2el - times.start.min()).astype(np.int64)
    change = np.zeros(int(last.max()) + 2, dtype=np.int64)
    np.add.at(change, first, 1)
    np.add.at(change, last + 1, -1)
    return int(np.cumsum(change).max())


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


def _details(records: Records, ok: np.ndarray[tuple[int], np.dtype[np.bool_]], times: _Times) -> dict[str, Any]:
    return {
        "input_lens": records.isl[ok].tolist(),
        "output_lens": records.osl[ok].tolist(),
        "ttfts": times.ttft.tolist(),
        "itls": [gaps.tolist() for gaps in times.itls],
        "start_times": times.start.tolist(),
        "errors": [error or "" for error in records.errors],
    }
