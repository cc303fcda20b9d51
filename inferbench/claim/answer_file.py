"""Answering a claim file."""

from __future__ import annotations

from pathlib import Path

from inferbench.catalog.bundled import find
from inferbench.claim.answer import ClaimReport
from inferbench.claim.answering import answer_claim, with_spline_cost
from inferbench.claim.audit import audit_claim
from inferbench.claim.claim import Claim
from inferbench.errors import FileError
from inferbench.files.yaml_values import read_value
from inferbench.pricing.bundled_books import open_book

DEFAULT_CLAIM = "mi355x-mori-2026-05"


def load_claim(name: str | Path = DEFAULT_CLAIM) -> Claim:
    """Load a claim from a file or by the name of a bundled one. Raises FileError for a bad file."""
    return read_value(find("scenarios/claims", str(name)), Claim)


def claims(name: str | Path = DEFAULT_CLAIM, *, spline_cost: bool = False) -> ClaimReport:
    """Compute a published claim again from its own points and prices: each line's value, and whether it holds.

    `name` is a file, or the name of a bundled one. The formulas are those of docs/claims.md and docs/verdicts.md.
    `spline_cost` interpolates cost by itself in every line about cost, whatever the file says, as InferenceX did.
    Raises FileError, in one line that names the file and the key, for a bad file or a price that nobody has.
    """
    claim = load_claim(name)
    if spline_cost:
        claim = with_spline_cost(claim)
    audit = audit_claim(claim) if claim.curves else None
    try:
        books = [open_book(book) for book in claim.price_books]
        return answer_claim(claim, {book.name: book for book in books}, audit)
    except FileError as error:
        raise FileError(f"{find('scenarios/claims', str(name))}: {error}") from None
