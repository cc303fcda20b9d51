"""`/metrics`: Prometheus text (exposition format 0.0.4) under SGLang 0.5.23's names."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import accumulate

from inferbench.simulator.server.backend import ServingBackend
from inferbench.simulator.server.identity import Served, ServerRole
from inferbench.simulator.server.metrics.counters import Monitor
from inferbench.simulator.server.metrics.histogram import Histogram

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "sglang:"


def exposition(served: Served, monitor: Monitor, backend: ServingBackend) -> str:
    """Write all metrics of a server."""
    labels = served.labels()
    lines: list[str] = []
    for name, value in _gauges(served, monitor, backend).items():
        lines += _family(name, "gauge", [("", labels, value)])
    for name, value in {**_counters(monitor), **backend.counters()}.items():
        lines += _family(name, "counter", [("", labels, value)])
    for name, histogram in {**monitor.histograms(), **backend.histograms()}.items():
        lines += _family(name, "histogram", _samples(histogram, labels))
    return "\n".join(lines) + "\n"


def _gauges(served: Served, monitor: Monitor, backend: ServingBackend) -> dict[str, float]:
    """What is so now. No prefix cache is simulated, so its hit rate is 0."""
    own = backend.queues()
    found: dict[str, float] = {
        "num_running_reqs": monitor.running,
        # Those in a queue of the backend's own are not in this one.
        "num_queue_reqs": monitor.waiting - sum(own.values()),
        "gen_throughput": monitor.tokens_per_second(),
        "cache_hit_rate": 0.0,
        **own,
    }
    if served.kv_tokens is not None and served.role is not ServerRole.PREFILL:
        found["num_used_tokens"] = monitor.context_tokens
        found["token_usage"] = monitor.context_tokens / served.kv_tokens
        found["max_total_num_tokens"] = served.kv_tokens
    if served.drafts:
        length = monitor.drafted_tokens / monitor.passes if monitor.passes else 0.0
        found["spec_accept_length"] = length
        found["spec_accept_rate"] = max(length - 1, 0.0) / served.drafts
    return found


def _counters(monitor: Monitor) -> dict[str, float]:
    return {
        "prompt_tokens_total": monitor.prompt_tokens,
        "generation_tokens_total": monitor.answer_tokens,
        "num_requests_total": monitor.requests,
        "num_aborted_requests_total": monitor.aborted,
        "process_cpu_seconds_total": time.process_time(),
    }


_Sample = tuple[str, Mapping[str, str], float]


def _samples(histogram: Histogram, labels: Mapping[str, str]) -> Iterator[_Sample]:
    bounds = [*map(str, histogram.bounds), "+Inf"]
    total = sum(histogram.counts)
    for bound, count in zip(bounds, accumulate(histogram.counts), strict=True):
        yield "_bucket", {**labels, "le": bound}, count
    yield "_sum", labels, histogram.sum
    yield "_count", labels, total


def _family(name: str, kind: str, samples: Iterator[_Sample] | list[_Sample]) -> list[str]:
    full = PREFIX + name
    return [f"# TYPE {full} {kind}", *(f"{full}{suffix}{_labels(labels)} {value}" for suffix, labels, value in samples)]


def _labels(labels: Mapping[str, str]) -> str:
    escaped = (f'{k}="{v}"' for k, v in ((k, _escape(v)) for k, v in labels.items()))
    return "{" + ",".join(escaped) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
