"""What a worker is: its GPUs' rates, its host, and its kind of parallelism."""

from __future__ import annotations

from dataclasses import dataclass

from inferbench.scenario.deployment import WorkerGroup
from inferbench.simulator.parameters.numbers import Real
from inferbench.simulator.parameters.parameters import AllToAllParameters, ClassScale, Kind
from inferbench.simulator.timing.all_to_all import Formats
from inferbench.simulator.timing.kernels import Rates

SCALE_UP_GPUS = 8
"""GPUs of one scale-up domain, inside which the constants of communication were fitted."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a worker's GPUs reach, and in what formats they work."""

    rates: Rates
    peak_expert_flops_s: float
    scale_up_gb_s: float
    dense_bytes: float
    """Bytes per parameter outside the routed experts."""
    expert_bytes: float
    draft_rates: Rates
    """Those of the layer that drafts, which 4-bit checkpoints leave in 16 bits."""
    draft_expert_bytes: float
    kv_bytes: float
    """Bytes per KV-cache element."""
    formats: Formats
    fitted_formats: Formats
    all_to_all: AllToAllParameters | None
    """The library's published times; None where there are none."""


@dataclass(frozen=True, slots=True)
class Streaming:
    """The host side of a topology."""

    chunk_seconds: float
    workers: int
    interval: int


def class_factor(scale: ClassScale, group: WorkerGroup) -> Real:
    """The factor of a worker's kind."""
    factor: Real = getattr(scale, kind_of(group))
    return factor


def kind_of(group: WorkerGroup) -> Kind:
    """Kind of a worker: tensor parallel, that with experts split whole, or DP attention."""
    if group.dp_attention:
        return "dep"
    return "tep" if group.ep > 1 else "tp"
