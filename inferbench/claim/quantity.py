"""The quantities that a line of a claim can be about, each computed from the claim's own points, prices and formats."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from inferbench.files.allowed_names import ONCE, Label, Text
from inferbench.files.number_limits import Amount, Count
from inferbench.values import Value

Method = Literal["derived", "spline"]
"""derived: price over the interpolated throughput. spline: the cost of each point, interpolated by itself."""


class _OnCurves(Value):
    of: str
    at: Amount | None = None
    """tok/s/user; None: the claim's operating point."""

    def curves(self) -> tuple[str, ...]:
        """Names of the curves that it reads."""
        return tuple(name for name in (self.of, getattr(self, "over", None)) if name is not None)


class TputPerGpu(_OnCurves):
    """Throughput of a curve, tok/s/GPU."""

    kind: Literal["tput_per_gpu"]


class TputRatio(_OnCurves):
    """Throughput per GPU of one curve over that of another."""

    kind: Literal["tput_ratio"]
    over: str


class TputRatios(_OnCurves):
    """The same ratio at several interactivities; a claim must hold at every one that both curves reach."""

    kind: Literal["tput_ratios"]
    over: str
    points: Annotated[tuple[Amount, ...], Field(min_length=1), ONCE]


class UsdPerMtok(_OnCurves):
    """$ per million tokens, prompt and generated together."""

    kind: Literal["usd_per_mtok"]
    method: Method
    book: Label
    tier: Label


class CostChange(_OnCurves):
    """Cost of one curve over that of another, minus 1: -0.05 is 5 % cheaper."""

    kind: Literal["cost_change"]
    over: str
    method: Method
    book: Label
    tier: Label


class BreakEvenPriceRatio(_OnCurves):
    """Hourly price of one over that of the other at which both cost the same: the ratio of throughputs."""

    kind: Literal["break_even_price_ratio"]
    over: str
    book: Label
    tier: Label


class NearestPoints(_OnCurves):
    """Distance between the two measured points that the reading lies between, tok/s/user."""

    kind: Literal["gap"]


class ExpertParallel(_OnCurves):
    """Share of the two measured neighbours whose workers use expert parallelism: 0, 0.5 or 1."""

    kind: Literal["expert_parallel_share"]


class SoftwareGap(_OnCurves):
    """Days between the runs that the two readings stand on, the furthest apart."""

    kind: Literal["software_gap_days"]
    over: str


class WireFormat(Value):
    """How a hidden vector is laid out: bits of an element, and a scale per block where there are scales."""

    bits: Count
    block: Count | None = None
    """Elements that share a scale; None: no scales."""
    scale_bytes: Count | None = None

    def bytes_per_token(self, hidden: int) -> float:
        """Bytes of one copy of one token."""
        scales = 0.0 if self.block is None else hidden / self.block * (self.scale_bytes or 0)
        return hidden * self.bits / 8 + scales


class WireBytes(Value):
    """Bytes per token there and back, or by what factor they shrink from `before` to `after`."""

    kind: Literal["wire_bytes", "wire_bytes_ratio"]
    hidden: Count
    before: tuple[WireFormat, ...] = Field(min_length=1)
    """Formats of the dispatch and of the combine."""
    after: tuple[WireFormat, ...] = ()

    def curves(self) -> tuple[str, ...]:
        """It reads no curve."""
        return ()


class TimeRatio(Value):
    """By what factor measured kernel times shrink from `before_us` to `after_us`."""

    kind: Literal["time_ratio"]
    before_us: tuple[Amount, ...] = Field(min_length=1)
    after_us: tuple[Amount, ...] = Field(min_length=1)
    condition: Text

    def curves(self) -> tuple[str, ...]:
        """It reads no curve."""
        return ()


Quantity = Annotated[
    TputPerGpu | TputRatio | TputRatios | UsdPerMtok | CostChange | BreakEvenPriceRatio | NearestPoints
    | ExpertParallel | SoftwareGap | WireBytes | TimeRatio,
    Field(discriminator="kind"),
]  # fmt: skip
