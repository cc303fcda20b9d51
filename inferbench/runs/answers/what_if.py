"""What would change an answer: other prices, other assumptions, another pace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inferbench.comparison.conclude import conclude
from inferbench.comparison.verdict import Conclusion, PricedReading, Verdict
from inferbench.errors import FileError, UsageError
from inferbench.pricing.build_up import working_usd
from inferbench.pricing.hourly_bill import figures_of, switches_of
from inferbench.pricing.owned_book import Book, OwnedBook
from inferbench.pricing.price_books import price_of
from inferbench.pricing.ranges import by_figure, name_of
from inferbench.pricing.rate_card import PriceBook
from inferbench.pricing.settings import BOOK_AS_IT_IS, SET_BY_USER, CostSettings
from inferbench.runs.answers.judge import conclusions
from inferbench.runs.opened_run import Run
from inferbench.scenario.scenario import OperatingPoint, Scenario
from inferbench.uncertainty.combine import Uncertain
from inferbench.uncertainty.interval import TornadoBar


def with_prices(book: Book, tier: str, prices: Mapping[str, float]) -> Book:
    """A book with other prices of some GPUs: USD/GPU/h of a tier of a listed one, USD/server of an owned one."""
    if isinstance(book, OwnedBook):
        lines = tuple(
            line
            if line.item != "server_price" or line.gpu is None or line.gpu not in prices
            else line.model_copy(update={"value": prices[line.gpu], "low": None, "high": None, "source": SET_BY_USER})
            for line in book.lines
        )
        return book.model_copy(update={"lines": lines})
    listed = tuple(
        price
        if price.tier != tier or price.gpu not in prices
        else price.model_copy(update={"value": prices[price.gpu], "low": None, "high": None, "source": SET_BY_USER})
        for price in book.prices
    )
    return book.model_copy(update={"prices": listed})


def verdict_under(
    run: Run, at: OperatingPoint, book: Book, tier: str, settings: CostSettings = BOOK_AS_IT_IS
) -> Conclusion:
    """The answer at one operating point under one tier of one book alone.

    Raises UsageError for a run without a scenario or a setting that the book has no room for, FileError where the book
    lacks a GPU.
    """
    scenario = scenario_of(run).model_copy(update={"operating_points": (at,)})
    one = book if isinstance(book, OwnedBook) else _one_tier(book, tier)
    return conclusions(run.summaries, scenario, (one,), settings)[0]


def verdicts_over(run: Run, at: OperatingPoint, books: Sequence[Book], settings: CostSettings) -> Conclusion:
    """The answer at one operating point over every tier of every book that prices all GPUs of the run.

    `settings` apply to the owned ones. Raises UsageError where no book prices them all.
    """
    scenario = scenario_of(run)
    usable = [book for book in books if prices_all(book, scenario)]
    if not usable:
        raise UsageError(f"no price book has prices for {', '.join(sorted({d.gpu for d in scenario.deployments}))}")
    there = scenario.model_copy(update={"operating_points": (at,)})
    found: list[Verdict] = []
    for book in usable:
        own = settings if isinstance(book, OwnedBook) else BOOK_AS_IT_IS
        found += conclusions(run.summaries, there, (book,), own)[0].verdicts
    return conclude(found)


def prices_all(book: Book, scenario: Scenario) -> bool:
    """Whether a book prices every GPU of a scenario in every tier."""
    try:
        return all(price_of(book, d.gpu, tier) for d in scenario.deployments for tier in book.tiers)
    except FileError:
        return False


def scenario_of(run: Run) -> Scenario:
    """The scenario of a run. Raises UsageError where it has none."""
    if run.scenario is None:
        raise UsageError(f"{run.path}: the run has no scenario, so it compares nothing")
    return run.scenario


def cost_tornado(
    run: Run, verdict: Verdict, book: Book, settings: CostSettings = BOOK_AS_IT_IS
) -> tuple[TornadoBar, ...]:
    """What each input alone moves the ratio of costs to, runner-up over cheapest; the widest first.

    Inputs are both throughputs and, of an owned book, every figure that has a range; one of all GPUs moves both costs.
    Empty where fewer than two deployments reach the point.
    """
    priced = {p.reading.deployment: p for p in verdict.readings}
    if verdict.ratio is None or verdict.cheapest is None or verdict.runner_up is None:
        return ()
    first, second = priced[verdict.cheapest], priced[verdict.runner_up]
    bars = [*_throughput_bars(verdict.ratio, first, second)]
    if isinstance(book, OwnedBook):
        scenario = scenario_of(run)
        gpus = [scenario.deployment(p.reading.deployment).gpu for p in (first, second)]
        bars += _price_bars(verdict.ratio, gpus, book, settings)
    return tuple(sorted(bars, key=lambda bar: -bar.width))


def _throughput_bars(ratio: float, first: PricedReading, second: PricedReading) -> list[TornadoBar]:
    """The ratio is the runner-up's cost over the cheapest's, so more tokens of the cheapest raise it."""
    bars = []
    for priced, sign in ((first, 1), (second, -1)):
        width = priced.half_width
        if width:
            low, high = (ratio * end**sign for end in (1 - width, 1 + width))
            name, source = f"tokens of {priced.reading.deployment}", f"simulated, taken to be within {width:.0%}"
            bars.append(TornadoBar(name=name, at_low=low, at_high=high, source=source))
    return bars


def _price_bars(ratio: float, gpus: Sequence[str], book: OwnedBook, settings: CostSettings) -> list[TornadoBar]:
    switches = switches_of(book, settings)
    first, second = (figures_of(book, gpu, settings) for gpu in gpus)
    hours = [by_figure(own, lambda values: working_usd(values, switches)) for own in (first, second)]
    sources = {name_of(figure): figure.source for figure in (*first.values(), *second.values())}
    moved = Uncertain(ratio, (hours[1] / hours[0]).errors).moved()
    return [
        TornadoBar(name=name, at_low=low, at_high=high, source=sources[name]) for name, (low, high) in moved.items()
    ]


def _one_tier(book: PriceBook, tier: str) -> PriceBook:
    prices = tuple(price for price in book.prices if price.tier == tier)
    return book.model_copy(update={"tiers": (tier,), "prices": prices})
