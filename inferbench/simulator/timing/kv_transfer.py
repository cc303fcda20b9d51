"""Moving a prompt's KV cache from prefill to decode: how many bytes, over how many NICs, how long."""

from __future__ import annotations

from dataclasses import dataclass

from inferbench.catalog.gpu import Gpu
from inferbench.catalog.model import ModelSpec
from inferbench.scenario.deployment import WorkerGroup
from inferbench.simulator.parameters.numbers import Real
from inferbench.simulator.parameters.parameters import KvTransferParameters
from inferbench.units import NS_PER_MS, NS_PER_S, NS_PER_US


def kv_bytes_per_token(model: ModelSpec, bytes_per_element: float, mtp: int) -> float:
    """KV-cache bytes of one token over all layers; the draft layer keeps a cache of its own."""
    layers = model.layers + (model.mtp_layers if mtp else 0)
    return model.kv_elements_per_token_layer * layers * bytes_per_element


def copies_per_nic(prefill: WorkerGroup, decode: WorkerGroup) -> int:
    """Copies of a prompt's cache that the busiest NIC of the prefill worker sends.

    MLA keeps one latent for all heads, so every tensor-parallel rank holds all of it. With DP attention one rank
    holds it alone: on the prefill side one NIC sends, on the decode side one copy is wanted.
    """
    wanted = 1 if decode.dp_attention else decode.tp
    senders = 1 if prefill.dp_attention else prefill.tp
    return -(-wanted // senders)


def links_of(prefill: WorkerGroup) -> int:
    """Transfers that a prefill worker can have on the wire at once: with DP attention each rank uses its own NIC."""
    return prefill.gpus if prefill.dp_attention else 1


@dataclass(frozen=True, slots=True)
class KvTransfer:
    """Time of one transfer: handshake, software cost per layer, then bytes at the NIC's rate."""

    fixed_seconds: float
    seconds_per_token: float

    def seconds(self, tokens: Real) -> Real:
        """Time that a prompt of `tokens` holds its link."""
        return self.fixed_seconds + self.seconds_per_token * tokens


def kv_transfer(
    backend: KvTransferParameters,
    gpu: Gpu,
    model: ModelSpec,
    kv_bytes: float,
    prefill: WorkerGroup,
    decode: WorkerGroup,
) -> KvTransfer:
    """Return the transfer time of a backend; kv_bytes is per token and copy. It starts when the prefill has ended."""
    software = model.layers * backend.software_us_per_layer * NS_PER_US
    rate = gpu.nic_gb_s * 1e9 * backend.nic_efficiency
    return KvTransfer(
        fixed_seconds=(backend.handshake_ms * NS_PER_MS + software) / NS_PER_S,
        seconds_per_token=kv_bytes * copies_per_nic(prefill, decode) / rate,
    )
