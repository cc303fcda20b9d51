"""SGLang's workers: flags by role, parallelism and version."""

from __future__ import annotations

import math

from inferbench.deploy.engine_versions import EngineVersion, version
from inferbench.deploy.launch_commands.mori import mori_environment
from inferbench.deploy.launch_commands.network import kv_environment, network_environment
from inferbench.deploy.launch_commands.user_flags import finish_environment, finish_flags
from inferbench.deploy.launch_plan import Process
from inferbench.deploy.placement import WorkerPlace, places, worker_port, worker_process
from inferbench.deploy.settings import Flags, LaunchSettings
from inferbench.scenario.launch import Role

KV_BACKENDS = {"mori-io": "mori", "mooncake": "mooncake", "nixl": "nixl"}
KV_DTYPES = {"fp8": "fp8_e4m3", "bf16": "auto"}
PREFILL_REQUESTS = 128
"""Requests of a tensor-parallel prefill worker, where the scenario sets none (InferenceX's models.yaml)."""


def sglang_workers(settings: LaunchSettings, notes: list[str]) -> list[Process]:
    """Return the workers under SGLang's own server."""
    known = version("sglang", settings.version)
    return [_worker(settings, place, known, notes) for place in places(settings)]


def _worker(settings: LaunchSettings, place: WorkerPlace, known: EngineVersion, notes: list[str]) -> Process:
    port = worker_port(settings, place)
    listening: Flags = {"--host": "0.0.0.0", "--port": port}
    flags = {**sglang_flags(settings, place, known), **listening}
    return worker_process(
        settings,
        place,
        environment=sglang_environment(settings, place, known, notes),
        command=("python3", "-m", "sglang.launch_server"),
        flags=finish_flags(settings, place.role, flags, known, notes),
    )


def sglang_environment(
    settings: LaunchSettings, place: WorkerPlace, known: EngineVersion, notes: list[str]
) -> dict[str, str]:
    """Return the environment of a worker of SGLang, under whichever server."""
    environment = {
        **settings.environment(place.role),
        **network_environment(settings),
        **kv_environment(settings),
        **mori_environment(settings, place.role, known, notes),
    }
    return finish_environment(settings, place.role, environment, known, "SGLANG_", notes)


def sglang_flags(settings: LaunchSettings, place: WorkerPlace, known: EngineVersion) -> Flags:
    """Return the engine's own flags, which Dynamo's worker takes as well."""
    role, launch = place.role, settings.launch
    flags: Flags = {
        "--model-path": settings.weights,
        "--served-model-name": settings.model.hugging_face_id,
        **_parallelism(settings, role, known),
        "--disaggregation-mode": role,
        "--disaggregation-transfer-backend": KV_BACKENDS[settings.deployment.stack.kv_transfer or ""],
        **_rdma(settings, place),
        "--kv-cache-dtype": KV_DTYPES[settings.deployment.kv_precision],
        **settings.flags(role),
        **_speculation(settings),
        **_limits(settings, role, known),
    }
    if role == "prefill":
        flags["--disaggregation-bootstrap-port"] = launch.ports.bootstrap + place.slot
    if not launch.prefix_cache:
        flags["--disable-radix-cache"] = True
    return flags


def _parallelism(settings: LaunchSettings, role: Role, known: EngineVersion) -> Flags:
    group, stack = settings.group(role), settings.deployment.stack
    flags: Flags = {"--tp-size": group.tp}
    if group.dp_attention:
        if known.knows("--attn-dp-size"):
            flags["--attn-dp-size"] = group.gpus
        else:
            flags |= {"--dp-size": group.gpus, "--enable-dp-attention": True}
    if group.ep > 1:
        flags["--ep-size"] = group.ep
        if stack.all_to_all in ("mori-ep", "deepep"):
            flags["--moe-a2a-backend"] = "mori" if stack.all_to_all == "mori-ep" else "deepep"
            flags["--deepep-mode"] = "normal" if stack.all_to_all == "mori-ep" else "auto"
        if settings.launch.random_routing:
            flags["--ep-dispatch-algorithm"] = "fake"
        if role == "prefill" and stack.two_batch_overlap:
            flags["--enable-two-batch-overlap"] = True
    return flags


def _rdma(settings: LaunchSettings, place: WorkerPlace) -> Flags:
    """NIXL finds its devices by itself."""
    if settings.deployment.stack.kv_transfer == "nixl":
        return {}
    end = place.first_gpu + settings.group(place.role).gpus
    return {"--disaggregation-ib-device": ",".join(settings.rdma_devices[place.first_gpu : end])}


def _speculation(settings: LaunchSettings) -> Flags:
    """The same on both roles: both hold the draft layer's KV cache."""
    depth = settings.topology.mtp
    if not depth:
        return {}
    flags: Flags = {"--speculative-num-steps": depth, "--speculative-num-draft-tokens": depth + 1}
    if settings.draft_weights:
        flags["--speculative-draft-model-path"] = settings.draft_weights
    return flags


def _limits(settings: LaunchSettings, role: Role, known: EngineVersion) -> Flags:
    group, topology = settings.group(role), settings.topology
    most = max(topology.concurrency)
    flags: Flags = {"--context-length": settings.context_tokens}
    if role == "prefill":
        flags["--max-running-requests"] = group.max_running or (most if group.dp_attention else PREFILL_REQUESTS)
        flags["--chunked-prefill-size"] = group.max_batch_tokens
        flags["--disable-cuda-graph"] = True
    elif group.max_running:
        ranks = group.gpus if group.dp_attention else 1
        flags["--max-running-requests"] = group.max_running
        graphs = known.spelling("--cuda-graph-max-bs-decode", "--cuda-graph-max-bs")
        flags[graphs] = math.ceil(group.max_running / ranks)
    if topology.stream_interval > 1:
        flags["--stream-interval"] = topology.stream_interval
    workers = settings.deployment.stack.stream_workers
    if workers > 1 and settings.deployment.stack.framework == "sglang":
        flags["--tokenizer-worker-num"] = workers
    return flags
