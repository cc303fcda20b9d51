"""Cells of CSV files: text that a spreadsheet would run as a formula is marked as text, numbers stay numbers."""

from __future__ import annotations

import re

_RUN = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 (spreadsheets read wide signs, too)
_QUANTITY = re.compile(r"[+-](?:\d[\d.,]*|\.\d+)(?:[eE][+-]?\d+)?(?:[ /%µ·\w.,]|(?<=\s)[+-](?=[\d.]))*")
"""A signed number with its unit, or two of them: "-1.5 %", "-5 to -3 ms"."""
_MARK = "'"


def inert(cell: str) -> str:
    """A cell as a CSV file may hold it: with an apostrophe before it where a spreadsheet would run it."""
    lone_sign = cell in ("+", "-")
    return cell if not cell.startswith(_RUN) or lone_sign or _QUANTITY.fullmatch(cell) else f"{_MARK}{cell}"


def as_it_was(cell: str) -> str:
    """What `inert` was given."""
    return cell[1:] if cell.startswith(_MARK) and inert(cell[1:]) == cell else cell
