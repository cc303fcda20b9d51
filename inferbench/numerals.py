"""Numbers in sentences and tables: three significant digits, and more where fewer would say something else."""

from __future__ import annotations

import math

MISSING = "-"
"""Stands for a figure that does not exist; never a zero."""


def significant(value: float | None, digits: int = 3) -> str:
    """Write `value` to so many significant digits, thousands separated: 2378 as 2,380 and 0.15372 as 0.154."""
    if value is None:
        return MISSING
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = max(digits - 1 - math.floor(math.log10(abs(rounded))), 0)
    return f"{rounded:,.{decimals}f}"


def usd(value: float | None) -> str:
    """US dollars to three significant digits."""
    return MISSING if value is None else f"${significant(value)}"


def ratio(value: float | None) -> str:
    """A ratio to two decimals, such as 1.10x; more where two would read as a tie that is none."""
    if value is None:
        return MISSING
    return f"{value:.6g}x" if f"{value:.2f}" == "1.00" and value != 1 else f"{value:.2f}x"
