"""The all-to-all of expert parallelism: bytes on the wire by format, and the time of a dispatch and a combine."""

from __future__ import annotations

from dataclasses import dataclass

from inferbench.errors import UsageError
from inferbench.files.spelling import unknown
from inferbench.simulator.parameters.numbers import Real
from inferbench.simulator.parameters.parameters import AllToAllParameters, LinearTime
from inferbench.units import NS_PER_S, NS_PER_US

US = NS_PER_US / NS_PER_S


@dataclass(frozen=True, slots=True)
class DispatchFormat:
    """How a token's hidden vector is laid out on the wire."""

    element_bytes: float
    scale_group: int | None = None
    """Elements that share a scale; None: no scales."""
    scale_bytes: int = 0

    def bytes_per_token(self, hidden: int) -> float:
        """Bytes of one copy of one token; routing indices and weights are not counted."""
        scales = 0 if self.scale_group is None else hidden / self.scale_group * self.scale_bytes
        return hidden * self.element_bytes + scales


BF16 = DispatchFormat(2)
FP8 = DispatchFormat(1, scale_group=128, scale_bytes=4)
"""e4m3 with a 32-bit scale per 128 elements."""
MXFP4 = DispatchFormat(0.5, scale_group=32, scale_bytes=1)
"""e2m1 with an 8-bit scale per 32 elements."""
FP8_DIRECT = DispatchFormat(1)
"""e4m3 cast without scales."""

DISPATCH_FORMATS = {"bf16": BF16, "fp8": FP8, "fp4": MXFP4}
COMBINE_FORMATS = {"bf16": BF16, "fp8-blockwise": FP8, "fp8-direct": FP8_DIRECT}


@dataclass(frozen=True, slots=True)
class Formats:
    """Formats of a dispatch and a combine, by their names in a scenario."""

    dispatch: str
    combine: str

    def round_trip_bytes(self, hidden: int) -> float:
        """Bytes of one copy of one token there and back."""
        there, back = DISPATCH_FORMATS[self.dispatch], COMBINE_FORMATS[self.combine]
        return there.bytes_per_token(hidden) + back.bytes_per_token(hidden)


def expected_destinations(ranks: int, active_experts: int) -> float:
    """Expected number of distinct ranks among a token's experts under uniform routing: one copy goes to each.

    R (1 - (1 - 1/R)^k) for k independent choices among R ranks; k distinct experts reach slightly more (5.295, not
    5.251, of 8 ranks for 8 of 256).
    """
    return float(ranks * (1 - (1 - 1 / ranks) ** active_experts))


def wire_seconds(formats: Formats, hidden: int, tokens: Real, ranks: int, active_experts: int, gb_s: float) -> Real:
    """Least time for `tokens` of each rank to go out and come back over a fabric of gb_s GB/s per GPU and direction."""
    remote = expected_destinations(ranks, active_experts) * (ranks - 1) / ranks
    return tokens * remote * formats.round_trip_bytes(hidden) / (gb_s * 1e9)


def published_seconds(library: AllToAllParameters, formats: Formats, tokens: Real) -> Real:
    """Time of one layer's dispatch and combine by the library's own measurements, `tokens` per rank.

    Raises UsageError for a format that the library publishes no time for.
    """
    return _linear(library.dispatch, formats.dispatch, tokens) + _linear(library.combine, formats.combine, tokens)


def _linear(times: dict[str, LinearTime], name: str, tokens: Real) -> Real:
    if name not in times:
        raise UsageError(f"twin: {unknown('all-to-all format with a published time', name, times)}")
    return (times[name].t0_us + times[name].us_per_token * tokens) * US


def format_change_seconds(library: AllToAllParameters | None, formats: Formats, fitted: Formats, tokens: Real) -> Real:
    """How much longer an all-to-all takes in `formats` than in those that the constants were fitted with.

    The fitted latency and slope hold whatever else a layer pays for, so published kernel times do not replace them:
    only the difference between two formats is taken from there. Raises UsageError where no time is published.
    """
    if formats == fitted:
        return 0.0
    if library is None:
        raise UsageError(
            f"twin: dispatch {formats.dispatch} with combine {formats.combine} has no published time on this stack; "
            f"use {fitted.dispatch} with {fitted.combine}"
        )
    return published_seconds(library, formats, tokens) - published_seconds(library, fitted, tokens)
