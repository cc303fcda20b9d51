"""Pricing a run: the bill of its GPUs, what its tokens cost, and what a tier's price implies."""

from __future__ import annotations

from collections.abc import Sequence

from inferbench.comparison.frontier import usable_by_deployment
from inferbench.comparison.operating_point import read_at
from inferbench.comparison.verdict import PricedReading
from inferbench.errors import FieldName, FileError, UsageError
from inferbench.metrics.summary import Basis
from inferbench.pricing.bill_lines import Bill
from inferbench.pricing.hourly_bill import hourly_bill
from inferbench.pricing.implied_price import ImpliedPrice
from inferbench.pricing.implied_price import implied as implied_price
from inferbench.pricing.listed_prices import gpus_priced
from inferbench.pricing.owned_book import Book, OwnedBook
from inferbench.pricing.settings import BOOK_AS_IT_IS, CostSettings
from inferbench.runs.answers.judge import BASIS
from inferbench.runs.opened_run import Run
from inferbench.scenario.scenario import OperatingPoint
from inferbench.token_cost.cost import Blend, Cost
from inferbench.token_cost.per_token import cost, usd_per_mtok


def tier_of(book: Book, tier: str | None) -> str:
    """Return `tier`, or a book's only one. Raises UsageError where a book has several and none was named."""
    if tier is not None:
        gpus_priced(book, tier)
        return tier
    if len(book.tiers) > 1:
        raise UsageError(f"price book {book.name} has tiers {', '.join(book.tiers)}: name one with ", FieldName("tier"))
    return book.tiers[0]


def gpus_of(run: Run) -> dict[str, str]:
    """Return the GPU of each deployment of a run, from its scenario or from what answered.

    Raises UsageError where neither says which GPU it was.
    """
    if run.scenario is not None:
        return {d.name: d.gpu for d in run.scenario.deployments}
    found = {p.point.deployment: p.target.gpu for p in run.manifest.points}
    if unknown := sorted({s.point.deployment for s in run.summaries if found.get(s.point.deployment) is None}):
        raise UsageError(f"{run.path}: the run does not say which GPU {', '.join(unknown)} ran on")
    return {name: gpu for name, gpu in found.items() if gpu is not None}


def bills(
    book: Book, tier: str, gpus: Sequence[str] | None = None, settings: CostSettings = BOOK_AS_IT_IS
) -> tuple[Bill, ...]:
    """Return the hourly bill of each GPU, of all that the book prices where none are named."""
    return tuple(hourly_bill(book, gpu, tier, settings) for gpu in gpus or gpus_priced(book, tier))


def price_points(
    run: Run,
    book: Book,
    tier: str,
    *,
    settings: CostSettings = BOOK_AS_IT_IS,
    blend: Blend | None = None,
    basis: Basis = BASIS,
) -> tuple[Cost, ...]:
    """Return what the tokens of each sweep point that has figures on `basis` cost."""
    gpu = gpus_of(run)
    return tuple(
        cost(summary, book, tier, gpu[summary.point.deployment], basis, settings=settings, blend=blend)
        for summary in run.summaries
        if summary.on(basis) is not None
    )


def price_readings(
    run: Run, book: Book, tier: str, *, settings: CostSettings = BOOK_AS_IT_IS
) -> tuple[tuple[OperatingPoint, tuple[PricedReading, ...]], ...]:
    """Return what a token costs at each operating point of the run's scenario; the interval is that of the price.

    Raises UsageError for a run without a scenario, which has no operating points.
    """
    if run.scenario is None:
        raise UsageError(f"{run.path}: the run has no scenario and so no operating points; price its sweep points")
    gpu, answers = gpus_of(run), []
    usable = usable_by_deployment(run.summaries, BASIS)
    bill = {name: hourly_bill(book, gpu[name], tier, settings) for name in gpu}
    for at in run.scenario.operating_points:
        readings = []
        for name, price in bill.items():
            reading = read_at(usable.get(name, ()), name, at)
            ends = (price.usd_per_gpu_hour, price.low, price.high)
            tput = reading.tput_per_gpu
            usd, low, high = (None if tput is None else usd_per_mtok(end, tput) for end in ends)
            readings.append(
                PricedReading(
                    reading=reading, usd_per_gpu_hour=price.usd_per_gpu_hour, usd_per_mtok=usd, low=low, high=high
                )
            )
        answers.append((at, tuple(readings)))
    return tuple(answers)


def implied(book: Book, tier: str, owned: Book, settings: CostSettings = BOOK_AS_IT_IS) -> tuple[ImpliedPrice, ...]:
    """Return what a tier's price of a GPU-hour implies, for each GPU that both books have.

    `owned` gives all other lines. Raises FileError where it is not an owned book, or shares no GPU with the tier.
    """
    if not isinstance(owned, OwnedBook):
        raise FileError(f"price book {owned.name} is all-in: it has no lines that a server price could be added to")
    priced = gpus_priced(book, tier)
    shared = [gpu for gpu in owned.gpus if gpu in priced]
    if not shared:
        raise FileError(f"price books {book.name} and {owned.name} have no GPU in common")
    return tuple(implied_price(book, tier, owned, gpu, settings) for gpu in shared)
