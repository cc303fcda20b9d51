"""The build-up run backwards: from the price of a GPU-hour to the server price, or the financing, that it implies."""

from __future__ import annotations

from collections.abc import Mapping

from inferbench.pricing.build_up import provisioned_usd, working_usd
from inferbench.pricing.hourly_bill import figures_of, switches_of
from inferbench.pricing.listed_prices import check_names
from inferbench.pricing.owned_book import Book, OwnedBook
from inferbench.pricing.price_books import price_of
from inferbench.pricing.ranges import interval, swings
from inferbench.pricing.settings import BOOK_AS_IT_IS, CostSettings
from inferbench.values import Value


class ImpliedPrice(Value):
    """Server price, or else cost of capital, at which an owned book's lines come to a tier's price."""

    gpu: str
    book: str
    tier: str
    usd_per_gpu_hour: float
    """The tier's price."""
    owned_book: str
    """Where all other lines come from."""
    years: float
    capital_rate: float
    """Depreciation and cost of capital that the server price is found at, years and 1/year."""
    server_price: float
    """USD per server; negative where the other lines alone come to more than the tier's price."""
    server_price_low: float
    server_price_high: float
    """What the ranges of the other lines do to it."""
    book_server_price: float
    """The server price in the owned book."""
    implied_rate: float | None
    """Cost of capital, 1/year, at which the owned book's own server price gives the tier's price; None: at none."""
    no_rate: str | None = None
    """Why there is no such rate."""


HIGHEST_RATE = 1.0
"""A cost of capital above 100 % a year is no answer."""
_BISECTIONS = 60
"""Halvings of a range of width 1: down to the last digit of a float."""


def server_price_for(usd_per_gpu_hour: float, values: Mapping[str, float], switches: Mapping[str, bool]) -> float:
    """Return the server price at which a working hour costs `usd_per_gpu_hour`, USD.

    A provisioned hour is linear in the server price, P(S) = P(0) + S x (P(1) - P(0)), so the inverse is closed. It is
    negative where the other lines alone come to more.
    """
    provisioned = usd_per_gpu_hour * values["availability"] * values["utilisation"]
    rest = provisioned_usd({**values, "server_price": 0.0}, switches)
    per_dollar = provisioned_usd({**values, "server_price": 1.0}, switches) - rest
    return (provisioned - rest) / per_dollar


def rate_for(usd_per_gpu_hour: float, values: Mapping[str, float], switches: Mapping[str, bool]) -> float | None:
    """Return the cost of capital per year at which a working hour costs `usd_per_gpu_hour`; None where none does.

    The price of an hour rises with the rate, so the rate between 0 and 100 % is found by halving.
    """

    def over(rate: float) -> bool:
        return working_usd({**values, "capital_rate": rate}, switches) > usd_per_gpu_hour

    low, high = 0.0, HIGHEST_RATE
    if over(low) or not over(high):
        return None
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if over(middle) else (middle, high)
    return (low + high) / 2


def implied(book: Book, tier: str, owned: OwnedBook, gpu: str, settings: CostSettings = BOOK_AS_IT_IS) -> ImpliedPrice:
    """Return what one tier's price of a GPU-hour implies, all other lines as in `owned`.

    A tier is the price of a fully used hour, so availability and utilisation are 1 unless `settings` has them.
    Raises FileError where either book lacks the GPU or the tier.
    """
    target = price_of(book, gpu, tier).value
    check_names(owned, gpu, owned.tiers[0])
    full = CostSettings({"availability": 1.0, "utilisation": 1.0, **settings.values}, settings.switches)
    figures, switches = figures_of(owned, gpu, full), switches_of(owned, full)
    values = {item: figure.value for item, figure in figures.items()}
    others = {item: figure for item, figure in figures.items() if item != "server_price"}
    server_price = server_price_for(target, values, switches)
    # Price ends below 0 are kept: they say that the other lines alone may come to more.
    moved = swings(others, lambda v: server_price_for(target, v, switches))
    low, high = interval(server_price, moved, floor=float("-inf"))
    rate = rate_for(target, values, switches)
    return ImpliedPrice(
        gpu=gpu,
        book=book.name,
        tier=tier,
        usd_per_gpu_hour=target,
        owned_book=owned.name,
        years=values["depreciation_years"],
        capital_rate=values["capital_rate"],
        server_price=server_price,
        server_price_low=low,
        server_price_high=high,
        book_server_price=values["server_price"],
        implied_rate=rate,
        no_rate=None if rate is not None else _why_none(target, values, switches),
    )


def _why_none(target: float, values: Mapping[str, float], switches: Mapping[str, bool]) -> str:
    free = working_usd({**values, "capital_rate": 0.0}, switches)
    if free > target:
        return f"at a cost of capital of 0 the lines come to ${free:.2f} already"
    return f"even at {HIGHEST_RATE:.0%} a year the lines stay below the tier's price"
