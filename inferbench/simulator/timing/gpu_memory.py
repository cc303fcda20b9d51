"""What fits: weights per GPU, and the KV tokens that a decode worker has room for."""

from __future__ import annotations

from inferbench.catalog.gpu import Gpu
from inferbench.catalog.model import ModelSpec
from inferbench.errors import UsageError
from inferbench.scenario.deployment import WorkerGroup
from inferbench.simulator.timing.kernels import dense_parameters, expert_parameters


def weight_bytes_per_gpu(model: ModelSpec, group: WorkerGroup, dense_bytes: float, expert_bytes: float) -> float:
    """Weights on one GPU: routed experts split over the worker, the rest split by TP or, with DP attention, whole.

    dense_bytes and expert_bytes are bytes per parameter. Embedding and output head are split like the rest.
    """
    share = 1 if group.dp_attention else group.tp
    experts = model.moe_layers * model.routed_experts * expert_parameters(model) / group.gpus
    dense = model.layers * dense_parameters(model, share) + 2 * model.vocab * model.hidden / share
    return experts * expert_bytes + dense * dense_bytes


def kv_token_budget(gpu: Gpu, group: WorkerGroup, weight_bytes: float, kv_bytes: float, fraction: float) -> int:
    """KV tokens that one worker has room for. Raises UsageError where the weights alone do not fit.

    With DP attention each GPU keeps its own requests; under TP every GPU keeps the same cache.
    """
    room = gpu.hbm_gb * 1e9 * fraction - weight_bytes
    if room < kv_bytes:
        raise UsageError(
            f"twin: the weights take {weight_bytes / 1e9:.0f} GB per GPU of the {gpu.hbm_gb * fraction:.0f} GB "
            f"that {gpu.name} has for weights and KV cache; use more GPUs per worker"
        )
    return int(room / kv_bytes) * (group.gpus if group.dp_attention else 1)
