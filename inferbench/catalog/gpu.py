"""GPUs as their vendors describe them."""

from __future__ import annotations

import datetime

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from inferbench.values import Value


class PowerModel(Value):
    """Power of one GPU board while it serves, W."""

    idle_w: PositiveFloat
    """With the model loaded and a server waiting."""
    prefill_w: NonNegativeFloat
    """Beside that, while it prefills."""
    decode_w_per_doubling: NonNegativeFloat
    """Beside that, while it decodes a batch of b: this times log2(1 + b)."""
    source: str
    as_of: datetime.date


class Gpu(Value):
    """One GPU: dense peak rates, memory, links and power, each per GPU."""

    name: str
    vendor: str
    hbm_gb: PositiveFloat
    """High-bandwidth memory, GB (10^9 bytes)."""
    hbm_tb_s: PositiveFloat
    """Peak memory bandwidth, TB/s."""
    fp4_tflops: NonNegativeFloat
    """Dense peak at 4 bits, TFLOP/s; 0 where the GPU has none."""
    fp8_tflops: PositiveFloat
    bf16_tflops: PositiveFloat
    scale_up_gb_s: PositiveFloat
    """Scale-up bandwidth (xGMI, NVLink) per direction to all peers together, GB/s."""
    scale_up_domain: PositiveInt
    """GPUs that share the scale-up fabric."""
    nic_gb_s: PositiveFloat
    """Scale-out bandwidth per direction, GB/s."""
    tdp_w: PositiveFloat
    power: PowerModel | None = None
    """None where nobody has published enough to tell."""
    gpus_per_node: PositiveInt = 8
    """GPUs of one server: what is bought and billed as a whole."""
    source: str
    as_of: datetime.date


class GpuFacts(Value):
    """The GPU fact file."""

    gpus: dict[str, Gpu]
