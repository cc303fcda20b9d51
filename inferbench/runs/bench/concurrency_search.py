"""The highest concurrency that keeps an SLO, found by measuring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from inferbench.errors import FieldName, UsageError
from inferbench.runs.bench.bench import BenchRun
from inferbench.runs.bench.bench_plan import BenchLoad
from inferbench.runs.bench.bisection import SearchResult, SearchSample, sample_of, search

PER_STREAM = 10
"""Requests per stream of one measurement, where their number is not given."""


def search_concurrency(
    load: BenchLoad, run: Callable[[BenchLoad], BenchRun], on_sample: Callable[[SearchSample], None]
) -> SearchResult:
    """Search from 1 to the load's concurrency limit for the highest that keeps its goodput SLO.

    Each measurement has a seed of its own, so that no prompt comes twice. Raises UsageError without an SLO or a
    limit, and KeyboardInterrupt where a measurement was interrupted.
    """
    if load.slo is None or load.max_concurrency is None:
        raise UsageError(
            FieldName("search"), " needs ", FieldName("slo"), ", and ", FieldName("max_concurrency"),
            " as the highest load to try",
        )  # fmt: skip
    measured = 0

    def measure(concurrency: int) -> SearchSample:
        nonlocal measured
        n = load.num_prompts or PER_STREAM * concurrency
        done = run(replace(load, max_concurrency=concurrency, num_prompts=n, seed=load.seed + measured))
        measured += 1
        if done.interrupted:
            raise done.interrupted
        sample = sample_of(concurrency, done.summary)
        on_sample(sample)
        return sample

    return search(measure, 1, load.max_concurrency, resolution=max(1, load.max_concurrency // 50))
