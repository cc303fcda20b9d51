"""Loading a scenario: from a file or by name, held against all known facts."""

from __future__ import annotations

from pathlib import Path

from inferbench.catalog.bundled import find, gpus, models
from inferbench.catalog.model import ModelSpec
from inferbench.errors import FileError
from inferbench.files.allowed_names import repeated
from inferbench.files.spelling import unknown
from inferbench.files.yaml_values import read_value
from inferbench.pricing.bundled_books import open_book
from inferbench.pricing.owned_book import Book
from inferbench.pricing.price_books import price_of
from inferbench.scenario.deployment import Deployment
from inferbench.scenario.scenario import Lengths, Scenario


def price_books(scenario: Scenario) -> tuple[Book, ...]:
    """Load the price books of a scenario, each holding a price for every GPU in every tier."""
    books = tuple(open_book(name) for name in scenario.price_books)
    if twice := repeated(book.name for book in books):
        raise FileError(f"price_books: two books are named {twice[0]!r}")
    for book in books:
        for tier in book.tiers:
            for gpu in sorted({d.gpu for d in scenario.deployments}):
                price_of(book, gpu, tier)
    return books


def load_scenario(name: str | Path) -> Scenario:
    """Load a scenario, and check it against all known facts.

    `name` is a file, or the name of a bundled one; docs/files.md has its keys and units.
    Raises FileError, in one line that names the file, the key and what is allowed, before any load is sent.
    """
    path = find("scenarios", str(name))
    scenario = read_value(path, Scenario)
    try:
        check_scenario(scenario)
    except FileError as error:
        raise FileError(f"{path}: {error}") from None
    return scenario


def check_scenario(scenario: Scenario) -> None:
    """Hold a scenario against all known facts. Raises FileError for the first that it does not fit."""
    if scenario.model not in models():
        raise FileError(f"model: {unknown('model', scenario.model, models())}")
    if problem := beyond_context(models()[scenario.model], scenario.load.isl, scenario.load.osl):
        raise FileError(f"load: {problem}")
    for index, deployment in enumerate(scenario.deployments):
        _check_deployment(deployment, f"deployments[{index}]")
    books = {book.name: book for book in price_books(scenario)}
    headline = scenario.headline
    if headline.book not in books:
        raise FileError(f"headline.book: {unknown('price book', headline.book, books)}")
    if headline.tier not in books[headline.book].tiers:
        raise FileError(f"headline.tier: {unknown('tier', headline.tier, books[headline.book].tiers)}")


def beyond_context(model: ModelSpec, isl: Lengths, osl: Lengths) -> str | None:
    """Say that the longest prompt and answer do not fit a model's context; None where they do."""
    longest = isl.max + osl.max
    if longest <= model.context_tokens:
        return None
    return f"isl.max + osl.max is {longest} tokens, beyond the {model.context_tokens} of {model.name}'s context"


def _check_deployment(deployment: Deployment, key: str) -> None:
    if deployment.gpu not in gpus():
        raise FileError(f"{key}.gpu: {unknown('GPU', deployment.gpu, gpus())}")
    gpu = gpus()[deployment.gpu]
    if deployment.precision == "fp4" and gpu.fp4_tflops == 0:
        raise FileError(f"{key}.precision: {gpu.name} has no 4-bit arithmetic; use fp8 or bf16")
