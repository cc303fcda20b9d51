"""Price books that come with inferbench, or lie in a file."""

from __future__ import annotations

from pathlib import Path

from inferbench.catalog.bundled import find, gpus
from inferbench.errors import FileError
from inferbench.files.spelling import unknown
from inferbench.pricing.owned_book import Book, OwnedBook
from inferbench.pricing.price_books import load_book


def open_book(name: str | Path) -> Book:
    """Load a price book, in USD per GPU and hour; `name` is a file, or the name of a bundled one.

    Raises FileError where it cannot be used, and for a GPU that nobody knows: its price would never be asked for.
    """
    path = find("pricing", str(name))
    book = load_book(path)
    priced = book.gpus if isinstance(book, OwnedBook) else [*(p.gpu for p in book.prices), *(p.gpu for p in book.power)]
    if missing := [gpu for gpu in priced if gpu not in gpus()]:
        raise FileError(f"{path}: {unknown('GPU', missing[0], gpus())}")
    return book
