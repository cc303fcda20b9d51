"""Costs: lines of price x quantity, and what a million tokens come to."""

from __future__ import annotations

from .summary import Basis, Origin, SweepPoint
from .value import Value


class CostLine(Value):
    """One line of an hourly bill."""

    item: str
    usd_per_unit_hour: float
    quantity: float
    unit: str
    source: str

    @property
    def usd_per_hour(self) -> float:
        """Price x quantity."""
        return self.usd_per_unit_hour * self.quantity


class Cost(Value):
    """What a sweep point's tokens cost under one tier of one price book, on one basis."""

    point: SweepPoint
    origin: Origin
    basis: Basis
    book: str
    tier: str
    lines: tuple[CostLine, ...]
    usd_per_hour: float
    usd_per_mtok_total: float
    """Hourly cost of all GPUs over prompt and generated tokens together."""
    usd_per_mtok_input: float
    """Whole cluster: the hourly cost of all GPUs over prompt tokens alone."""
    usd_per_mtok_output: float
    """Whole cluster: the hourly cost of all GPUs over generated tokens alone."""
    usd_per_mtok_input_role: float | None
    """Role accounting, as InferenceX: prefill GPUs over prompt tokens; None without prefill GPUs."""
    usd_per_mtok_output_role: float
    """Role accounting, as InferenceX: decode GPUs over generated tokens."""
    joules_per_token_provisioned: float | None
    """All-in kW of the book over tok/s/GPU; None where the book has no power figure."""
