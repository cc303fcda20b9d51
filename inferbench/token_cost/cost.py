"""Costs: lines of price x quantity, and what a million tokens come to."""

from __future__ import annotations

from pydantic import Field, PositiveFloat

from inferbench.metrics.summary import Basis, Origin, SweepPoint
from inferbench.pricing.bill_lines import CostLine
from inferbench.values import Value


class Blend(Value):
    """A mix of tokens to price: how many prompt tokens come to a generated one, and how many of them were cached."""

    input_per_output: PositiveFloat
    """Prompt tokens per generated token."""
    hit_rate: float = Field(0.0, ge=0, le=1)
    """Share of prompt tokens that are found in the prefix cache."""
    cached_price_share: float = Field(1.0, ge=0, le=1)
    """Cost of a cached prompt token over that of one that is computed."""


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

    # Fields from here on came later: None in results that were written before, and where there is no such figure.
    usd_per_gpu_hour: float | None = None
    usd_per_gpu_hour_low: float | None = None
    usd_per_gpu_hour_high: float | None = None
    """Interval of the hourly price alone: what the book's ranges do to it."""
    usd_per_request: float | None = None
    """Hourly cost over requests sent, failed ones included; whole run only."""
    usd_per_successful_request: float | None = None
    usd_per_mtok_goodput: float | None = None
    """Hourly cost over the tokens of requests that met the goodput SLO; None without one, and where none met it."""
    usd_per_mtok_blended: float | None = None
    """At the mix `blend`, in role accounting; None without a mix or without prefill GPUs."""
    blend: Blend | None = None
    tokens_per_usd: float | None = None
    tokens_per_s_per_mw: float | None = None
    """tok/s per MW of all-in power that the book provisions."""
    joules_per_token_measured: float | None = None
    """From measured power; None until power is measured."""
