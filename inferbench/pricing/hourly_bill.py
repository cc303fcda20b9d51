"""The hourly bill of one GPU under a tier of an all-in book, or built up from an owned book."""

from __future__ import annotations

from collections.abc import Mapping

from inferbench.pricing.bill_lines import Bill, CostLine
from inferbench.pricing.build_up import BuildUpLine, idle_part, provisioned_parts, provisioned_usd, working_usd
from inferbench.pricing.cost_figures import SWITCHES, CostFigure, Trust
from inferbench.pricing.listed_prices import check_names, listed_price
from inferbench.pricing.owned_book import OWNED, Book, OwnedBook
from inferbench.pricing.ranges import Swing, Values, interval, swings
from inferbench.pricing.rate_card import Price, PriceBook
from inferbench.pricing.settings import BOOK_AS_IT_IS, SET_BY_USER, CostSettings, check_settings, setting_figure


def hourly_bill(book: Book, gpu: str, tier: str, settings: CostSettings = BOOK_AS_IT_IS) -> Bill:
    """Return the bill of one GPU for one hour.

    Raises FileError where the book has no such tier or GPU, and UsageError for a setting that its prices have no
    room for: every line of a build-up is already inside an all-in tier, but for availability and utilisation.
    """
    check_names(book, gpu, tier)
    check_settings(book, settings)
    if isinstance(book, OwnedBook):
        return _owned(book, gpu, settings)
    return _all_in(book, listed_price(book, gpu, tier), settings)


def figures_of(book: OwnedBook, gpu: str, settings: CostSettings = BOOK_AS_IT_IS) -> dict[str, CostFigure]:
    """Return the figures of one GPU by item, those set by the user in place of the book's."""
    own = {item: setting_figure(item, value, book.as_of) for item, value in settings.values.items()}
    return {**book.figures(gpu), **own}


def switches_of(book: OwnedBook, settings: CostSettings = BOOK_AS_IT_IS) -> dict[str, bool]:
    """Return which parts of the build-up count."""
    return {name: settings.switches.get(name, getattr(book.switches, name)) for name in SWITCHES}


def price_swings(book: OwnedBook, gpu: str, settings: CostSettings = BOOK_AS_IT_IS) -> tuple[Swing, ...]:
    """Return what each figure's range does to the price of a working hour, the widest first."""
    switches = switches_of(book, settings)
    return swings(figures_of(book, gpu, settings), lambda values: working_usd(values, switches))


def _all_in(book: PriceBook, price: Price, settings: CostSettings) -> Bill:
    lines = [
        CostLine(
            item="GPU, all-in", usd_per_unit_hour=price.value, quantity=1, unit="GPU", source=price.source,
            as_of=price.as_of,
        )
    ]  # fmt: skip
    share = settings.values.get("availability", 1.0) * settings.values.get("utilisation", 1.0)
    if share < 1:
        idle = idle_part(price.value, 1.0, share)
        lines.append(
            CostLine(
                item=idle.item, usd_per_unit_hour=price.value, quantity=idle.quantity, unit=idle.unit,
                source=SET_BY_USER, as_of=book.as_of,
            )
        )  # fmt: skip
    low, high = price.low or price.value, price.high or price.value
    return Bill(
        gpu=price.gpu,
        book=book.name,
        tier=price.tier,
        lines=tuple(lines),
        usd_per_gpu_hour=price.value / share,
        low=low / share,
        high=high / share,
        provisioned_usd_per_gpu_hour=price.value,
        provisioned_low=low,
        provisioned_high=high,
    )


def _owned(book: OwnedBook, gpu: str, settings: CostSettings) -> Bill:
    figures, switches = figures_of(book, gpu, settings), switches_of(book, settings)
    values = {item: figure.value for item, figure in figures.items()}
    parts = provisioned_parts(values, switches)
    provisioned = sum(part.usd for part in parts)
    parts.append(idle_part(provisioned, values["availability"], values["utilisation"]))
    working = sum(part.usd for part in parts)
    low, high = interval(working, swings(figures, lambda v: working_usd(v, switches)))
    provisioned_low, provisioned_high = interval(provisioned, swings(figures, lambda v: provisioned_usd(v, switches)))
    return Bill(
        gpu=gpu,
        book=book.name,
        tier=OWNED,
        lines=tuple(_line(part, index, figures, switches) for index, part in enumerate(parts)),
        usd_per_gpu_hour=working,
        low=low,
        high=high,
        provisioned_usd_per_gpu_hour=provisioned,
        provisioned_low=provisioned_low,
        provisioned_high=provisioned_high,
        off=tuple(name for name, on in switches.items() if not on),
        figures=tuple(figures.values()),
    )


def _line(part: BuildUpLine, index: int, figures: Mapping[str, CostFigure], switches: Mapping[str, bool]) -> CostLine:
    used = [figures[item] for item in part.uses]

    def moved(values: Values) -> float:
        parts = provisioned_parts({**values}, switches)
        if index < len(parts):
            return parts[index].usd
        return idle_part(part.usd_per_unit_hour, values["availability"], values["utilisation"]).usd

    low, high = interval(part.usd, swings(figures, moved))
    return CostLine(
        item=part.item,
        usd_per_unit_hour=part.usd_per_unit_hour,
        quantity=part.quantity,
        unit=part.unit,
        source=used[0].source,
        trust=max((figure.trust for figure in used), key=lambda trust: trust.rank),
        as_of=min(figure.as_of for figure in used),
        assumed=tuple(figure.item for figure in used if figure.trust is Trust.ASSUMPTION),
        low=low,
        high=high,
    )
