"""`inferbench tco`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from pydantic import BaseModel, ValidationError
from typer.core import TyperGroup
from typing_extensions import override

from inferbench.cli.lists import parse_pairs
from inferbench.cli.options import shared
from inferbench.cli.options.groups import grouped
from inferbench.cli.output import put
from inferbench.errors import UsageError
from inferbench.metrics.summary import Basis

if TYPE_CHECKING:
    from inferbench.pricing.owned_book import Book
    from inferbench.pricing.settings import CostSettings
    from inferbench.token_cost.cost import Blend

BOOK = "inferencex-2026-09"
OWNED_BOOK = "neocloud-owned-2026"


class _BillByDefault(TyperGroup):
    """`inferbench tco RUN` means `inferbench tco bill RUN`."""

    @override
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = args[0] in self.commands or args[0] == "--help" if args else False
        return super().parse_args(ctx, args if named else ["bill", *args])


app = typer.Typer(cls=_BillByDefault, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """What an hour of a GPU and its tokens cost, line by line.

    `inferbench tco RUN` is short for `inferbench tco bill RUN`.
    """


class At(StrEnum):
    """Where a run is priced."""

    POINTS = "points"
    OPERATING_POINTS = "operating-points"


PriceBook = Annotated[str, typer.Option(help="A price book: a file, or the name of a bundled one.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a figure of an owned book, or a switch to on or off."),
]


@dataclass(frozen=True)
class PriceOptions:
    """What a GPU's hour costs."""

    price_book: PriceBook = BOOK
    tier: Annotated[str | None, typer.Option(help="One of its tiers; needed where it has several.")] = None
    set_: Set = None

    @property
    def book(self) -> Book:
        """The price book. Raises FileError where it cannot be used."""
        from inferbench.pricing.bundled_books import open_book

        return open_book(self.price_book)

    @property
    def settings(self) -> CostSettings:
        """What is set beside it. Raises UsageError."""
        return parse_set(self.set_)

    def tier_in(self, book: Book) -> str:
        """The tier that was named, or the book's only one. Raises UsageError."""
        from inferbench.runs.answers.costs import tier_of

        return tier_of(book, self.tier)


@app.command()
@grouped
def bill(
    *,
    run: Annotated[Path | None, typer.Argument(help="A run directory; none: the bills alone.")] = None,
    prices: PriceOptions,
    at: Annotated[At, typer.Option(help="Price every sweep point, or the scenario's operating points.")] = At.POINTS,
    basis: Annotated[Basis, typer.Option(help="Throughput that sweep points are priced on.")] = Basis.WHOLE_RUN,
    blend: Annotated[
        str | None, typer.Option(metavar="IN:OUT", help="Also price a mix of prompt and generated tokens, as 8:1.")
    ] = None,
    hit_rate: Annotated[float, typer.Option(help="In the mix: share of prompt tokens that are cached.")] = 0.0,
    cached_price_share: Annotated[float, typer.Option(help="In the mix: cost of a cached over a computed one.")] = 1,
    figures: Annotated[bool, typer.Option(help="Also print every figure of an owned book with its source.")] = False,
    json: shared.Json = False,
) -> None:
    """Print the hourly bill of each GPU, and what a run's tokens cost.

    A book is all-in, or owned: then every line is built up from figures with sources, and its interval from their
    ranges.
    """
    from inferbench.cli.console import show
    from inferbench.runs.answers import cost_tables
    from inferbench.runs.answers import costs as costing
    from inferbench.runs.opened_run import open_run

    book, settings, mix = prices.book, prices.settings, _blend(blend, hit_rate, cached_price_share)
    chosen = prices.tier_in(book)
    opened = None if run is None else open_run(run)
    gpus = None if opened is None else tuple(dict.fromkeys(costing.gpus_of(opened).values()))
    bills = costing.bills(book, chosen, gpus, settings)
    tables = [cost_tables.bill_table(found) for found in bills]
    tables += [cost_tables.figures_table(found) for found in bills if figures and found.figures]
    result: dict[str, object] = {"bills": _plain(bills)}
    if opened is not None and at is At.OPERATING_POINTS:
        answers = costing.price_readings(opened, book, chosen, settings=settings)
        tables.append(cost_tables.readings_table(answers))
        result["operating_points"] = [
            {"operating_point": point.model_dump(mode="json"), "readings": _plain(readings)}
            for point, readings in answers
        ]
    elif opened is not None:
        costs = costing.price_points(opened, book, chosen, settings=settings, blend=mix, basis=basis)
        tables.append(cost_tables.costs_table(costs))
        result["costs"] = _plain(costs)
    if json:
        _write(result)
        return
    for table in tables:
        show(table)


@app.command()
def implied(
    tier: Annotated[str, typer.Option(help="The tier whose price is taken apart.")],
    price_book: PriceBook = BOOK,
    owned_book: Annotated[str, typer.Option(help="The owned book that all other lines come from.")] = OWNED_BOOK,
    years: Annotated[float | None, typer.Option(help="Depreciation; short for --set depreciation_years.")] = None,
    rate: Annotated[float | None, typer.Option(help="Cost of capital a year; short for --set capital_rate.")] = None,
    set_: Set = None,
    json: shared.Json = False,
) -> None:
    """Run a tier backwards: which server price, or which cost of capital, does its $/GPU-hour imply?"""
    from inferbench.cli.console import show
    from inferbench.pricing.bundled_books import open_book
    from inferbench.runs.answers import costs as costing
    from inferbench.runs.answers.cost_tables import implied_table

    short = {"depreciation_years": years, "capital_rate": rate}
    given = [f"{key}={value}" for key, value in short.items() if value is not None]
    settings = parse_set([*given, *(set_ or [])])
    found = costing.implied(open_book(price_book), tier, open_book(owned_book), settings)
    if json:
        _write(_plain(found))
    else:
        show(implied_table(found))


def parse_set(given: Sequence[str] | None) -> CostSettings:
    """Read `--set` options. Raises UsageError for an unknown key or a value that it cannot have."""
    from inferbench.pricing.settings import parse_settings

    try:
        return parse_settings(parse_pairs("--set", given or []))
    except UsageError as error:
        text = str(error)
        raise UsageError(text if text.startswith("--set") else f"--set: {text}") from None


def _blend(text: str | None, hit_rate: float, cached_price_share: float) -> Blend | None:
    from inferbench.files.yaml_values import describe
    from inferbench.token_cost.cost import Blend

    if text is None:
        return None
    prompt, _, generated = text.partition(":")
    try:
        ratio = float(prompt) / float(generated)
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"--blend: {text!r} is not IN:OUT, as in 8:1") from None
    try:
        return Blend(input_per_output=ratio, hit_rate=hit_rate, cached_price_share=cached_price_share)
    except ValidationError as error:
        raise UsageError(f"--blend: {describe(error, Blend)}") from None


def _plain(values: Sequence[BaseModel]) -> list[dict[str, object]]:
    return [value.model_dump(mode="json") for value in values]


def _write(result: object) -> None:
    put(orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
