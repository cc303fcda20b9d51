"""Setting the clocks of two machines side by side, as NTP does (RFC 5905, section 8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from inferbench.files.number_limits import Nanoseconds
from inferbench.values import Value


class ClockAnchor(Value):
    """One instant on both clocks, so that monotonic stamps can be set beside wall-clock ones."""

    wall_unix_ns: Nanoseconds
    monotonic_ns: Nanoseconds


@dataclass(frozen=True, slots=True)
class Alignment:
    """How another clock stands to ours."""

    offset_ns: int
    """Their reading minus ours at the same instant."""
    residual_ns: int
    """By at most how much `offset_ns` is off."""


SAME_CLOCK = Alignment(0, 0)
"""CLOCK_MONOTONIC is one for all processes of a machine."""


def align(exchanges: Iterable[tuple[int, int, int]]) -> Alignment:
    """Align by exchanges of (ours before asking, theirs, ours after the answer), ns; at least one.

    Their reading was taken somewhere between our two. Taking the middle is off by at most half of what lies between
    them, so the quickest exchange is the best.
    """
    before, theirs, after = min(exchanges, key=lambda exchange: exchange[2] - exchange[0])
    return Alignment(theirs - (before + after) // 2, (after - before + 1) // 2)


def residual_ns(begin: Alignment, end: Alignment) -> int:
    """By at most how much stamps of a run are off against ours, between two alignments around it.

    Time zero was set by the first. What the second says differently is drift, and counts in full.
    """
    return max(begin.residual_ns, end.residual_ns) + abs(end.offset_ns - begin.offset_ns)
