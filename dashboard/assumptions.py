"""The sliders of the cost view: what is set beside a price book, and only what has been moved."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard import controls, data
from inferbench.pricing.cost_figures import IDLENESS, CostFigure
from inferbench.pricing.hourly_bill import figures_of
from inferbench.pricing.owned_book import Book, OwnedBook
from inferbench.pricing.price_books import price_of
from inferbench.pricing.settings import CostSettings
from inferbench.runs.answers.what_if import prices_all, with_prices
from inferbench.scenario.scenario import Scenario

SLIDERS = (
    ("power_price", "Electricity, USD/kWh", 0.02, 0.4, 0.005),
    ("pue", "PUE", 1.0, 2.0, 0.01),
    ("load", "Average draw over provisioned power", 0.1, 1.0, 0.01),
    ("depreciation_years", "Depreciation, years", 2.0, 8.0, 0.5),
    ("capital_rate", "Cost of capital a year", 0.0, 0.3, 0.005),
    ("utilisation", "Utilisation", 0.05, 1.0, 0.01),
    ("availability", "Availability", 0.5, 1.0, 0.01),
)
OWNED_FIRST = "neocloud-owned-2026"
"""The book that is open where a link names none: one in which every assumption can be moved."""


@dataclass(frozen=True)
class Assumed:
    """A book as the sliders have changed it."""

    book: Book
    tier: str
    settings: CostSettings
    moved: bool


def sidebar(scenario: Scenario) -> Assumed:
    """Show the book and its sliders; a slider that was not moved leaves the book's figure with its range."""
    usable = [name for name, book in data.books().items() if prices_all(book, scenario)]
    with st.sidebar:
        book = data.books()[controls.select("Price book", usable, "book", OWNED_FIRST)]
        tier = controls.select("Tier", book.tiers, "tier") if len(book.tiers) > 1 else book.tiers[0]
        gpus = sorted({deployment.gpu for deployment in scenario.deployments})
        prices = _owned_prices(book, gpus) if isinstance(book, OwnedBook) else _listed_prices(book, tier, gpus)
        values = _figures(book, gpus[0])
        switches = {}
        if isinstance(book, OwnedBook) and controls.toggle(
            "Software licence", f"{book.name}.licence", book.switches.licence
        ):
            switches = {"licence": True}
            book = _licence(book, gpus)
    moved = with_prices(book, tier, prices)
    return Assumed(moved, tier, CostSettings(values, switches), bool(prices or values or switches))


def _listed_prices(book: Book, tier: str, gpus: list[str]) -> dict[str, float]:
    moved = {}
    for gpu in gpus:
        listed = price_of(book, gpu, tier).value
        value = controls.slider(
            f"{gpu}, USD/GPU/h", 0.1, round(listed * 3, 1), listed, f"{book.name}.{tier}.{gpu}", step=0.01, form="$%.2f"
        )
        if value != listed:
            moved[gpu] = value
    return moved


def _owned_prices(book: OwnedBook, gpus: list[str]) -> dict[str, float]:
    moved = {}
    for gpu in gpus:
        figure = figures_of(book, gpu)["server_price"]
        value = controls.slider(
            f"{gpu} server, USD", 50_000, round(figure.value * 2.5, -3), figure.value, f"{book.name}.server.{gpu}",
            step=100, form="localized",
        )  # fmt: skip
        if value != figure.value:
            moved[gpu] = value
    return moved


def _figures(book: Book, gpu: str) -> dict[str, float]:
    """Figures of all GPUs; a listed price has room for idle time alone."""
    known: dict[str, CostFigure] = figures_of(book, gpu) if isinstance(book, OwnedBook) else {}
    moved = {}
    for item, label, low, high, step in SLIDERS:
        if item not in known and item not in IDLENESS:
            continue
        value = known[item].value if item in known else 1.0
        asked = controls.slider(label, low, high, value, f"{book.name}.{item}", step=step)
        if abs(asked - value) > 1e-9:
            moved[item] = asked
    return moved


def _licence(book: OwnedBook, gpus: list[str]) -> OwnedBook:
    """A licence differs by GPU: one slider each."""
    lines = list(book.lines)
    for gpu in gpus:
        figure = figures_of(book, gpu)["licence_price"]
        value = controls.slider(
            f"{gpu} licence, USD a year",
            0,
            10_000,
            figure.value,
            f"{book.name}.licence.{gpu}",
            step=100,
            form="localized",
        )
        if value != figure.value:
            lines = [
                line.model_copy(update={"value": value, "low": None, "high": None})
                if line.item == "licence_price" and line.gpu == gpu
                else line
                for line in lines
            ]
    return book.model_copy(update={"lines": tuple(lines)})
