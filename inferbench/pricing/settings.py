"""What a user sets beside a book: `utilisation=0.6`, `licence=on`."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field

from inferbench.errors import UsageError
from inferbench.files.spelling import unknown
from inferbench.pricing.cost_figures import IDLENESS, ITEMS, SWITCHES, CostFigure, Trust
from inferbench.pricing.owned_book import Book, OwnedBook

_ON_OFF = {"on": True, "off": False}


@dataclass(frozen=True)
class CostSettings:
    """Figures and switches that take the place of a book's own."""

    values: Mapping[str, float] = field(default_factory=dict)
    switches: Mapping[str, bool] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.values or self.switches)


BOOK_AS_IT_IS = CostSettings()
SET_BY_USER = "set by the user"


def parse_settings(pairs: Mapping[str, str]) -> CostSettings:
    """Read settings from `KEY=VALUE` pairs.

    Raises UsageError for an unknown key, naming the nearest, for a value that is no number (`on` or `off` for a
    switch), and for one that the figure cannot have.
    """
    values, switches = {}, {}
    for key, text in pairs.items():
        if key in SWITCHES:
            if text not in _ON_OFF:
                raise UsageError(f"{key}: {unknown('setting', text, _ON_OFF)}")
            switches[key] = _ON_OFF[text]
        elif key in ITEMS:
            values[key] = _number(key, text)
        else:
            raise UsageError(unknown("key to set", key, (*ITEMS, *SWITCHES)))
    return CostSettings(values, switches)


def _number(key: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise UsageError(f"{key}: {text!r} is not a number ({ITEMS[key].unit})") from None
    if problem := ITEMS[key].problem(value):
        raise UsageError(f"{key}: {problem}")
    return value


def check_settings(book: Book, settings: CostSettings) -> None:
    """Raise UsageError for a setting that the book's kind of price has no room for."""
    if isinstance(book, OwnedBook):
        return
    for key in (*settings.values, *settings.switches):
        if key not in IDLENESS:
            raise UsageError(
                f"price book {book.name}: tiers are all-in, so {key} is already inside; "
                f"only {' and '.join(IDLENESS)} can be set, or use an owned book"
            )


def setting_figure(item: str, value: float, as_of: datetime.date) -> CostFigure:
    """A set value as a figure: taken as exact, and trusted as far as whoever set it."""
    unit = ITEMS[item].unit
    return CostFigure(item=item, value=value, unit=unit, source=SET_BY_USER, as_of=as_of, trust=Trust.ASSUMPTION)
