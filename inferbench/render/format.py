"""Numbers as people read them: three significant digits, a unit where it is not in a heading."""

from __future__ import annotations

import datetime

from inferbench.numerals import MISSING, significant


def percent(fraction: float | None) -> str:
    """A signed percentage to one decimal: 0.052 as +5.2%."""
    return MISSING if fraction is None else f"{fraction:+.1%}"


def count(value: int | None) -> str:
    """A whole number, thousands separated."""
    return MISSING if value is None else f"{value:,}"


def interval(low: float | None, high: float | None) -> str:
    """The two ends of an interval to three significant digits."""
    return MISSING if low is None or high is None else f"{significant(low)} to {significant(high)}"


def utc(unix_s: float | None) -> str:
    """A wall-clock instant to the second, in UTC."""
    if unix_s is None:
        return MISSING
    return datetime.datetime.fromtimestamp(unix_s, tz=datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def short_names(names: tuple[str, ...]) -> dict[str, str]:
    """Shorten names to the fewest leading or single dash-separated parts that no other name has.

    `mi355x-sglang-mori`, `b200-trtllm`, `b200-sglang` become `mi355x`, `trtllm`, `b200-sglang`.
    """
    return {name: _short(name, [other for other in names if other != name]) for name in names}


def _short(name: str, others: list[str]) -> str:
    parts = name.split("-")
    leading = ["-".join(parts[:n]) for n in range(1, len(parts))]
    taken = {part for other in others for part in _contiguous(other.split("-"))}
    return next((c for c in sorted([*parts, *leading], key=lambda c: c.count("-")) if c and c not in taken), name)


def _contiguous(parts: list[str]) -> set[str]:
    return {"-".join(parts[i:j]) for i in range(len(parts)) for j in range(i + 1, len(parts) + 1)}
