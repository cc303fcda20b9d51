"""Reading price books and finding prices in them. What a book does not have is an error, never zero."""

from __future__ import annotations

from pathlib import Path

from ..domain.errors import FileError
from ..domain.files import read_value
from ..domain.names import unknown
from ..domain.price import Price, PriceBook


def load_book(path: Path) -> PriceBook:
    """Read a price book. Raises FileError with one line for the first thing that is wrong with the file."""
    return read_value(path, PriceBook)


def price_of(book: PriceBook, gpu: str, tier: str) -> Price:
    """Return the price of a GPU in a tier, USD/GPU/h.

    Raises FileError where the book has no such tier, or no price for the GPU in it; the message says what the
    book has and names the nearest.
    """
    if tier not in book.tiers:
        raise FileError(f"price book {book.name}: {unknown('tier', tier, book.tiers)}")
    priced = {price.gpu: price for price in book.prices if price.tier == tier}
    if gpu not in priced:
        raise FileError(f"price book {book.name}, tier {tier}: {unknown('GPU', gpu, priced)}")
    return priced[gpu]


def all_in_kw(book: PriceBook, gpu: str) -> float | None:
    """Return the all-in power that the book provisions for one GPU, kW; None where it has no figure."""
    return next((figure.value for figure in book.power if figure.gpu == gpu), None)
