"""Price books: the bundled ones carry their sources' figures, and a bad one gets one clear line."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from inferbench.catalog.gpu import GpuFacts
from inferbench.errors import ExitCode, FileError
from inferbench.files.yaml_values import read_value
from inferbench.pricing.price_books import all_in_kw, load_book, price_of
from tests.support.factories import price_book

ROOT = Path(__file__).parents[2]
BOOKS = ("inferencex-2025-08", "inferencex-2026-07", "inferencex-2026-09")

GOOD: dict[str, Any] = {
    "format": 1,
    "name": "mine",
    "title": "My prices",
    "as_of": "2026-01-01",
    "currency": "USD",
    "all_in": True,
    "tiers": ["owned", "rented"],
    "prices": [
        {"gpu": "b200", "tier": "owned", "value": 1.5, "unit": "USD/GPU/h", "source": "me", "as_of": "2026-01-01"},
        {"gpu": "b200", "tier": "rented", "value": 2.5, "unit": "USD/GPU/h", "source": "me", "as_of": "2026-01-01"},
    ],
    "power": [{"gpu": "b200", "value": 1.71, "unit": "kW/GPU", "source": "me", "as_of": "2026-01-01"}],
}


def written(tmp_path: Path, book: dict[str, Any]) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(book))
    return path


def error_of(tmp_path: Path, book: dict[str, Any]) -> str:
    path = written(tmp_path, book)
    with pytest.raises(FileError) as caught:
        load_book(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("name", BOOKS)
def test_a_bundled_book_has_a_price_and_power_for_every_gpu_in_every_tier(name: str) -> None:
    book = load_book(ROOT / "pricing" / f"{name}.yaml")
    assert book.name == name
    gpus = read_value(ROOT / "inferbench" / "catalog" / "gpus.yaml", GpuFacts).gpus
    for gpu in gpus:
        assert all_in_kw(book, gpu) is not None
        for tier in book.tiers:
            found = price_of(book, gpu, tier)
            assert (found.gpu, found.tier) == (gpu, tier)
            assert "InferenceX-app" in found.source
            assert found.as_of <= book.as_of


@pytest.mark.parametrize(
    ("name", "tier", "mi355x", "b200"),
    [
        ("inferencex-2025-08", "hyperscaler", 1.48, 1.95),
        ("inferencex-2025-08", "neocloud", 1.90, 2.34),
        ("inferencex-2025-08", "rental-3y", 2.10, 2.90),
        ("inferencex-2026-07", "hyperscaler", 1.50, 1.73),
        ("inferencex-2026-07", "neocloud", 2.09, 2.07),
        ("inferencex-2026-07", "rental-3y", 2.10, 2.60),
        ("inferencex-2026-09", "hyperscaler", 1.50, 1.73),
        ("inferencex-2026-09", "rental-3y", 2.90, 3.70),
    ],
)
def test_the_bundled_figures_are_the_published_ones(name: str, tier: str, mi355x: float, b200: float) -> None:
    book = load_book(ROOT / "pricing" / f"{name}.yaml")
    assert (price_of(book, "mi355x", tier).value, price_of(book, "b200", tier).value) == (mi355x, b200)


def test_power_was_corrected_between_the_books() -> None:
    kw = [all_in_kw(load_book(ROOT / "pricing" / f"{name}.yaml"), "mi355x") for name in BOOKS]
    assert kw == [2.65, 2.09, 2.09]


def test_the_neocloud_tier_is_gone_in_september() -> None:
    book = load_book(ROOT / "pricing" / "inferencex-2026-09.yaml")
    with pytest.raises(
        FileError, match=r"inferencex-2026-09: unknown tier 'neocloud'; allowed: hyperscaler, rental-3y"
    ):
        price_of(book, "b200", "neocloud")


def test_placeholders_of_the_source_are_marked() -> None:
    book = load_book(ROOT / "pricing" / "inferencex-2025-08.yaml")
    marked = {price.gpu for price in book.prices if price.note and "placeholder" in price.note}
    assert marked == {"b300", "gb300"}
    for tier in book.tiers:
        assert price_of(book, "b300", tier).value == pytest.approx(1.2 * price_of(book, "b200", tier).value)
        assert price_of(book, "gb300", tier).value == pytest.approx(1.2 * price_of(book, "gb200", tier).value)


def test_a_missing_gpu_is_an_error_that_names_the_nearest_and_never_a_price_of_zero() -> None:
    book = price_book({"mi355x": 1.5, "b200": 1.7})
    with pytest.raises(FileError) as caught:
        price_of(book, "mi350x", "rented")
    message = "price book book, tier rented: unknown GPU 'mi350x'; allowed: b200, mi355x; did you mean 'mi355x'?"
    assert str(caught.value) == message
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_mistyped_tier_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(FileError, match=r"unknown tier 'rentd'; allowed: rented; did you mean 'rented'\?"):
        price_of(price_book({"b200": 1.7}), "b200", "rentd")


def test_a_gpu_that_only_another_tier_prices_is_missing(tmp_path: Path) -> None:
    data = copy.deepcopy(GOOD)
    del data["prices"][1]
    book = load_book(written(tmp_path, data))
    assert price_of(book, "b200", "owned").value == 1.5
    with pytest.raises(FileError, match="tier rented: unknown GPU 'b200'"):
        price_of(book, "b200", "rented")


def test_power_without_a_figure_is_none() -> None:
    assert all_in_kw(price_book({"b200": 1.7}), "b200") is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": -1.5}, "prices[0].value: input should be greater than 0 (given -1.5)"),
        ({"value": 0}, "prices[0].value: input should be greater than 0 (given 0)"),
        ({"value": float("inf")}, "prices[0].value: input should be a finite number (given inf)"),
        (
            {"unit": "EUR/GPU/h"},
            "prices[0].unit: 'EUR/GPU/h' is not allowed; use 'USD/GPU/h'",
        ),
        ({"source": None}, "prices[0].source: input should be a valid string (given None)"),
        ({"power_price": 0.08}, "prices[0].power_price: unknown key; allowed: gpu, tier, value, unit, source, as_of"),
        ({"tier": "ownd"}, "(top level): price of b200: tier 'ownd' is not one of owned, rented"),
        ({"tier": "rented"}, "(top level): two prices for b200 in tier 'rented'"),
    ],
)
def test_a_bad_price_gets_one_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    data = copy.deepcopy(GOOD)
    data["prices"][0].update(change)
    assert error_of(tmp_path, data).startswith(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"currency": "EUR"}, "currency: 'EUR' is not allowed; use 'USD'"),
        ({"all_in": False}, "all_in: False is not allowed; use True"),
        (
            {"power_price": 0.08},
            "(top level): tiers are all-in: a power price on one would count power twice; remove it",
        ),
        ({"usd_per_kwh": 0.08}, "(top level): tiers are all-in"),
        ({"prices": []}, "prices: "),
        ({"teirs": ["owned"]}, "teirs: unknown key; allowed: format, name, title, as_of, currency, all_in, tiers"),
    ],
)
def test_a_bad_book_gets_one_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    assert error_of(tmp_path, {**GOOD, **change}).startswith(message)


@pytest.mark.parametrize("key", ["value", "unit", "source", "as_of"])
def test_every_price_needs_all_that_makes_it_one(tmp_path: Path, key: str) -> None:
    data = copy.deepcopy(GOOD)
    del data["prices"][0][key]
    assert error_of(tmp_path, data) == f"prices[0].{key}: is required and missing"
