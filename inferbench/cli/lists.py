"""The one parser of list options: `1,2,4`, `1 2 4`, and the option given several times all mean the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from inferbench.errors import UsageError
from inferbench.secrets.values import HIDDEN

T = TypeVar("T")


def parse_list(option: str, given: Sequence[str], convert: Callable[[str], T], what: str) -> list[T]:
    """Parse a list option. Raises UsageError naming the option, the part and what is allowed."""
    values = []
    for part in (part for text in given for part in text.replace(",", " ").split()):
        try:
            values.append(convert(part))
        except ValueError:
            raise UsageError(f"{option}: {part!r} is not {what}") from None
    return values


def parse_pairs(option: str, given: Sequence[str], *, hidden: bool = False) -> dict[str, str]:
    """Parse `KEY=VALUE` options. Raises UsageError where a part has no `=`; it does not repeat one that is `hidden`."""
    pairs = {}
    for text in given:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise UsageError(f"{option}: {HIDDEN if hidden else repr(text)} is not KEY=VALUE")
        pairs[key] = value
    return pairs
