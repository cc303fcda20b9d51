"""How large the numbers of a person's file may be: beyond these a run would not end, or its figures overflow.

They are bounds of what a machine can do, not of what is sensible, and far from both ends of what has been measured.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

MOST_GPUS = 100_000
"""Of one topology."""
MOST_REQUESTS = 1_000_000
"""Of one sweep point: each is planned, driven and kept."""
MOST_STREAMS = 16_384
"""Of a load over loopback, whose ports a machine has 28,000 of."""
LONGEST_S = 3600.0
"""Of the leg over loopback, s."""
LARGEST_SEED = 2**53 - 1
"""What every reader of JSON keeps exactly, with room for the seeds of repeats."""

SMALLEST, LARGEST = 1e-9, 1e12


def usable(value: float) -> float:
    """Return a figure of which products and quotients stay numbers. Raises ValueError for any other."""
    if not SMALLEST <= value <= LARGEST:
        raise ValueError(f"{value:g} is not within {SMALLEST:g} and {LARGEST:g}")
    return value


Count = Annotated[int, Field(gt=0, le=1_000_000)]
"""Of workers, requests, streams, processes or tokens at once."""
CountOrNone = Annotated[int, Field(ge=0, le=1_000_000)]
"""The same, or 0."""
Tokens = Annotated[int, Field(gt=0, le=100_000_000)]
"""Of a prompt, an answer or a batch."""
Amount = Annotated[float, Field(gt=0), AfterValidator(usable)]
"""A figure above 0: a price, a rate, a latency, a ratio. Products and quotients of a few stay numbers."""
UnixTime = Annotated[float, Field(ge=-62_135_596_800, lt=253_402_300_800)]
"""Seconds since 1970, of a day that a calendar has: of the years 1 to 9999."""
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
"""Of a load."""
Nanoseconds = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""An instant on a clock."""
