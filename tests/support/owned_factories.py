"""Owned books for tests: the template, cut down or bent."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from inferbench.pricing.cost_figures import ITEMS
from inferbench.pricing.owned_book import OwnedBook
from inferbench.pricing.price_books import load_book
from inferbench.pricing.settings import CostSettings

PRICING = Path(__file__).parents[2] / "pricing"
TEMPLATE: dict[str, Any] = yaml.safe_load((PRICING / "template-owned.yaml").read_text())


def owned(name: str = "template-owned") -> OwnedBook:
    book = load_book(PRICING / f"{name}.yaml")
    assert isinstance(book, OwnedBook)
    return book


def template() -> dict[str, Any]:
    """The template as plain data, to be bent."""
    return copy.deepcopy(TEMPLATE)


def line_of(data: dict[str, Any], item: str, gpu: str | None = None) -> dict[str, Any]:
    """A line of plain data, to be changed in place."""
    found: dict[str, Any] = next(row for row in data["lines"] if (row["item"], row.get("gpu")) == (item, gpu))
    return found


def exact_but(book: OwnedBook, gpu: str, *items: str) -> CostSettings:
    """Settings that take every figure of a GPU as exact, but those named."""
    figures = book.figures(gpu)
    return CostSettings({item: figures[item].value for item in ITEMS if item not in items})
