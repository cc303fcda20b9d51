"""Prices that an all-in book lists, and the names that a book of either kind knows."""

from __future__ import annotations

from inferbench.errors import FileError
from inferbench.files.spelling import unknown
from inferbench.pricing.owned_book import Book, OwnedBook
from inferbench.pricing.rate_card import Price, PriceBook


def check_names(book: Book, gpu: str, tier: str) -> None:
    """Raise FileError where the book has no such tier, or no price for the GPU in it, naming the nearest."""
    if tier not in book.tiers:
        raise FileError(f"price book {book.name}: {unknown('tier', tier, book.tiers)}")
    known = book.gpus if isinstance(book, OwnedBook) else [p.gpu for p in book.prices if p.tier == tier]
    if gpu not in known:
        raise FileError(f"price book {book.name}, tier {tier}: {unknown('GPU', gpu, known)}")


def gpus_priced(book: Book, tier: str) -> tuple[str, ...]:
    """Return the GPUs that a book prices in a tier. Raises FileError where it has no such tier."""
    if tier not in book.tiers:
        raise FileError(f"price book {book.name}: {unknown('tier', tier, book.tiers)}")
    if isinstance(book, OwnedBook):
        return book.gpus
    return tuple(price.gpu for price in book.prices if price.tier == tier)


def listed_price(book: PriceBook, gpu: str, tier: str) -> Price:
    """Return the price of a GPU in a tier as the book lists it. Raises FileError where it does not."""
    check_names(book, gpu, tier)
    return next(price for price in book.prices if (price.gpu, price.tier) == (gpu, tier))
