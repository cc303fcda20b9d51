"""Reading price books and finding prices in them. What a book does not have is an error, never zero."""

from __future__ import annotations

from pathlib import Path

from inferbench.errors import FileError
from inferbench.files.spelling import unknown
from inferbench.files.yaml_values import read_value, read_yaml
from inferbench.pricing.hourly_bill import figures_of, hourly_bill
from inferbench.pricing.listed_prices import listed_price
from inferbench.pricing.owned_book import OWNED, Book, OwnedBook
from inferbench.pricing.rate_card import Price, PriceBook, counted_twice
from inferbench.pricing.settings import BOOK_AS_IT_IS, CostSettings

_KINDS: dict[str, type[PriceBook] | type[OwnedBook]] = {"all_in": PriceBook, "owned": OwnedBook}


def load_book(path: Path) -> Book:
    """Read a price book of either kind. Raises FileError with one line for the first thing that is wrong with it."""
    data = read_yaml(path)
    kind = data.get("kind", "all_in") if isinstance(data, dict) else "all_in"
    if not isinstance(kind, str) or kind not in _KINDS:
        raise FileError(f"{path}: kind: {unknown('kind of price book', str(kind), _KINDS)}")
    if kind == "all_in" and isinstance(data, dict) and (problem := counted_twice(data)):
        raise FileError(f"{path}: (top level): {problem}")
    return read_value(path, _KINDS[kind])


def price_of(book: Book, gpu: str, tier: str, settings: CostSettings = BOOK_AS_IT_IS) -> Price:
    """Return the price of a GPU in a tier, USD/GPU/h; that of an owned book is built up, and has an interval.

    Raises FileError where the book has no such tier, or no price for the GPU in it; the message says what the
    book has and names the nearest. UsageError for a setting that the book has no room for.
    """
    if isinstance(book, PriceBook) and not settings:
        return listed_price(book, gpu, tier)
    bill = hourly_bill(book, gpu, tier, settings)
    exact = isinstance(book, PriceBook) and bill.low == bill.high
    return Price(
        gpu=gpu,
        tier=tier if isinstance(book, PriceBook) else OWNED,
        value=bill.usd_per_gpu_hour,
        low=None if exact else bill.low,
        high=None if exact else bill.high,
        unit="USD/GPU/h",
        source=f"built up from {len(bill.figures)} figures of price book {book.name}"
        if bill.figures
        else f"price book {book.name}, idle time added",
        as_of=book.as_of,
    )


def all_in_kw(book: Book, gpu: str, settings: CostSettings = BOOK_AS_IT_IS) -> float | None:
    """Return the all-in power that the book provisions for one GPU, kW; None where it has no figure.

    An owned book provisions the server's power times PUE.
    """
    if isinstance(book, OwnedBook):
        figures = figures_of(book, gpu, settings)
        return figures["kw_per_gpu"].value * figures["pue"].value
    return next((figure.value for figure in book.power if figure.gpu == gpu), None)
