"""A deployment, or one worker of it, as a server: what it says it is, and what stands behind it."""

from __future__ import annotations

import socket
from typing import Any

from inferbench.catalog.model import ModelSpec
from inferbench.errors import FieldName, UsageError
from inferbench.scenario.deployment import Deployment, Topology
from inferbench.simulator.engine.build import KV_BYTES
from inferbench.simulator.engine.cluster import Cluster, TwinTarget
from inferbench.simulator.engine.streaming import OnChunk
from inferbench.simulator.server.backend import ServingBackend, WholeDeployment
from inferbench.simulator.server.identity import Served, ServerRole
from inferbench.simulator.server.realtime_clock import FollowingClock
from inferbench.simulator.server.roles.decode_server import DecodeBackend
from inferbench.simulator.server.roles.prefill_server import PrefillBackend
from inferbench.simulator.server.server import MakeBackend
from inferbench.simulator.timing.kv_transfer import kv_bytes_per_token

TRANSFER_BACKENDS = {"mori-io": "mori", "mooncake": "mooncake", "nixl": "nixl"}
ALL_TO_ALL_BACKENDS = {"mori-ep": "mori", "deepep": "deepep", "trtllm": "none", "allgather": "none"}


def served_of(
    model: ModelSpec,
    deployment: Deployment,
    topology: Topology,
    role: ServerRole,
    cluster: Cluster,
    bootstrap_port: int | None,
) -> Served:
    """Describe a server. The whole deployment is described by its decode workers."""
    group = topology.prefilling if role is ServerRole.PREFILL else topology.decode
    drafts: dict[str, Any] = {}
    if topology.mtp:
        drafts = {
            "speculative_algorithm": "NEXTN",
            "speculative_num_steps": topology.mtp,
            "speculative_num_draft_tokens": topology.mtp + 1,
        }
    return Served(
        model=model.hugging_face_id,
        role=role,
        kv_tokens=cluster.kv_tokens * (1 if role is ServerRole.DECODE else cluster.decode_workers),
        drafts=topology.mtp,
        arguments={
            "tp_size": group.tp,
            "ep_size": group.ep,
            "dp_size": group.gpus if group.dp_attention else 1,
            "enable_dp_attention": group.dp_attention,
            "moe_a2a_backend": ALL_TO_ALL_BACKENDS[deployment.stack.all_to_all] if group.dp_attention else "none",
            "enable_two_batch_overlap": deployment.stack.two_batch_overlap,
            "kv_cache_dtype": "fp8_e4m3" if deployment.kv_precision == "fp8" else "bfloat16",
            "max_running_requests": cluster.max_running,
            "stream_interval": topology.stream_interval,
            "disaggregation_transfer_backend": TRANSFER_BACKENDS.get(deployment.stack.kv_transfer or ""),
            "disaggregation_bootstrap_port": bootstrap_port,
            **drafts,
            "twin_gpu": deployment.gpu,
            "twin_gpus": topology.total_gpus if role is ServerRole.BOTH else group.gpus,
            "twin_precision": deployment.precision,
            "twin_framework": deployment.stack.framework,
        },
    )


def backend_of(
    model: ModelSpec,
    deployment: Deployment,
    topology: Topology,
    role: ServerRole,
    cluster: Cluster,
    time_scale: float,
    listener: socket.socket | None = None,
) -> MakeBackend:
    """Return what makes the server's backend once its clock runs. listener: where a prefill worker is met.

    Raises UsageError for a role apart where the topology's workers have both.
    """
    if role is not ServerRole.BOTH and topology.prefill is None:
        raise UsageError(f"twin: topology {topology.name} is aggregated; serve it with ", FieldName("role"), " both")

    def make(clock: FollowingClock, on_chunk: OnChunk) -> ServingBackend:
        if role is ServerRole.BOTH:
            return WholeDeployment(TwinTarget(cluster, clock, on_chunk), clock)
        if role is ServerRole.DECODE:
            return DecodeBackend(cluster, clock, on_chunk, time_scale=time_scale)
        assert listener is not None
        kv_bytes = kv_bytes_per_token(model, KV_BYTES[deployment.kv_precision], topology.mtp)
        return PrefillBackend(cluster, clock, on_chunk, listener=listener, kv_bytes=kv_bytes, time_scale=time_scale)

    return make
