"""A load on a real server, and what is true of every one: each request is in the records once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.progress import Progress
from inferbench.records.request_record import Status
from inferbench.runs.bench.bench import BenchRun, bench
from inferbench.runs.bench.bench_plan import BenchLoad
from inferbench.workload.lengths import around
from inferbench.workload.prompt_source import PromptSource

COMPLETIONS, CHAT = PATHS = ("/v1/completions", "/v1/chat/completions")


def load(n: int, *, streams: int, isl: int = 64, osl: int = 32, spread: float = 0.3, **more: Any) -> BenchLoad:
    return BenchLoad(
        num_prompts=n, isl=around(isl, spread), osl=around(osl, spread), max_concurrency=streams, **more
    )  # fmt: skip


def exact(model: Path) -> PromptSource:
    """Prompts of exact length for the tokenizer that lies in a model's folder."""
    return PromptSource(tokenizer=model)


def measure(
    url: str,
    asked: BenchLoad,
    store: Path,
    *,
    path: str = COMPLETIONS,
    model: str | None = None,
    timeout_s: float = 300,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> BenchRun:
    """Send a load, and see that every request of it is accounted for."""
    endpoint = Endpoint(url, path, model, request_timeout_s=timeout_s)
    done = bench(endpoint, asked, store=store, on_progress=on_progress)
    records, counts = done.records(), done.summary.counts
    assert sorted(records.seq) == list(range(asked.requests))
    by_status = Counter(Status(int(status)) for status in records.status)
    assert (counts.ok, counts.error, counts.timeout, counts.refused, counts.cancelled, counts.unsent) == (
        by_status[Status.OK], by_status[Status.ERROR], by_status[Status.TIMEOUT], by_status[Status.REFUSED], 0, 0,
    )  # fmt: skip
    for row, status in enumerate(records.status):
        assert (records.errors[row] is None) == (status == Status.OK)
    return done
