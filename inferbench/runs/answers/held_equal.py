"""Deployments of a run with one thing held equal, under one tier of a price book."""

from __future__ import annotations

from collections.abc import Mapping

from inferbench.comparison.frontier import usable_by_deployment
from inferbench.comparison.held_equal import EqualReading, equal_budget, equal_interactivity, equal_ttft_slo
from inferbench.pricing.owned_book import Book
from inferbench.pricing.price_books import price_of
from inferbench.runs.answers.costs import gpus_of
from inferbench.runs.answers.judge import BASIS
from inferbench.runs.opened_run import Run

Equal = Mapping[str, list[EqualReading]]
"""Readings of all deployments by what was held equal, in words."""


def equal(run: Run, book: Book, tier: str, *, interactivity: float, ttft_p99_ms: float, usd_per_hour: float) -> Equal:
    """Read every deployment of a run at an equal pace, an equal wait and an equal budget at that pace.

    Raises UsageError where the run does not say which GPUs it ran on, FileError where the book lacks one of them.
    """
    gpus = gpus_of(run)
    usable = usable_by_deployment(run.summaries, BASIS)
    points = {name: usable.get(name, ()) for name in gpus}
    hourly = {name: price_of(book, gpu, tier).value for name, gpu in gpus.items()}
    return {
        f"equal pace: {interactivity:g} tok/s/user": equal_interactivity(points, hourly, interactivity),
        f"equal wait: p99 TTFT within {ttft_p99_ms:,g} ms": equal_ttft_slo(points, hourly, ttft_p99_ms),
        f"equal budget: ${usd_per_hour:,g} an hour at {interactivity:g} tok/s/user": equal_budget(
            points, hourly, interactivity, usd_per_hour
        ),
    }
