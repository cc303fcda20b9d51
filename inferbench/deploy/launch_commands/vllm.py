"""vLLM's workers with KV transfer over NIXL (or Mooncake)."""

from __future__ import annotations

import json

from inferbench.deploy.engine_versions import EngineVersion, version
from inferbench.deploy.launch_commands.network import kv_environment, network_environment
from inferbench.deploy.launch_commands.user_flags import finish_environment, finish_flags
from inferbench.deploy.launch_plan import MY_ADDRESS, Process
from inferbench.deploy.placement import WorkerPlace, places, worker_port, worker_process
from inferbench.deploy.settings import Flags, LaunchSettings
from inferbench.errors import UsageError

CONNECTORS = {
    "nixl": {"kv_connector": "NixlConnector", "kv_role": "kv_both"},
    "mooncake": {"kv_connector": "MooncakeConnector"},
}
ROLES = {"prefill": "kv_producer", "decode": "kv_consumer"}
"""What a role does with KV caches, for connectors that ask."""


def vllm_workers(settings: LaunchSettings, notes: list[str]) -> list[Process]:
    """Return the workers. Raises UsageError for a KV transfer that vLLM's router and connectors do not share."""
    known = version("vllm", settings.version)
    return [_worker(settings, place, known, notes) for place in places(settings)]


def _worker(settings: LaunchSettings, place: WorkerPlace, known: EngineVersion, notes: list[str]) -> Process:
    ports, role = settings.launch.ports, place.role
    port, group = worker_port(settings, place), settings.group(role)
    environment = {**settings.environment(role), **network_environment(settings), **kv_environment(settings)}
    if settings.deployment.stack.kv_transfer == "nixl":
        environment["VLLM_NIXL_SIDE_CHANNEL_HOST"] = MY_ADDRESS
        environment["VLLM_NIXL_SIDE_CHANNEL_PORT"] = str(ports.side_channel + place.slot * group.gpus)
    return worker_process(
        settings,
        place,
        environment=finish_environment(settings, role, environment, known, "VLLM_", notes),
        command=("vllm", "serve", settings.weights),
        flags=finish_flags(settings, role, {**_flags(settings, place), "--port": port}, known, notes),
    )


def _flags(settings: LaunchSettings, place: WorkerPlace) -> Flags:
    role, topology, ports = place.role, settings.topology, settings.launch.ports
    group = settings.group(role)
    flags: Flags = {
        "--served-model-name": settings.model.hugging_face_id,
        "--host": "0.0.0.0",
        **({"--data-parallel-size": group.gpus} if group.dp_attention else {"--tensor-parallel-size": group.tp}),
        "--kv-cache-dtype": "fp8" if settings.deployment.kv_precision == "fp8" else "auto",
        "--max-model-len": settings.context_tokens,
        "--kv-transfer-config": json.dumps(_connector(settings, place)),
        **settings.flags(role),
    }
    if group.ep > 1:
        flags["--enable-expert-parallel"] = True
        if settings.deployment.stack.all_to_all == "deepep":
            flags["--all2all-backend"] = "deepep_high_throughput" if role == "prefill" else "deepep_low_latency"
    ranks = group.gpus if group.dp_attention else 1
    if group.max_running:
        flags["--max-num-seqs"] = max(1, group.max_running // ranks)
    if group.dp_attention:
        flags["--data-parallel-rpc-port"] = ports.ranks + place.slot
    if role == "prefill":
        flags["--max-num-batched-tokens"] = group.max_batch_tokens // ranks
    if topology.mtp:
        flags["--speculative-config"] = json.dumps({"method": "mtp", "num_speculative_tokens": topology.mtp})
    if topology.stream_interval > 1:
        flags["--stream-interval"] = topology.stream_interval
    if role == "decode" and settings.deployment.stack.stream_workers > 1:
        flags["--api-server-count"] = settings.deployment.stack.stream_workers
    if not settings.launch.prefix_cache:
        flags["--no-enable-prefix-caching"] = True
    return flags


def _connector(settings: LaunchSettings, place: WorkerPlace) -> dict[str, str]:
    transfer = settings.deployment.stack.kv_transfer or ""
    if transfer not in CONNECTORS:
        raise UsageError(f"{settings.deployment.name}: no launch plan for vLLM with {transfer}; use nixl or mooncake")
    return {"kv_role": ROLES[place.role], **CONNECTORS[transfer]}
